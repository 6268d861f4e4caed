"""conv2d's windows of three taps (tiles_window.py): exact on integers, and blind to what is not inside the image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import conv2d
from kernels.conv2d.cpu import backward_data_way, forward_way
from kernels.cpu import simd

WIDE = 14  # pixels of a tile on AVX-512, the most of all hosts
FEW = min(7, simd.BITS // 64)  # channels that are one vector of either type, and fewer than tiles_narrow.py takes


@st.composite
def problems(draw):
    """(x, k, dy, settings) of small integers, whose forward and backward_data both go by windows."""
    groups, depthwise = draw(st.integers(1, 3)), draw(st.booleans())
    c, f = (1, 1) if depthwise else (draw(st.integers(2, FEW)), draw(st.integers(2, FEW)))
    channels = groups * (draw(st.integers(1, 9)) if depthwise else 1)
    groups = channels if depthwise else groups
    rows, taps, dilation = draw(st.integers(1, 6)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    left, right = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    top, width = draw(st.integers(0, 2)), draw(st.integers(WIDE + 2, 2 * WIDE + 3))
    rows = max(rows, dilation * (taps - 1) + 1)
    keywords = {
        "stride": (draw(st.integers(1, 2)), 1), "padding": ((top, 1), (left, right)),
        "dilation": (dilation, 1), "groups": groups,
    }  # fmt: skip
    x_shape, k_shape = (draw(st.integers(1, 2)), rows, width, c * groups), (taps, 3, c, f * groups)
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    _, y_shape = conv2d.geometry(x_shape, k_shape, **keywords)
    x, k, dy = (rng.integers(-3, 4, s).astype(dtype) for s in (x_shape, k_shape, y_shape))
    return x, k, dy, keywords


def ways(x, k, dy, keywords):
    normal, _ = conv2d.geometry(x.shape, k.shape, **keywords)
    sizes = x.shape[2], dy.shape[2], k.shape
    return [way(*sizes, **normal, itemsize=x.itemsize) for way in (forward_way, backward_data_way)]


@settings(max_examples=60)
@given(p=problems())
def test_both_passes_are_the_formulas_exactly(p):
    x, k, dy, keywords = p
    assert ways(*p) == ["window", "window"]
    b = np.arange(k.shape[3]).astype(x.dtype)
    exact = conv2d.forward(x, k, b, variant="cpu_naive", **keywords)
    np.testing.assert_array_equal(conv2d.forward(x, k, b, **keywords), exact)
    exact = conv2d.backward_data(dy, k, x.shape, variant="cpu_naive", **keywords)
    np.testing.assert_array_equal(conv2d.backward_data(dy, k, x.shape, **keywords), exact)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_an_infinite_weight_meets_no_padding_and_a_nan_pixel_only_its_windows(groups, padding):
    """A zero read for what is outside would make NaN of an infinite weight; a pixel of the next line would, too."""
    rng = np.random.default_rng(0)
    x, k = rng.standard_normal((2, 6, 20, 2)), rng.standard_normal((3, 3, 2 // groups, 2))
    x[0, 2, 0], x[1, 3, 19] = np.nan, np.nan
    k[0, 0, 0, 1], k[2, 2, 0, 0] = np.inf, -np.inf
    keywords = {"stride": 1, "padding": padding, "dilation": 1, "groups": groups}
    dy = rng.standard_normal(conv2d.forward(x, k, None, **keywords).shape)
    dy[1, 2, 0], dy[0, 1, -1] = np.nan, np.nan
    assert ways(x, k, dy, keywords) == ["window", "window"]
    exact = conv2d.forward(x, k, None, variant="cpu_naive", **keywords)
    np.testing.assert_allclose(conv2d.forward(x, k, None, **keywords), exact, rtol=1e-12, atol=1e-12)
    exact = conv2d.backward_data(dy, k, x.shape, variant="cpu_naive", **keywords)
    np.testing.assert_allclose(conv2d.backward_data(dy, k, x.shape, **keywords), exact, rtol=1e-12, atol=1e-12)
