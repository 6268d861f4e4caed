"""kernels/batchnorm/README.md: each step of the gradient, from formulas (1) to (4)."""

import numpy as np
import pytest
import sympy

from tests.derivations.symbols import assert_identical, chain_rule, derivative, places, symbols

M = 3


@pytest.fixture
def s():
    class Lesson:
        x, dy = symbols("x", M), symbols("dy", M)
        gamma, beta = symbols("g", 1)[0], symbols("b", 1)[0]
        epsilon = sympy.Symbol("e", positive=True)
        mean = x.sum() / M
        var = ((x - mean) ** 2).sum() / M
        r = 1 / sympy.sqrt(var + epsilon)
        xhat = (x - mean) * r
        y = gamma * xhat + beta
        dbeta, dgamma = dy.sum(), (dy * xhat).sum()

    return Lesson


def test_step_1_dbeta_and_dgamma_are_sums_of_dy(s):
    assert_identical(np.array([s.dbeta]), chain_rule(s.dy, s.y, np.array([s.beta])))
    assert_identical(np.array([s.dgamma]), chain_rule(s.dy, s.y, np.array([s.gamma])))


def test_step_2_the_means_own_share_drops_out_of_the_variances_derivative(s):
    assert_identical(np.full(M, sympy.Rational(1, M)), derivative(s.mean, s.x))
    assert sympy.simplify((s.x - s.mean).sum()) == 0
    assert_identical(2 * (s.x - s.mean) / M, derivative(s.var, s.x))
    v = sympy.Symbol("v", positive=True)
    root = (v + s.epsilon) ** sympy.Rational(-1, 2)
    assert sympy.simplify(sympy.diff(root, v) + root**3 / 2) == 0


def test_step_2_xhats_derivative_has_three_terms(s):
    for k, m in places(M, M):
        expected = s.r * (int(k == m) - sympy.Rational(1, M) - s.xhat[k] * s.xhat[m] / M)
        assert sympy.simplify(sympy.diff(s.xhat[k], s.x[m]) - expected) == 0


def test_step_3_dx_is_dy_without_its_mean_and_without_its_part_along_xhat(s):
    dx = s.gamma * s.r * (s.dy - s.dbeta / M - s.xhat * s.dgamma / M)
    assert_identical(dx, chain_rule(s.dy, s.y, s.x))


def test_raising_all_dy_alike_changes_nothing(s):
    dx = s.gamma * s.r * (s.dy - s.dbeta / M - s.xhat * s.dgamma / M)
    raised = {d: d + 1 for d in s.dy}
    assert_identical(np.array([e.subs(raised, simultaneous=True) for e in dx]), dx)


def test_inference_has_the_slope_gamma_over_the_deviation():
    x, g, b, mean, var = symbols("v", 5, positive=True)
    e = sympy.Symbol("e", positive=True)
    y = g * (x - mean) / sympy.sqrt(var + e) + b
    assert sympy.simplify(sympy.diff(y, x) - g / sympy.sqrt(var + e)) == 0
