"""sgd: every variant is Keras's update, in place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import registry, sgd
from kernels.sgd import reference
from tests.array_strategies import equal_arrays
from tests.guards import assert_guards_stand, guarded
from tests.rounding import assert_within

VARIANTS = registry.variants("sgd", "cpu")
MODES = [{}, {"weight_decay": 0.25}, {"momentum": 0.5}, {"momentum": 0.5, "nesterov": True, "weight_decay": 0.5}]


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=equal_arrays(3, integers=True), mode=st.sampled_from(MODES))
def test_small_integers_and_powers_of_two_agree_with_the_reference_bit_for_bit(variant, p, mode):
    (w, g, v), new = p, reference.update(*p, lr=0.25, **mode)
    sgd.update(w, g, v, lr=0.25, variant=variant, **mode)
    np.testing.assert_array_equal(w, new[0])
    np.testing.assert_array_equal(v, new[1])


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=equal_arrays(3), mode=st.sampled_from([{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}]))
def test_one_update_is_within_the_rounding_bound_of_the_reference(variant, p, mode):
    w, g, v = (a.copy() for a in p)
    exact = reference.update(w, g, v, lr=0.01, weight_decay=0.3, **mode)
    # the same update with every term positive: the sum of the magnitudes
    size = reference.update(np.abs(w), -np.abs(g), np.abs(v), lr=0.01, **mode)
    sgd.update(w, g, v, lr=0.01, weight_decay=0.3, variant=variant, **mode)
    assert_within(w, exact[0], size[0], 8, w.dtype)
    assert_within(v, exact[1], size[1], 4, w.dtype)


def run(variant, dtype, steps, **mode):
    """`steps` updates towards the minimum of a bowl, beside Keras's formulas on whole arrays in float64."""
    rng = np.random.default_rng(0)
    curve, p = rng.uniform(0.1, 2, 40), rng.standard_normal(40)
    v, state = np.zeros(40), (p.astype(dtype), np.zeros(40, dtype))
    momentum, decay = mode.get("momentum", 0.0), mode.get("weight_decay", 0.0)
    for t in range(steps):
        noise = np.cos(np.arange(40) + t)
        sgd.update(state[0], (curve * state[0] + noise).astype(dtype), state[1], lr=0.02, variant=variant, **mode)
        g = curve * p + noise
        p = p - p * decay * 0.02
        v = momentum * v - g * 0.02
        p = p + (momentum * v - g * 0.02 if mode.get("nesterov") else v)
    return state[0], p


@pytest.mark.parametrize("variant", ["reference", *VARIANTS])
@pytest.mark.parametrize("mode", MODES)
def test_a_thousand_updates_follow_keras_formula(variant, mode):
    actual, expected = run(variant, np.float64, 1000, **mode)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12)
    actual, expected = run(variant, np.float32, 1000, **mode)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("variant", ["reference", *VARIANTS])
def test_without_momentum_the_velocity_is_not_needed_and_not_touched(variant):
    p, v = np.ones(3), np.full(3, 7.0)
    assert sgd.update(p, np.ones(3), v, lr=0.5, variant=variant) is None
    np.testing.assert_array_equal(v, 7)
    sgd.update(p, np.ones(3), lr=0.5, variant=variant)
    np.testing.assert_array_equal(p, 0)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("mode", MODES)
def test_large_arrays_on_all_cores_have_the_bits_of_small_ones(variant, mode):
    p, g, v = np.random.default_rng(0).standard_normal((3, 70_001)).astype(np.float32)
    parts = [a.copy() for a in (p, g, v)]
    sgd.update(p, g, v, lr=0.1, variant=variant, **mode)
    for i in range(0, p.size, 9999):
        sgd.update(*(a[i : i + 9999] for a in parts), lr=0.1, variant=variant, **mode)
    np.testing.assert_array_equal(p, parts[0])
    np.testing.assert_array_equal(v, parts[2])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", [37, 70_000])
def test_only_p_and_v_are_overwritten(variant, size):
    (p, m1), (v, m2) = guarded((size,), np.float32), guarded((size,), np.float32)
    p[...], v[...], g = 1, 0, np.ones(size, np.float32)
    g.flags.writeable = False
    sgd.update(p, g, v, lr=0.5, momentum=0.5, variant=variant)
    assert_guards_stand(m1)
    assert_guards_stand(m2)
    np.testing.assert_array_equal([p, v, g], [[0.5] * size, [-0.5] * size, [1.0] * size])


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_nan_gradient_spoils_its_own_parameter_only_and_a_strided_one_is_read(variant):
    p, g = np.zeros(40, np.float32), np.zeros(80, np.float32)
    g[10] = np.nan
    sgd.update(p, g[::2], lr=0.1, variant=variant)
    assert np.flatnonzero(np.isnan(p)).tolist() == [5]


def test_what_cannot_be_updated_in_place_is_an_error():
    p, g, v = np.ones(4), np.ones(4), np.ones(4)
    fixed = np.ones(4)
    fixed.flags.writeable = False
    for arguments, error, message in (
        ((np.ones(8)[::2], g, v), ValueError, "sgd: p is overwritten: it must be writable"),
        ((fixed, g, v), ValueError, "sgd: p is overwritten"),
        ((p, g, fixed), ValueError, "sgd: v is overwritten"),
        ((p, p, v), ValueError, "sgd: g and p overlap"),
        ((p, g, p), ValueError, "sgd: p and v overlap"),
        ((p, g[:3], v), ValueError, r"sgd: g must have shape \(4,\) \(p's shape\), got \(3,\)"),
        ((p, g.astype(np.float32), v), TypeError, "one dtype, but p is float64, g is float32"),
        (([1.0], g, v), TypeError, "sgd: p must be a NumPy array"),
        ((p, g), ValueError, "sgd: momentum=0.9 needs v"),
    ):
        with pytest.raises(error, match=message):
            sgd.update(*arguments, lr=0.1, momentum=0.9)


@pytest.mark.parametrize("bad", [{"lr": -1}, {"lr": np.nan}, {"momentum": 1}, {"weight_decay": -0.1}])
def test_a_setting_out_of_range_is_an_error(bad):
    with pytest.raises(ValueError, match=rf"sgd: {next(iter(bad))} must be in \[0, "):
        sgd.update(np.ones(2), np.ones(2), np.ones(2), **{"lr": 0.1, **bad})
