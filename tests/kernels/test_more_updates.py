"""adagrad, nadam and lion: every variant is Keras's update, in place."""

import numpy as np
import pytest

from kernels import adagrad, lion, nadam, registry
from tests.guards import assert_guards_stand, guarded

CASES = {"adagrad": (adagrad, "v"), "nadam": (nadam, "mv"), "lion": (lion, "m")}
EVERY = [(name, v) for name in CASES for v in ("reference", *registry.variants(name, "cpu"))]


def follow(name, curve, p, states, t, decay):
    """One step by Keras's formulas on whole arrays in float64; returns the new parameter and states."""
    g = curve * p + np.cos(np.arange(p.size) + t)
    p = p - 0.01 * decay * p
    if name == "adagrad":
        (v,) = states
        v = v + g * g
        return p - 0.01 * g / np.sqrt(v + 1e-7), [v]
    if name == "lion":
        (m,) = states
        return p - 0.01 * np.sign(0.9 * m + 0.1 * g), [0.99 * m + 0.01 * g]
    m, v = states
    u = [0.9 * (1 - 0.5 * 0.96**k) for k in range(t + 2)]
    now, following = np.prod(u[1 : t + 1]), np.prod(u[1 : t + 2])
    m, v = m + 0.1 * (g - m), v + 0.001 * (g * g - v)
    mean = u[t + 1] * m / (1 - following) + (1 - u[t]) * g / (1 - now)
    return p - 0.01 * mean / (np.sqrt(v / (1 - 0.999**t)) + 1e-7), [m, v]


@pytest.mark.parametrize(("name", "variant"), EVERY)
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_two_hundred_updates_follow_keras_formula(name, variant, decay):
    op, letters = CASES[name]
    rng = np.random.default_rng(0)
    curve, p = rng.uniform(0.1, 2, 40), rng.standard_normal(40)
    states = [np.full(40, 0.1 if name == "adagrad" else 0.0) for _ in letters]
    mine = [a.copy() for a in (p, *states)]
    for t in range(1, 201):
        g = curve * mine[0] + np.cos(np.arange(40) + t)
        step = {"step": t} if name == "nadam" else {}
        op.update(mine[0], g, *mine[1:], lr=0.01, weight_decay=decay, variant=variant, **step)
        p, states = follow(name, curve, p, states, t, decay)
    for a, e in zip(mine, (p, *states), strict=True):
        np.testing.assert_allclose(a, e, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("name", "variant"), [e for e in EVERY if e[1] != "reference"])
def test_large_arrays_on_all_cores_have_the_bits_of_small_ones_and_nothing_beside_is_written(name, variant):
    op, letters = CASES[name]
    rng, step = np.random.default_rng(0), {"step": 5} if name == "nadam" else {}
    arrays, memories = zip(*(guarded((70_001,), np.float32) for _ in range(1 + len(letters))), strict=True)
    for a in arrays:
        a[...] = np.abs(rng.standard_normal(a.shape))
    g = rng.standard_normal(70_001).astype(np.float32)
    g.flags.writeable = False
    parts = [a.copy() for a in arrays]
    op.update(arrays[0], g, *arrays[1:], variant=variant, **step)
    for memory in memories:
        assert_guards_stand(memory)
    for i in range(0, 70_001, 9999):
        some = slice(i, i + 9999)
        op.update(parts[0][some], g[some], *(s[some] for s in parts[1:]), variant=variant, **step)
    np.testing.assert_array_equal(arrays, parts)


def test_a_kept_product_gives_the_bits_of_the_computed_one():
    a, b = (np.ones((4, 3)) for _ in range(2))
    nadam.update(*a, step=7)
    nadam.update(*b, step=7, U=nadam.product(7, 0.9))
    np.testing.assert_array_equal(a, b)


def test_a_wrong_argument_is_named_with_what_arrived_and_what_was_expected():
    p, g, s, v = np.ones((4, 3))
    for call, error, message in (
        (lambda: lion.update(p, g, s, beta1=1.0), ValueError, r"lion: beta1 must be in \[0, 1\), got 1.0"),
        (lambda: adagrad.update(p, g, s, lr="fast"), TypeError, "adagrad: lr must be a number, got 'fast'"),
        (lambda: adagrad.update(p, g, g), ValueError, "adagrad: g and v overlap"),
        (lambda: nadam.update(p, g, s, v, step=0), ValueError, "nadam: step"),
        (lambda: lion.update(p, g, s[:2]), ValueError, r"lion: m must have shape \(3,\) \(p's shape\), got \(2,\)"),
    ):
        with pytest.raises(error, match=message):
            call()
