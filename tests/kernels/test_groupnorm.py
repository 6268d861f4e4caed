"""groupnorm: every variant is its formula, and the formula is the definition in NumPy's words."""

import numpy as np
import pytest

from kernels import batchnorm, groupnorm, registry
from kernels.verify.implementation import Registered
from kernels.verify.operations import load_operations
from kernels.verify.problems import case
from kernels.verify.property_list import PROPERTIES, applies
from tests.array_strategies import slope

VARIANTS = registry.variants("groupnorm", "cpu")
OPERATION = load_operations()["groupnorm"]
EVERY = pytest.mark.parametrize("variant", VARIANTS)


@pytest.mark.parametrize(("shape", "groups"), [((3, 4, 5, 6), 3), ((2, 7), 1), ((4, 3, 2), 2), ((1, 9, 1), 1)])
@pytest.mark.parametrize("variant", ["reference", *VARIANTS])
def test_each_group_of_each_sample_has_mean_beta_and_deviation_gamma(variant, shape, groups):
    rng = np.random.default_rng(0)
    x, (gamma, beta) = rng.standard_normal(shape) * 3 + 2, rng.standard_normal((2, shape[-1]))
    y, mean, var = groupnorm.forward(x, gamma, beta, groups=groups, epsilon=1e-5, variant=variant)
    split = x.reshape(shape[0], -1, groups, shape[-1] // groups)
    np.testing.assert_allclose(mean, split.mean((1, 3)), rtol=1e-12)
    np.testing.assert_allclose(var, split.var((1, 3)), rtol=1e-12)
    hat = (split - split.mean((1, 3), keepdims=True)) / np.sqrt(split.var((1, 3), keepdims=True) + 1e-5)
    np.testing.assert_allclose(y, gamma * hat.reshape(shape) + beta, rtol=1e-11, atol=1e-12)


@EVERY
@pytest.mark.parametrize("what", ["integers", "random", "unlike", "differences"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_has_the_properties_that_verify_checks(variant, what, dtype):
    held, impl, rng = PROPERTIES[what], Registered(OPERATION, variant, "cpu"), np.random.default_rng(1)
    for seed in range(8):
        g = OPERATION.draw(rng)
        for name in OPERATION.passes:
            if applies(what, OPERATION, impl, name, dtype):
                held.check(OPERATION, impl, name, case(OPERATION, impl, g, dtype, held.kind, seed, False))


@EVERY
def test_every_gradient_is_a_central_difference(variant):
    rng = np.random.default_rng(0)
    x, dy, u = rng.standard_normal((3, 3, 4, 6))
    gamma, beta, v, w = rng.standard_normal((4, 6))

    def loss(x, gamma, beta):
        return np.vdot(dy, groupnorm.forward(x, gamma, beta, groups=2, variant=variant)[0])

    _, mean, var = groupnorm.forward(x, gamma, beta, groups=2, variant=variant)
    dx, dgamma, dbeta = groupnorm.backward(dy, x, gamma, mean, var, groups=2, variant=variant)
    assert slope(lambda a: loss(a, gamma, beta), x, u) == pytest.approx(np.vdot(dx, u), rel=1e-6)
    assert slope(lambda a: loss(x, a, beta), gamma, v) == pytest.approx(np.vdot(dgamma, v), rel=1e-6)
    assert slope(lambda a: loss(x, gamma, a), beta, w) == pytest.approx(np.vdot(dbeta, w), rel=1e-6)


@EVERY
def test_one_sample_with_a_group_for_each_channel_is_batch_normalisation(variant):
    rng = np.random.default_rng(0)
    x, (gamma, beta) = rng.standard_normal((1, 30, 5)), rng.standard_normal((2, 5))
    y, mean, var = groupnorm.forward(x, gamma, beta, groups=5, variant=variant)
    expected = batchnorm.forward(x, gamma, beta, variant="reference")
    for a, e in zip((y, mean[0], var[0]), expected, strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-11, atol=1e-12)


@EVERY
def test_a_sample_never_depends_on_the_others(variant):
    x = np.random.default_rng(0).standard_normal((70, 40, 12)).astype("f")
    one = np.ones(12, "f")
    y, *_ = groupnorm.forward(x, one, one, groups=3, variant=variant)
    for n in (0, 33, 69):
        alone, *_ = groupnorm.forward(x[n : n + 1], one, one, groups=3, variant=variant)
        np.testing.assert_array_equal(y[n], alone[0])


@EVERY
def test_a_mean_far_above_the_deviation_costs_no_digits(variant):
    x = np.random.default_rng(0).choice([1e4 - 1, 1e4 + 1], (2, 64, 8)).astype("f")
    _, _, var = groupnorm.forward(x, np.ones(8, "f"), np.zeros(8, "f"), groups=2, variant=variant)
    np.testing.assert_allclose(var, x.astype(float).reshape(2, 64, 2, 4).var((1, 3)), rtol=1e-5)


def test_a_wrong_argument_is_named_with_what_arrived_and_what_was_expected():
    x, one = np.ones((2, 3, 4)), np.ones(4)
    with pytest.raises(ValueError, match="groupnorm: groups=3 does not divide the 4 channels"):
        groupnorm.forward(x, one, one, groups=3)
    with pytest.raises(ValueError, match="epsilon must be > 0"):
        groupnorm.forward(x, one, one, epsilon=0)
    with pytest.raises(ValueError, match=r"gamma must have shape \(4,\)"):
        groupnorm.forward(x, np.ones(3), one)
    with pytest.raises(ValueError, match=r"mean must have shape \(2, 2\)"):
        groupnorm.backward(x, x, one, np.ones((2, 1)), np.ones((2, 2)), groups=2)
