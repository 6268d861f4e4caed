"""What the three poolings have in common, in every variant: order is kept, shifts pass through, images stay apart."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import avgpool2d, globalavgpool, maxpool2d, registry
from tests.pool_strategies import SEEDS, PoolProblem, pool_problems
from tests.rounding import gamma
from tests.strategies import draw_seeded

FEW = settings(max_examples=25)


def maximum(p: PoolProblem, variant: str):
    y, argmax = maxpool2d.forward(p.x, p.size, variant=variant, **p.settings)
    return y, maxpool2d.backward(p.dy, argmax, p.x.shape, size=p.size, variant=variant, **p.settings)


def mean(p: PoolProblem, variant: str):
    y = avgpool2d.forward(p.x, p.size, variant=variant, **p.settings)
    return y, avgpool2d.backward(p.dy, p.x.shape, size=p.size, variant=variant, **p.settings)


def mean_of_all(p: PoolProblem, variant: str):
    dy = p.dy[:, 0, 0].copy()
    y = globalavgpool.forward(p.x, variant=variant)
    return y, globalavgpool.backward(dy, p.x.shape, variant=variant)


POOLINGS = {"maxpool2d": maximum, "avgpool2d": mean, "globalavgpool": mean_of_all}
CASES = [(passes, v) for name, passes in POOLINGS.items() for v in ("reference", *registry.variants(name, "cpu"))]
EVERY = pytest.mark.parametrize(
    ("passes", "variant"),
    CASES,
    ids=[f"{n}-{v}" for n in POOLINGS for v in ("reference", *registry.variants(n, "cpu"))],
)


@EVERY
@FEW
@given(p=pool_problems(), seed=SEEDS)
def test_a_larger_image_has_no_smaller_result(passes, variant, p, seed):
    """Rounding keeps the order too: both sums round term by term in the same order, and so does the division."""
    larger = p.x + np.abs(draw_seeded(p.x.shape, p.x.dtype, seed, False))
    assert (passes(replace(p, x=larger), variant)[0] >= passes(p, variant)[0]).all()


@EVERY
@FEW
@given(p=pool_problems(integers=True), value=st.integers(-9, 9))
def test_a_constant_image_stays_constant(passes, variant, p, value):
    y, _ = passes(replace(p, x=np.full_like(p.x, value)), variant)
    np.testing.assert_array_equal(y, value)


@EVERY
@FEW
@given(p=pool_problems(), power=st.integers(-8, 8))
def test_a_power_of_two_passes_through_both_ways(passes, variant, p, power):
    """Such a factor rounds nothing, so the bits agree."""
    factor = p.x.dtype.type(2.0**power)
    scaled = passes(replace(p, x=factor * p.x, dy=factor * p.dy), variant)
    for actual, one in zip(scaled, passes(p, variant), strict=True):
        np.testing.assert_array_equal(actual, factor * one)


@EVERY
@FEW
@given(p=pool_problems(), seed=SEEDS)
def test_images_and_channels_do_not_mix_and_their_order_is_kept(passes, variant, p, seed):
    rng = np.random.default_rng(seed)
    images, channels = rng.permutation(p.x.shape[0]), rng.permutation(p.x.shape[3])

    def shuffled(a):
        return np.ascontiguousarray(a[images][..., channels])

    moved = passes(replace(p, x=shuffled(p.x), dy=shuffled(p.dy)), variant)
    for actual, one in zip(moved, passes(p, variant), strict=True):
        np.testing.assert_array_equal(actual, shuffled(one))


@EVERY
@FEW
@given(p=pool_problems())
def test_no_result_lies_outside_the_range_of_its_channel(passes, variant, p):
    """A mean of M numbers may leave it by gamma of M + 1 roundings of the largest magnitude; a maximum never does."""
    y, _ = passes(p, variant)
    low, high = (f(p.x, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
    room = 0 if passes is maximum else gamma(p.x[0, ..., 0].size + 1, p.x.dtype) * np.abs(p.x).max()
    y = y.reshape(p.x.shape[0], -1, 1, p.x.shape[3])
    assert (y >= low - room).all()
    assert (y <= high + room).all()
