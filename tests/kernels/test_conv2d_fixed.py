"""conv2d with weights laid out once: the numbers of `cpu`, with what follows a convolution done at its store."""

from typing import NamedTuple

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import add, conv2d, registry
from kernels.conv2d import fixed, fixed_winograd
from kernels.cpu import simd


class Problem(NamedTuple):
    """Arrays of any numbers, and a convolution's settings."""

    x: np.ndarray
    k: np.ndarray
    b: np.ndarray | None
    keywords: dict


@st.composite
def problems(draw):
    """Images and kernels of one group, with more filters than a vector holds, of either dtype."""
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    lanes = simd.BITS // np.dtype(dtype).itemsize // 8
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    P, Q = draw(pair)
    border = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    keywords = {"stride": draw(pair), "dilation": draw(pair), "padding": (border, border)}
    H, W = (d * (n - 1) + draw(st.integers(1, 9)) for d, n in zip(keywords["dilation"], (P, Q), strict=True))
    C, F = draw(st.integers(1, 5)), lanes + draw(st.integers(1, 4 * lanes))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    x, k = rng.standard_normal((draw(st.integers(1, 3)), H, W, C)), rng.standard_normal((P, Q, C, F))
    b = rng.standard_normal(F).astype(dtype) if draw(st.booleans()) else None
    return Problem(x.astype(dtype), k.astype(dtype), b, keywords)


def run(p, a=None, low=-np.inf, high=np.inf, times=1):
    panels, start = fixed.pack(p.k, p.b)
    layout = fixed.lay_out(p.x.shape, p.k.shape, p.k.dtype, **p.keywords)
    _, y_shape = conv2d.geometry(p.x.shape, p.k.shape, groups=1, **p.keywords)
    y = np.full(y_shape, np.nan, p.x.dtype)
    for _ in range(times):
        fixed.forward(p.x, panels, start, layout, a, low, high, out=y)
    return y


@settings(max_examples=60, deadline=None)
@given(p=problems())
def test_the_numbers_are_those_of_cpu_at_every_call(p):
    np.testing.assert_array_equal(run(p, times=2), conv2d.forward(p.x, p.k, p.b, **p.keywords))


@settings(max_examples=30, deadline=None)
@given(p=problems(), limits=st.sampled_from([(0.0, np.inf), (-0.5, 0.25), (0.0, 6.0)]))
def test_an_addition_and_a_clamp_at_the_store_are_those_behind_it(p, limits):
    y = conv2d.forward(p.x, p.k, p.b, **p.keywords)
    a = np.random.default_rng(1).standard_normal(y.shape).astype(y.dtype)
    a.reshape(-1)[0] = np.nan
    expected = np.clip(add.forward(y, a), *limits).astype(y.dtype)
    assert np.isnan(expected).any()
    np.testing.assert_array_equal(run(p, a, *limits), expected)


@pytest.mark.parametrize(("shape", "F"), [((2, 5, 5, 300), 70), ((1, 40, 41, 24), 70), ((1, 16, 16, 256), 64)])
def test_kernels_of_several_panels_and_images_of_several_parts_are_summed_in_the_same_order_by_any_threads(shape, F):
    rng = np.random.default_rng(0)
    k = rng.standard_normal((3, 3, shape[3], F), np.float32)
    keywords = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1)}
    p = Problem(rng.standard_normal(shape, np.float32), k, None, keywords)
    expected, threads = conv2d.forward(p.x, p.k, **keywords), numba.get_num_threads()
    try:
        for count in range(1, threads + 1):
            numba.set_num_threads(count)
            for _ in range(20):  # parts that meet within a tile would spoil each other's sums at most calls
                np.testing.assert_array_equal(run(p), expected)
    finally:
        numba.set_num_threads(threads)


def test_a_nan_pixel_reaches_its_windows_only():
    keywords = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1)}
    x, k = np.ones((2, 6, 7, 2), np.float32), np.ones((3, 3, 2, 40), np.float32)
    x[0, 5, 6] = np.nan
    y = run(Problem(x, k, None, keywords), low=0.0)
    np.testing.assert_array_equal(y, conv2d.forward(x, k, **keywords))
    assert np.isnan(y[0, 4:, 5:]).all()
    assert np.isfinite(y).sum() == y.size - 4 * 40


@pytest.mark.parametrize("spoil", [np.inf, np.nan])
def test_weights_that_would_turn_a_border_of_zeros_into_nan_are_refused(spoil):
    k = np.ones((3, 3, 1, 40), np.float32)
    assert fixed.can_fix(k, 1)
    assert not fixed.can_fix(k, 2)
    assert not fixed.can_fix(k[..., :1], 1)
    k[1, 1] = spoil
    with pytest.raises(ValueError, match="only finite weights"):
        fixed.pack(k, None)


@pytest.mark.parametrize("shape", [(3, 9, 14, 33), (1, 16, 12, 40), (1, 12, 13, 130)])
@pytest.mark.parametrize("F", [32, 45, 129])
def test_winograds_transform_once_gives_the_numbers_of_a_transform_at_every_call_by_any_threads(shape, F):
    rng = np.random.default_rng(0)
    x, b = rng.standard_normal(shape, np.float32), rng.standard_normal(F, np.float32)
    k, padding, threads = (
        rng.standard_normal((3, 3, shape[3], F), np.float32),
        ((1, 2), (0, 1)),
        numba.get_num_threads(),
    )
    expected = conv2d.forward(x, k, b, padding=padding, variant="cpu_winograd")
    settings = conv2d.geometry(shape, k.shape, 1, padding, 1, 1)[0]
    assert fixed_winograd.can_fix(k, shape, settings)
    U, start = fixed_winograd.pack(k, b)
    try:
        for count in range(1, threads + 1):
            numba.set_num_threads(count)
            y = np.full_like(expected, np.nan)
            fixed_winograd.forward(x, U, start, (1, 0), out=y)
            np.testing.assert_allclose(y, expected, rtol=0, atol=bound(x, k))
    finally:
        numba.set_num_threads(threads)


def bound(x, k):
    """Twice what either may be off: registry.OWN_BOUNDS times a sum's bound, with the largest terms everywhere."""
    terms = 9 * k.shape[2]
    per_sum = (terms + 41) * np.finfo(np.float32).eps / 2 * terms * np.abs(x).max() * np.abs(k).max()
    return 2 * registry.OWN_BOUNDS["conv2d", "cpu_winograd"] * per_sum


def test_winograd_is_left_alone_where_it_does_not_pay_or_does_not_exist():
    k = np.ones((3, 3, 32, 32), np.float32)
    plain = conv2d.geometry((1, 12, 12, 32), k.shape, 1, 1, 1, 1)[0]
    assert fixed_winograd.can_fix(k, (1, 12, 12, 32), plain)
    assert not fixed_winograd.can_fix(k, (1, 8, 8, 32), plain)
    assert not fixed_winograd.can_fix(k, (1, 12, 12, 32), {**plain, "stride": (2, 1)})
    assert not fixed_winograd.can_fix(np.full_like(k, np.nan), (1, 12, 12, 32), plain)
    with pytest.raises(ValueError, match="only 3x3 kernels"):
        fixed_winograd.pack(k[:2], None)
