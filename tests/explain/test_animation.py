"""Animations: every frame's products are the formula's, and add up to the reference's number."""

import xml.etree.ElementTree as ET
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convnet.explain import animate
from convnet.explain.animation.frames import PASSES
from convnet.explain.animation.lesson_pictures import LESSONS
from kernels import conv2d
from kernels.conv2d import reference

PICTURES = Path(conv2d.__file__).parent / "pictures"
SVG = "{http://www.w3.org/2000/svg}"


@given(
    which=st.sampled_from(sorted(PASSES)),
    size=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    pads=st.tuples(*[st.integers(0, 2)] * 4),
)
def test_the_frames_are_the_references_numbers(which, size, kernel, stride, dilation, pads):
    padding = (pads[:2], pads[2:])
    spans = [dilation[a] * (kernel[a] - 1) + 1 for a in (0, 1)]
    if any(size[a] + sum(padding[a]) < spans[a] for a in (0, 1)):
        with pytest.raises(ValueError, match="conv2d"):
            animate(which, size=size, kernel=kernel, stride=stride, dilation=dilation, padding=padding)
        return
    a = animate(which, size=size, kernel=kernel, stride=stride, dilation=dilation, padding=padding)
    how = {"stride": stride, "dilation": dilation, "padding": padding, "groups": 1}
    first, second = a.first[None, :, :, None], a.second[:, :, None, None]
    if which == "forward":
        expected = reference.forward(first, second, **how)[0, :, :, 0]
    elif which == "backward_data":
        expected = reference.backward_data(first, second, (1, *size, 1), **how)[0, :, :, 0]
    else:
        dk, _ = reference.backward_weights(first, a.second[None, :, :, None], (*kernel, 1, 1), **how)
        expected = dk[:, :, 0, 0]
    np.testing.assert_array_equal(a.result, expected)
    for frame in a.frames:
        inside = [m for m in frame.meetings if not m.padding]
        assert sum(a.first[m.first] * a.second[m.second] for m in inside) == frame.value == expected[frame.cell]


def test_your_own_numbers_are_shown_and_the_sum_is_written_out():
    a = animate(x=[[1, 2], [3, 4]], k=[[2, -1]])
    assert a.text(a.frames[1]) == "y(1,0) = 3·2 + 4·(−1) = 2"
    assert "y(1,0) = 3·2 + 4·(−1) = 2" in a.svg()
    outside = animate(x=[[5]], k=[[1, 2, 3]], padding=((0, 0), (1, 1)))
    assert outside.text(outside.frames[0]) == "y(0,0) = 0·1 + 5·2 + 0·3 = 10"


def test_the_svg_is_a_picture_by_itself_with_a_group_for_every_frame_and_result():
    a = animate("forward", size=4)
    root = ET.fromstring(a.svg())
    groups = root.findall(f"{SVG}g")
    assert len(groups) == 2 * len(a.frames)
    visible = ["visibility:visible" in g.get("style") for g in groups]
    assert visible == [False, True] * 3 + [True, True]  # without motion: the last frame, and all results
    texts = ["".join(g.itertext()).strip() for g in groups]
    assert texts[1::2] == [f"{frame.value:.3g}".replace("-", "−") for frame in a.frames]
    assert a.title in root.find(f"{SVG}title").text
    assert "http" not in a.svg().replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in a.svg()
    assert "prefers-reduced-motion" in a.svg()
    assert a._repr_html_().startswith('<img alt="forward: ')


def test_a_gif_has_a_picture_for_every_frame_and_no_two_are_the_same(tmp_path):
    from PIL import Image

    a = animate("backward_weights", size=4, kernel=2)
    picture = Image.open(BytesIO(a.save(tmp_path / "a.gif").read_bytes()))
    assert picture.n_frames == len(a.frames) == 4
    assert picture.info["loop"] == 0
    shown = []
    for t in range(picture.n_frames):
        picture.seek(t)
        shown.append(picture.convert("RGB").tobytes())
    assert len(set(shown)) == 4


@pytest.mark.parametrize("name", LESSONS)
def test_the_pictures_in_the_lesson_are_those_that_the_command_makes(name):
    made = animate(**LESSONS[name]).svg()
    assert (PICTURES / f"{name}.svg").read_text(encoding="utf-8") == made
    assert len(made) < 40_000
    assert f"pictures/{name}.svg" in (PICTURES.parent / "README.md").read_text(encoding="utf-8")


def test_what_cannot_be_drawn_is_named(tmp_path):
    with pytest.raises(ValueError, match="the pass must be one of forward, backward_data, backward_weights"):
        animate("backward")
    with pytest.raises(ValueError, match="1 to 400 cells can be drawn"):
        animate(size=20)
    with pytest.raises(ValueError, match=r"dy must have y's shape \(3, 3\), got \(2, 2\)"):
        animate("backward_data", dy=np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"x must be \(rows, columns\)"):
        animate(x=[1, 2])
    with pytest.raises(ValueError, match=r"must end in \.svg or \.gif"):
        animate().save(tmp_path / "a.png")


def test_the_command_writes_what_it_says(tmp_path):
    from typer.testing import CliRunner

    from convnet.cli import app

    out = tmp_path / "conv.svg"
    settings = ["--size", "5x6", "--stride", "2", "--padding", "same", "--out", str(out)]
    result = CliRunner().invoke(app, ["animate", "backward_data", *settings], catch_exceptions=False)
    assert "output 3x3" in result.output
    assert out.read_text() == animate("backward_data", size=(5, 6), stride=2, padding="same").svg()
    with pytest.raises(ValueError, match="--stride must be a number or two"):
        CliRunner().invoke(app, ["animate", "forward", "--stride", "two"], catch_exceptions=False)


def test_a_number_that_is_none_is_not_drawn():
    with pytest.raises(ValueError, match="animate: k has numbers that cannot be drawn"):
        animate(k=[[1, float("nan")]])
