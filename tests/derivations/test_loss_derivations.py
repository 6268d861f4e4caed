"""kernels/mse/README.md and kernels/crossentropy/README.md: every gradient is the derivative of its loss."""

import numpy as np
import sympy
from sympy import exp, log

from tests.derivations.symbols import assert_identical, derivative, places, symbols
from tests.derivations.test_activation_derivations import sigmoid, softmax

K = 3


def log_sum_exp(z):
    return log(sum(exp(v) for v in z))


def test_mses_gradient_is_two_w_times_the_error_over_n():
    y, yhat, w = symbols("y", 2, 2), symbols("p", 2, 2), symbols("w", 2)
    loss = sum(w[i] * (y[i, j] - yhat[i, j]) ** 2 for i, j in places(2, 2)) / 4
    gradient = 2 * w[:, None] * (yhat - y) / 4
    assert_identical(gradient, derivative(loss, yhat))
    for index in places(2, 2):  # convex: the second derivative is 2 w / N
        assert sympy.simplify(sympy.diff(gradient[index], yhat[index]) - 2 * w[index[0]] / 4) == 0
    assert not any(v.subs(dict(zip(yhat.ravel(), y.ravel(), strict=True))) for v in gradient.ravel())


def test_sparse_is_minus_one_over_p_t():
    p, t = symbols("p", K, positive=True), 1
    expected = np.array([-1 / p[t] if k == t else sympy.Integer(0) for k in range(K)], object)
    assert_identical(expected, derivative(-log(p[t]), p))


def test_sparse_on_logits_is_softmax_minus_onehot():
    z, t = symbols("z", K), 1
    onehot = np.array([int(k == t) for k in range(K)], object)
    loss = log_sum_exp(z) - z[t]
    assert_identical(softmax(z), derivative(log_sum_exp(z), z))
    assert_identical(softmax(z) - onehot, derivative(loss, z))
    # it is the loss on probabilities, -log softmax(z)_t
    assert_identical(derivative(-log(softmax(z)[t]), z), derivative(loss, z))


def test_categorical_on_logits_is_softmax_times_the_sum_of_t_minus_t():
    z, t = symbols("z", K), symbols("t", K)
    loss = sum(t[k] * (log_sum_exp(z) - z[k]) for k in range(K))
    assert_identical(softmax(z) * t.sum() - t, derivative(loss, z))


def test_categorical_goes_through_the_division_by_the_rows_sum():
    p, t = symbols("p", K, positive=True), symbols("t", K)
    total = p.sum()
    q = p / total
    for k, i in places(K, K):
        assert sympy.simplify(sympy.diff(q[k], p[i]) - (int(k == i) - q[k]) / total) == 0
    loss, g = -sum(t[k] * log(q[k]) for k in range(K)), -t / q
    assert_identical((g - (g * q).sum()) / total, derivative(loss, p))


def test_binary_is_p_minus_t_over_p_times_one_minus_p():
    p, t = symbols("p", 2, positive=True), symbols("t", 2)
    each = [-(t[k] * log(p[k]) + (1 - t[k]) * log(1 - p[k])) for k in range(2)]
    assert_identical((p - t) / (p * (1 - p)) / 2, derivative(sum(each) / 2, p))


def test_binary_on_logits_is_sigmoid_minus_t_on_both_sides_of_zero():
    """max(z,0) - z t + log(1 + exp(-|z|)) is two formulas, and both are -(t log s + (1-t) log(1-s)), s = sigmoid(z)."""
    t = symbols("t", 1)[0]
    for sign in (1, -1):
        a = sympy.Symbol("a", positive=True)
        z = sign * a
        stable = (z if sign > 0 else 0) - z * t + log(1 + exp(-a))
        plain = -(t * log(sigmoid(z)) + (1 - t) * log(1 - sigmoid(z)))
        slope = sympy.diff(stable, a) / sign
        assert sympy.simplify(slope - (sigmoid(z) - t)) == 0
        assert sympy.simplify(sympy.diff(plain, a) / sign - slope) == 0
        # equal slopes, and equal at a = log 3: equal everywhere
        at_one_point = sympy.expand_log((stable - plain).subs(a, log(3)).simplify(), force=True)
        assert sympy.simplify(at_one_point) == 0


def test_a_clipped_probability_does_not_move_the_loss():
    p = symbols("p", 1)[0]
    for value in (sympy.Rational(1, 10**8), 1 - sympy.Rational(1, 10**8)):
        clip = sympy.Min(sympy.Max(p, sympy.Rational(1, 10**7)), 1 - sympy.Rational(1, 10**7))
        assert sympy.diff(-log(clip), p).subs(p, value) == 0
