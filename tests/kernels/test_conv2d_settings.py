"""conv2d's settings are what README.md says: zeros around the image, rows left out, zeros in the kernel, blocks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import conv2d
from tests.conv_strategies import GENERAL, VARIANTS, assert_same, passes, problems_for

FEW = settings(max_examples=25)
BORDERLESS = ((0, 0), (0, 0))


def zero_stuffed(a: np.ndarray, step: tuple[int, int], axes: tuple[int, int], size=None) -> np.ndarray:
    """a's numbers `step` apart along two axes, zeros between, and after them up to `size`."""
    shape = list(a.shape)
    for axis, s in zip(axes, step, strict=True):
        shape[axis] = (a.shape[axis] - 1) * s + 1
    if size is not None:
        shape[axes[0]], shape[axes[1]] = size
    wide = np.zeros(shape, a.dtype)
    wide[every(step, axes, a.shape)] = a
    return wide


def every(step, axes, shape) -> tuple[slice, ...]:
    parts = [slice(None)] * 4
    for axis, s in zip(axes, step, strict=True):
        parts[axis] = slice(0, (shape[axis] - 1) * s + 1, s)
    return tuple(parts)


@pytest.mark.parametrize("variant", VARIANTS)
@FEW
@given(data=st.data())
def test_padding_is_explicit_zeros_around_the_image(variant, data):
    p = data.draw(problems_for(variant))
    (top, bottom), (left, right) = p.settings["padding"]
    wide = np.pad(p.x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    y, dx, dk, db = passes(replace(p, x=wide, settings={**p.settings, "padding": BORDERLESS}), variant)
    inside = dx[:, top : top + p.x.shape[1], left : left + p.x.shape[2]]
    assert_same(passes(p, variant), (y, inside, dk, db))


@pytest.mark.parametrize("variant", GENERAL)
@FEW
@given(data=st.data())
def test_a_stride_leaves_out_the_positions_between(variant, data):
    p = data.draw(problems_for(variant))
    stride, spans = p.settings["stride"], zip(p.k.shape, p.settings["dilation"], strict=False)
    room = [
        n + sum(pad) - d * (k - 1) for n, pad, (k, d) in zip(p.x.shape[1:3], p.settings["padding"], spans, strict=True)
    ]
    slow = replace(p, dy=zero_stuffed(p.dy, stride, (1, 2), room), settings={**p.settings, "stride": (1, 1)})
    y, dx, dk, db = passes(slow, variant)
    assert_same(passes(p, variant), (y[:, :: stride[0], :: stride[1]], dx, dk, db))


@pytest.mark.parametrize("variant", GENERAL)
@FEW
@given(data=st.data())
def test_dilation_is_a_kernel_with_zeros_between_its_numbers(variant, data):
    p = data.draw(problems_for(variant))
    step = p.settings["dilation"]
    stuffed = replace(p, k=zero_stuffed(p.k, step, (0, 1)), settings={**p.settings, "dilation": (1, 1)})
    y, dx, dk, db = passes(stuffed, variant)
    assert_same(passes(p, variant), (y, dx, dk[:: step[0], :: step[1]], db))


@pytest.mark.parametrize("variant", GENERAL)
@FEW
@given(data=st.data())
def test_groups_are_a_block_diagonal_kernel(variant, data):
    p = data.draw(problems_for(variant))
    groups = p.settings["groups"]
    (P, Q, C, F), filters = p.k.shape, p.k.shape[3] // groups
    blocks = [(slice(g * C, g * C + C), slice(g * filters, g * filters + filters)) for g in range(groups)]
    full = np.zeros((P, Q, C * groups, F), p.k.dtype)
    for rows, columns in blocks:
        full[:, :, rows, columns] = p.k[..., columns]
    y, dx, dk, db = passes(replace(p, k=full, settings={**p.settings, "groups": 1}), variant)
    diagonal = np.concatenate([dk[:, :, rows, columns] for rows, columns in blocks], axis=3)
    assert_same(passes(p, variant), (y, dx, diagonal, db))


@pytest.mark.parametrize("variant", GENERAL)
def test_a_tap_that_every_window_has_in_the_padding_reads_nothing(variant):
    """17 taps over 30 pixels at a dilation of 2: the one window that there is begins two pixels before the image."""
    rng = np.random.default_rng(0)
    x, k = (rng.integers(-4, 5, s).astype(np.float32) for s in ((1, 2, 30, 3), (1, 17, 3, 9)))
    options = {"padding": ((0, 0), (2, 1)), "dilation": (1, 2)}
    y = conv2d.forward(x, k, variant="reference", **options)
    dy = rng.integers(-4, 5, y.shape).astype(np.float32)
    np.testing.assert_array_equal(conv2d.forward(x, k, variant=variant, **options), y)
    for backward, args in (
        (conv2d.backward_data, (dy, k, x.shape)),
        (conv2d.backward_weights, (x, dy, k.shape)),
    ):
        given, exact = (backward(*args, variant=v, **options) for v in (variant, "reference"))
        np.testing.assert_array_equal(given[0], exact[0])  # dx of the only image, or dk
