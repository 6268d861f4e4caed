"""adam: every variant is the published update, in place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import adam, registry
from kernels.adam import reference
from tests.array_strategies import equal_arrays
from tests.guards import assert_guards_stand, guarded
from tests.rounding import assert_within

VARIANTS = registry.variants("adam", "cpu")


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=equal_arrays(4), step=st.integers(1, 10_000), decay=st.sampled_from([0.0, 0.1]))
def test_one_update_is_within_the_rounding_bound_of_the_reference(variant, p, step, decay):
    w, g, m, v = p[0], p[1], p[2], np.asarray(np.abs(p[3]))
    exact = reference.update(w, g, m, v, step=step, weight_decay=decay)
    g64, m64, v64 = (a.astype(float) for a in (g, m, v))
    sizes = (np.abs(m64) + 0.1 * (np.abs(g64) + np.abs(m64)), v64 + 0.001 * (g64**2 + v64))
    # m's error goes into p through alpha / (sqrt(v) + epsilon)
    alpha = 0.001 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
    size = np.abs(w.astype(float)) + alpha * sizes[0] / (np.sqrt(exact[2]) + 1e-7)
    adam.update(w, g, m, v, step=step, weight_decay=decay, variant=variant)
    assert_within(m, exact[1], sizes[0], 5, w.dtype)
    assert_within(v, exact[2], sizes[1], 5, w.dtype)
    assert_within(w, exact[0], size, 20, w.dtype)


def run(variant, dtype, steps, decay):
    """`steps` updates in a bowl, beside algorithm 1 of Kingma & Ba on whole arrays in float64."""
    rng = np.random.default_rng(0)
    curve, p = rng.uniform(0.1, 2, 40), rng.standard_normal(40)
    m, v, state = np.zeros(40), np.zeros(40), (p.astype(dtype), np.zeros(40, dtype), np.zeros(40, dtype))
    for t in range(1, steps + 1):
        noise = np.cos(np.arange(40) + t)
        g = (curve * state[0] + noise).astype(dtype)
        adam.update(state[0], g, *state[1:], step=t, lr=0.01, weight_decay=decay, variant=variant)
        g = curve * p + noise
        p = p - 0.01 * decay * p
        m = 0.9 * m + (1 - 0.9) * g
        v = 0.999 * v + (1 - 0.999) * g**2
        # the paper's epsilon, for which its epsilon-hat = epsilon * sqrt(1 - beta2^t) is our 1e-7
        epsilon = 1e-7 / np.sqrt(1 - 0.999**t)
        p = p - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + epsilon)
    return state[0], p


@pytest.mark.parametrize("variant", ["reference", *VARIANTS])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_a_thousand_updates_follow_the_paper(variant, decay):
    actual, expected = run(variant, np.float64, 1000, decay)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-11)
    actual, expected = run(variant, np.float32, 1000, decay)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-4)


@pytest.mark.parametrize("variant", ["reference", *VARIANTS])
def test_the_first_step_has_length_lr_whatever_the_gradient(variant):
    p, g = np.zeros(5), np.array([1e-3, -1.0, 50.0, -1e4, 0.0])
    assert adam.update(p, g, np.zeros(5), np.zeros(5), step=1, lr=0.25, epsilon=1e-12, variant=variant) is None
    np.testing.assert_allclose(p, -0.25 * np.sign(g), rtol=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_large_arrays_on_all_cores_have_the_bits_of_small_ones(variant):
    arrays = list(np.abs(np.random.default_rng(0).standard_normal((4, 70_001))).astype(np.float32))
    parts = [a.copy() for a in arrays]
    adam.update(*arrays, step=3, weight_decay=0.1, variant=variant)
    for i in range(0, 70_001, 9999):
        adam.update(*(a[i : i + 9999] for a in parts), step=3, weight_decay=0.1, variant=variant)
    np.testing.assert_array_equal(arrays, parts)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", [37, 40_000])
def test_only_p_m_and_v_are_overwritten(variant, size):
    (p, m1), (m, m2), (v, m3) = (guarded((size,), np.float64) for _ in range(3))
    p[...], m[...], v[...], g = 1, 0, 0, np.full(size, 2.0)
    g.flags.writeable = False
    adam.update(p, g, m, v, step=1, beta1=0.5, beta2=0.75, variant=variant)
    for memory in (m1, m2, m3):
        assert_guards_stand(memory)
    np.testing.assert_array_equal([m, v, g], [[1.0] * size, [1.0] * size, [2.0] * size])


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_nan_gradient_spoils_its_own_parameter_only_and_a_strided_one_is_read(variant):
    (p, m, v), g = np.zeros((3, 40), np.float32), np.zeros(80, np.float32)
    g[10] = np.nan
    adam.update(p, g[::2], m, v, step=1, variant=variant)
    for a in (p, m, v):
        assert np.flatnonzero(np.isnan(a)).tolist() == [5]


def test_a_wrong_argument_is_named_with_what_arrived_and_what_was_expected():
    p, g, m, v = np.ones((4, 3))
    for arguments, settings, error, message in (
        ((p, g, m, v), {"step": 0}, ValueError, "adam: step must be an integer >= 1, got 0"),
        ((p, g, m, v), {"step": 1, "beta1": 1.0}, ValueError, r"adam: beta1 must be in \[0, 1\), got 1.0"),
        ((p, g, m, v), {"step": 1, "lr": "fast"}, TypeError, "adam: lr must be a number, got 'fast'"),
        ((p, g, m, m), {"step": 1}, ValueError, "adam: m and v overlap"),
        ((p, v, m, v), {"step": 1}, ValueError, "adam: g and v overlap"),
        ((p, g, m[:2], v), {"step": 1}, ValueError, r"adam: m must have shape \(3,\) \(p's shape\), got \(2,\)"),
    ):
        with pytest.raises(error, match=message):
            adam.update(*arguments, **settings)
