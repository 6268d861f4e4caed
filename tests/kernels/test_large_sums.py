"""Means over many numbers: in float32 as close to the true mean as if only a few numbers had been added."""

import math

import numpy as np
import pytest

from kernels import avgpool2d, batchnorm, globalavgpool, registry

U = 2.0**-24
VARIANTS = [v for v in registry.variants("avgpool2d", "cpu") if v != "reference"]


def near_a_thousand(shape):
    return (1000 + np.random.default_rng(0).random(shape)).astype(np.float32)


def true_mean(x):
    """The mean by exact sums."""
    return np.array([math.fsum(column) / len(column) for column in x.reshape(-1, x.shape[-1]).T.astype(float)])


@pytest.mark.parametrize("side", [9, 512, 1024])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_mean_of_a_large_window_is_off_by_a_few_roundings(side, channels):
    x = near_a_thousand((1, side, side, channels))
    for variant in VARIANTS:
        mean = avgpool2d.forward(x, (side, side), variant=variant)[0, 0, 0]
        assert np.abs(mean - true_mean(x)).max() <= 4 * U * 1001
        assert (mean <= x.max((0, 1, 2))).all()
        assert (mean >= x.min((0, 1, 2))).all()


def test_large_windows_that_overlap_the_edge_count_real_pixels_alone():
    x = near_a_thousand((2, 40, 50, 3))
    y = avgpool2d.forward(x, (30, 30), stride=(25, 25), padding=((7, 7), (9, 9)))
    expected = avgpool2d.forward(x.astype(np.float64), (30, 30), stride=(25, 25), padding=((7, 7), (9, 9)))
    np.testing.assert_allclose(y, expected, rtol=5 * U)


@pytest.mark.parametrize("channels", [1, 5])
def test_the_mean_of_a_large_image_is_off_by_a_few_roundings(channels):
    x = near_a_thousand((1, 1024, 1024, channels))
    y = globalavgpool.forward(x)[0]
    assert np.abs(y - true_mean(x)).max() <= 4 * U * 1001


@pytest.mark.parametrize("channels", [1, 7])
def test_the_statistics_of_many_rows_are_off_by_a_few_roundings(channels):
    x = near_a_thousand((2_000_000 // channels, channels))
    one = np.ones(channels, np.float32)
    _, mean, var = batchnorm.forward(x, one, one, epsilon=1e-3)
    true = true_mean(x)
    assert np.abs(mean - true).max() <= 4 * U * 1001
    spread = true_mean((x.astype(float) - true) ** 2)
    assert np.abs(var - spread).max() <= 8 * U * spread.max() + (4 * U * 1001) ** 2


def test_the_gradients_of_many_rows_are_off_by_a_few_roundings():
    dy = near_a_thousand((1_000_000, 2))
    x = np.random.default_rng(1).standard_normal(dy.shape).astype(np.float32)
    one, zero = np.ones(2, np.float32), np.zeros(2, np.float32)
    _, _, dbeta = batchnorm.backward(dy, x, one, zero, one, epsilon=1e-3)
    np.testing.assert_allclose(dbeta, true_mean(dy) * len(dy), rtol=4 * U)
