"""conv2d obeys the laws of a correlation, exactly on small integers, in every variant."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import conv2d
from tests.conv_strategies import GENERAL, SEEDS, VARIANTS, again, assert_same, general, passes, problems_for
from tests.strategies import ConvProblem, draw_seeded

EVERY = pytest.mark.parametrize("variant", VARIANTS)
FEW = settings(max_examples=25)


@EVERY
@pytest.mark.parametrize("name", ["x", "k", "dy"])
@FEW
@given(data=st.data(), seed=SEEDS, factor=st.integers(-3, 3))
def test_every_pass_is_linear_in_x_in_k_and_in_dy(variant, name, data, seed, factor):
    """What does not read the array stays as it is; the bias belongs to no sum."""
    p = data.draw(problems_for(variant))
    q = again(p, name, seed)
    total = replace(p, **{name: (getattr(p, name) + factor * getattr(q, name)).astype(p.x.dtype)})
    reads = {"x": (True, False, True, False), "k": (True, True, False, False), "dy": (False, True, True, True)}[name]
    parts = zip(*(passes(a, variant, b=False) for a in (total, p, q)), reads, strict=True)
    for whole, one, other, linear in parts:
        np.testing.assert_array_equal(whole, one + factor * other if linear else one)


@EVERY
@FEW
@given(data=st.data())
def test_moving_the_image_by_whole_strides_moves_the_result_in_the_interior(variant, data):
    p = data.draw(problems_for(variant, plain=True))
    y = conv2d.forward(p.x, p.k, p.b, variant=variant, **p.settings)
    rows, columns = (data.draw(st.integers(0, y.shape[a] - 1)) for a in (1, 2))
    cropped = p.x[:, rows * p.settings["stride"][0] :, columns * p.settings["stride"][1] :]
    moved = conv2d.forward(cropped, p.k, p.b, variant=variant, **p.settings)
    np.testing.assert_array_equal(moved, y[:, rows:, columns:])


@EVERY
@FEW
@given(data=st.data())
def test_a_delta_kernel_copies_the_pixel_that_it_points_at(variant, data):
    """Filter f points at one tap of one channel; padded pixels are 0."""
    p = data.draw(problems_for(variant, plain=True))
    (P, Q, C, F), (s, t), (d, e) = p.k.shape, p.settings["stride"], p.settings["dilation"]
    taps = [(data.draw(st.integers(0, P - 1)), f % Q, (f + 1) % C) for f in range(F)]
    k = np.zeros_like(p.k)
    for f, tap in enumerate(taps):
        k[(*tap, f)] = 1
    top, left = (data.draw(st.integers(0, 2)) for _ in (0, 1))
    options = {**p.settings, "padding": ((top, 0), (left, 0))}
    y = conv2d.forward(p.x, k, variant=variant, **options)
    padded = np.pad(p.x, ((0, 0), (top, 0), (left, 0), (0, 0)))
    for f, (i, j, c) in enumerate(taps):
        copied = padded[:, d * i :: s, e * j :: t, c][:, : y.shape[1], : y.shape[2]]
        np.testing.assert_array_equal(y[..., f], copied)


@EVERY
@FEW
@given(data=st.data())
def test_a_box_kernel_is_the_difference_of_four_running_sums(variant, data):
    p = data.draw(problems_for(variant, plain=True))
    options = {**p.settings, "stride": (1, 1), "dilation": (1, 1)}
    y = conv2d.forward(p.x, np.ones_like(p.k), variant=variant, **options)
    (P, Q), total = p.k.shape[:2], np.pad(p.x.sum(3), ((0, 0), (1, 0), (1, 0))).cumsum(1).cumsum(2)
    box = total[:, P:, Q:] - total[:, :-P, Q:] - total[:, P:, :-Q] + total[:, :-P, :-Q]
    np.testing.assert_array_equal(y, np.broadcast_to(box[..., None], y.shape))


@EVERY
@FEW
@given(data=st.data(), seed=SEEDS)
def test_a_separable_kernel_is_a_column_and_then_a_row(variant, data, seed):
    p = data.draw(problems_for(variant, plain=True))
    (P, Q, C, F), (s, t), (d, e) = p.k.shape, p.settings["stride"], p.settings["dilation"]
    column, row = draw_seeded((P, C), p.x.dtype, seed, True), draw_seeded((Q, F), p.x.dtype, seed + 1, True)
    k = column[:, None, :, None] * row[None, :, None, :]
    y = conv2d.forward(p.x, k, variant=variant, **p.settings)
    step = general(variant)
    half = conv2d.forward(p.x, column[:, None, :, None].copy(), stride=(s, 1), dilation=(d, 1), variant=step)
    both = conv2d.forward(half, row[None, :, None, :].copy(), stride=(1, t), dilation=(1, e), variant=step)
    np.testing.assert_array_equal(y, both)


@EVERY
@FEW
@given(data=st.data(), seed=SEEDS)
def test_two_convolutions_are_one_with_the_convolved_kernel(variant, data, seed):
    """k[t] = sum_r k1[t-r] k2[r], summed over the channels between: SciPy's full convolution."""
    p = data.draw(problems_for(variant, plain=True))
    middle, filters = p.k.shape[3], data.draw(st.integers(1, 3))
    side = 3 if variant not in GENERAL else data.draw(st.integers(1, 3))
    second = draw_seeded((side, side, middle, filters), p.x.dtype, seed, True)
    pad = ((side - 1, side - 1), (side - 1, side - 1))  # room for both kernels
    inner = conv2d.forward(np.pad(p.x, ((0, 0), *pad, (0, 0))), p.k, variant=variant)
    y = conv2d.forward(inner, second, variant=variant)
    k = np.zeros((*(n + side - 1 for n in p.k.shape[:2]), p.k.shape[2], filters), p.x.dtype)
    for c, f, m in np.ndindex(p.k.shape[2], filters, middle):
        k[:, :, c, f] += scipy.signal.convolve2d(p.k[:, :, c, m], second[:, :, m, f])
    np.testing.assert_array_equal(y, conv2d.forward(p.x, k, padding=pad, variant=general(variant)))


@EVERY
@FEW
@given(data=st.data())
def test_transposing_image_and_kernel_transposes_the_result(variant, data):
    p = data.draw(problems_for(variant))

    def turned(a, axes=(0, 2, 1, 3)):
        return np.ascontiguousarray(a.transpose(axes))

    swapped = {n: v[::-1] if isinstance(v, tuple) else v for n, v in p.settings.items()}
    q = ConvProblem(turned(p.x), turned(p.k, (1, 0, 2, 3)), p.b, turned(p.dy), swapped)
    y, dx, dk, db = passes(p, variant)
    assert_same(passes(q, variant), (turned(y), turned(dx), turned(dk, (1, 0, 2, 3)), db))


@EVERY
@FEW
@given(data=st.data())
def test_a_kernel_of_zeros_leaves_the_bias(variant, data):
    p = data.draw(problems_for(variant))
    y = conv2d.forward(p.x, np.zeros_like(p.k), p.b, variant=variant, **p.settings)
    np.testing.assert_array_equal(y, np.broadcast_to(p.b, y.shape))
