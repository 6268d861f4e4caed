"""The rectangles of taps and coordinates that the weights' gradient goes through hold every pair in the image once."""

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import conv2d
from kernels.conv2d.taps import forward_axis, rectangles

sizes = st.integers(1, 9)


@numba.njit
def found(size, source, taps, stride, before, dilation, by_tap):  # only compiled code may call the kernels' inner parts
    return rectangles(forward_axis(size, source, taps, stride, before, dilation), taps, by_tap)


@pytest.mark.parametrize("by_tap", [False, True])
@given(source=sizes, taps=sizes, stride=st.integers(1, 3), before=st.integers(0, 9), dilation=st.integers(1, 3),
       after=st.integers(0, 9))  # fmt: skip
def test_rectangles_hold_every_pair_of_tap_and_coordinate_in_the_image_once(
    by_tap, source, taps, stride, before, dilation, after
):
    size = max(0, (source + before + after - dilation * (taps - 1) - 1) // stride + 1)
    pairs = []
    for tap, some_taps, first, coordinates, at, step in found(size, source, taps, stride, before, dilation, by_tap):
        for p in range(some_taps):
            for i in range(coordinates):
                assert at + i * step + p * dilation == stride * (first + i) + dilation * (tap + p) - before
                pairs.append((tap + p, first + i))
    places = ((p, i, stride * i + dilation * p - before) for p in range(taps) for i in range(size))
    assert sorted(pairs) == [(p, i) for p, i, place in places if 0 <= place < source]


@pytest.mark.parametrize(
    ("x_shape", "k_shape", "settings"),
    [
        ((2, 13, 11, 16), (3, 3, 16, 32), {"padding": 1}),
        ((2, 12, 13, 17), (5, 4, 17, 33), {"padding": 2, "stride": 2}),
        ((1, 14, 9, 24), (3, 3, 24, 80), {"padding": 2, "dilation": 2}),
        ((3, 9, 8, 64), (3, 3, 16, 80), {"padding": 1, "groups": 4}),
        ((2, 9, 8, 16), (3, 3, 16, 16), {"padding": 2}),  # a tap reads whole lines of x into a part of y's lines
        ((1, 3, 2, 16), (7, 7, 16, 16), {"padding": 3}),  # no window is whole
        ((2, 40, 33, 1), (7, 7, 1, 40), {"padding": 3}),
        ((2, 21, 20, 40), (3, 5, 1, 40), {"padding": 2, "groups": 40}),
        ((2, 21, 20, 40), (5, 5, 1, 40), {"padding": 1, "groups": 40, "stride": 2}),
    ],
    ids=str,
)
def test_padded_layers_whose_channels_fill_tiles_agree_bit_for_bit_with_the_formula(x_shape, k_shape, settings):
    rng = np.random.default_rng(0)
    _, y_shape = conv2d.geometry(
        x_shape, k_shape, **{"stride": 1, "padding": 0, "dilation": 1, "groups": 1, **settings}
    )
    x, k, dy = (rng.integers(-3, 4, s).astype(np.float32) for s in (x_shape, k_shape, y_shape))
    for variant in ("cpu", "cpu_naive"):
        y = conv2d.forward(x, k, **settings, variant=variant)
        results = (y, conv2d.backward_data(dy, k, x_shape, **settings, variant=variant))
        results += conv2d.backward_weights(x, dy, k_shape, **settings, variant=variant)
        if variant == "cpu":
            ours = results
    for a, b in zip(ours, results, strict=True):
        np.testing.assert_array_equal(a, b)
