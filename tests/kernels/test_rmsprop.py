"""rmsprop: every variant is Keras's update, in place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import registry, rmsprop
from kernels.rmsprop import reference
from tests.array_strategies import equal_arrays
from tests.guards import assert_guards_stand, guarded
from tests.rounding import assert_within

VARIANTS = registry.variants("rmsprop", "cpu")
MODES = [{}, {"momentum": 0.9}, {"centered": True}, {"momentum": 0.9, "centered": True, "weight_decay": 0.3}]


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=equal_arrays(5), mode=st.sampled_from(MODES))
def test_one_update_is_within_the_rounding_bound_of_the_reference(variant, p, mode):
    w, g, m, a = (x.copy() for x in (p[0], p[1], p[3], p[4]))
    v = np.asarray(p[2] * p[2] + 2 * a * a)  # a mean of squares, well above the square of the mean
    exact = reference.update(w, g, v, m, a, **mode)
    w64, g64, v64, m64, a64 = (x.astype(float) for x in (w, g, v, m, a))
    size_v, size_a = 0.9 * v64 + 0.1 * g64**2, 0.9 * np.abs(a64) + 0.1 * np.abs(g64)
    # the root loses what the difference under it loses
    spread = exact[1] - (exact[3] ** 2 if mode.get("centered") else 0) + 1e-7
    terms = size_v + (2 * size_a**2 if mode.get("centered") else 0) + 1e-7
    step = 0.001 * np.abs(g64) / np.sqrt(spread) * (1 + terms / spread) + mode.get("momentum", 0) * np.abs(m64)
    rmsprop.update(w, g, v, m, a, variant=variant, **mode)
    assert_within(w, exact[0], np.abs(w64) + step, 20, w.dtype)
    assert_within(v, exact[1], size_v, 5, w.dtype)
    assert_within(m, exact[2], step + np.abs(m64), 16, w.dtype)
    assert_within(a, exact[3], size_a + np.abs(a64), 5, w.dtype)


def run(variant, dtype, steps, momentum=0.0, centered=False, weight_decay=0.0):
    """`steps` updates in a bowl, beside Keras's formulas on whole arrays in float64."""
    rng = np.random.default_rng(0)
    curve, p = rng.uniform(0.1, 2, 40), rng.standard_normal(40)
    v, m, a = np.zeros((3, 40))
    state = [p.astype(dtype), *np.zeros((3, 40), dtype)]
    mode = {"lr": 0.01, "rho": 0.95, "momentum": momentum, "centered": centered, "weight_decay": weight_decay}
    for t in range(steps):
        noise = np.cos(np.arange(40) + t)
        g = (curve * state[0] + noise).astype(dtype)
        rmsprop.update(state[0], g, *state[1:], variant=variant, **mode)
        g = curve * p + noise
        p = p - p * weight_decay * 0.01
        v, a = 0.95 * v + 0.05 * g**2, 0.95 * a + 0.05 * g
        d = 0.01 * g / np.sqrt(v - (a**2 if centered else 0) + 1e-7)
        m = momentum * m + d
        p = p - m
    return state[0], p


@pytest.mark.parametrize("variant", ["reference", *VARIANTS])
@pytest.mark.parametrize("mode", MODES)
def test_a_thousand_updates_follow_keras_formula(variant, mode):
    actual, expected = run(variant, np.float64, 1000, **mode)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-10)
    actual, expected = run(variant, np.float32, 1000, **mode)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-3)


@pytest.mark.parametrize("variant", ["reference", *VARIANTS])
def test_the_first_step_has_length_lr_over_the_root_of_one_minus_rho(variant):
    p, g = np.zeros(5), np.array([1e-3, -1.0, 50.0, -1e4, 1.0])
    assert rmsprop.update(p, g, np.zeros(5), lr=0.25, rho=0.75, epsilon=0.0, variant=variant) is None
    np.testing.assert_allclose(p, -0.5 * np.sign(g), rtol=1e-12)


@pytest.mark.parametrize("variant", ["reference", *VARIANTS])
def test_states_that_a_mode_does_not_use_are_not_needed_and_not_touched(variant):
    p, v, m, a = np.ones((4, 3))
    rmsprop.update(p, np.ones(3), v, m, a, variant=variant)
    np.testing.assert_array_equal([m, a], np.ones((2, 3)))
    q, w = np.ones((2, 3))
    rmsprop.update(q, np.ones(3), w, variant=variant)
    np.testing.assert_array_equal([q, w], [p, v])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("mode", MODES)
def test_large_arrays_on_all_cores_have_the_bits_of_small_ones(variant, mode):
    arrays = list(np.abs(np.random.default_rng(0).standard_normal((5, 70_001))).astype(np.float32))
    arrays[2] += 2 * arrays[4] ** 2
    parts = [a.copy() for a in arrays]
    rmsprop.update(*arrays, variant=variant, **mode)
    for i in range(0, 70_001, 9999):
        rmsprop.update(*(a[i : i + 9999] for a in parts), variant=variant, **mode)
    np.testing.assert_array_equal(arrays, parts)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", [37, 40_000])
def test_only_the_parameter_and_the_states_are_overwritten(variant, size):
    arrays, memories = zip(*(guarded((size,), np.float64) for _ in range(4)), strict=True)
    p, v, m, a = arrays
    p[...], v[...], m[...], a[...], g = 1, 0, 0, 0, np.full(size, 2.0)
    g.flags.writeable = False
    rmsprop.update(p, g, v, m, a, lr=1.0, rho=0.5, momentum=0.5, centered=True, epsilon=0.0, variant=variant)
    for memory in memories:
        assert_guards_stand(memory)
    # v = 2, a = 1: the step is 2 / sqrt(2 - 1)
    np.testing.assert_array_equal([p, v, m, a, g], [[x] * size for x in (-1, 2, 2, 1, 2)])


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_nan_gradient_spoils_its_own_parameter_only_and_a_strided_one_is_read(variant):
    (p, v, m), g = np.zeros((3, 40), np.float32), np.zeros(80, np.float32)
    g[10] = np.nan
    rmsprop.update(p, g[::2], v, m, momentum=0.5, variant=variant)
    for a in (p, v, m):
        assert np.flatnonzero(np.isnan(a)).tolist() == [5]


def test_a_wrong_argument_is_named_with_what_arrived_and_what_was_expected():
    p, g, v, m = np.ones((4, 3))
    for arguments, settings, error, message in (
        ((p, g, v), {"rho": 1.0}, ValueError, r"rmsprop: rho must be in \[0, 1\), got 1.0"),
        ((p, g, v), {"momentum": 0.5}, ValueError, "rmsprop: momentum=0.5 needs m, the velocity"),
        ((p, g, v), {"centered": True}, ValueError, "rmsprop: centered=True needs a, the gradient's mean"),
        ((p, g, v), {"lr": "fast"}, TypeError, "rmsprop: lr must be a number, got 'fast'"),
        ((p, g, v, v), {"momentum": 0.5}, ValueError, "rmsprop: v and m overlap"),
        ((p, v, v), {}, ValueError, "rmsprop: g and v overlap"),
        ((p, g, v[:2]), {}, ValueError, r"rmsprop: v must have shape \(3,\) \(p's shape\), got \(2,\)"),
    ):
        with pytest.raises(error, match=message):
            rmsprop.update(*arguments, **settings)
