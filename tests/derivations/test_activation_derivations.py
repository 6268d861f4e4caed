"""kernels/sigmoid/README.md and kernels/softmax/README.md: each step of their gradients, from the forward formula."""

import numpy as np
import sympy
from sympy import Rational, exp, log

from tests.derivations.symbols import assert_identical, chain_rule, places, symbols


def sigmoid(x):
    return 1 / (1 + exp(-x))


def softmax(x):
    powers = [exp(v) for v in x]
    return np.array([p / sum(powers) for p in powers], object)


def test_the_sigmoids_steps_lead_to_f_times_one_minus_f():
    x = symbols("x", 1)[0]
    u, f = 1 + exp(-x), sigmoid(x)
    assert sympy.simplify(sympy.diff(u, x) + exp(-x)) == 0  # step 1
    assert sympy.simplify(sympy.diff(f, x) - exp(-x) / u**2) == 0  # step 2
    assert sympy.simplify(exp(-x) / u - (1 - f)) == 0  # step 3
    assert sympy.simplify(sympy.diff(f, x) - f * (1 - f)) == 0


def test_the_sigmoids_gradient_needs_y_only():
    x, dy = symbols("x", 2), symbols("dy", 2)
    y = np.array([sigmoid(v) for v in x], object)
    assert_identical(dy * y * (1 - y), chain_rule(dy, y, x))


def test_the_sigmoid_is_symmetric_and_steepest_in_the_middle():
    x = symbols("x", 1)[0]
    f = sigmoid(x)
    assert sympy.simplify(f.subs(x, -x) - (1 - f)) == 0
    slope = sympy.diff(f, x)
    assert slope.subs(x, 0) == Rational(1, 4)
    # 1/4 - f (1 - f) = (f - 1/2)^2 is never negative
    assert sympy.simplify(Rational(1, 4) - slope - (f - Rational(1, 2)) ** 2) == 0


def test_the_expanded_fraction_for_negative_x_is_the_same_function():
    x = symbols("x", 1)[0]
    assert sympy.simplify(exp(x) / (1 + exp(x)) - sigmoid(x)) == 0


def test_softmax_of_x_and_zero_is_the_sigmoid_and_a_shift_changes_nothing():
    x, shift = symbols("x", 3), symbols("c", 1)[0]
    assert sympy.simplify(softmax([x[0], sympy.Integer(0)])[0] - sigmoid(x[0])) == 0
    assert_identical(softmax(x + shift), softmax(x))


def test_softmaxs_derivative_is_y_k_times_delta_minus_y_j():
    x = symbols("x", 3)
    y = softmax(x)
    for k, j in places(3, 3):
        assert sympy.simplify(sympy.diff(y[k], x[j]) - y[k] * (int(k == j) - y[j])) == 0


def test_softmaxs_gradient_is_y_times_dy_minus_its_mean_and_sums_to_zero():
    x, dy = symbols("x", 3), symbols("dy", 3)
    y = softmax(x)
    dx = y * (dy - (dy * y).sum())
    assert_identical(dx, chain_rule(dy, y, x))
    assert sympy.simplify(dx.sum()) == 0


def test_softmax_and_crossentropy_fused_are_y_minus_onehot():
    """Softmax's gradient at dy = -1/y_t at t, and the derivative of -log y_t itself."""
    x, t = symbols("x", 3), 1
    y = softmax(x)
    onehot = np.array([int(k == t) for k in range(3)], object)
    dy = -onehot / y
    assert sympy.simplify((dy * y).sum() + 1) == 0
    assert_identical(y * (dy - (dy * y).sum()), y - onehot)
    assert_identical(y - onehot, np.array([sympy.diff(-log(y[t]), v) for v in x], object))
