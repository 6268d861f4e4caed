"""kernels/conv2d/README.md: its three gradients are the derivatives of its forward formula."""

import numpy as np
import pytest

from kernels import conv2d
from kernels.conv2d import reference
from tests.derivations.symbols import assert_identical, chain_rule, places, symbols

CASES = {
    "one image, formula (1)": ((1, 3, 4, 1), (2, 2, 1, 1), {}),
    "channels and filters": ((2, 3, 3, 2), (2, 2, 2, 3), {}),
    "padding": ((1, 2, 3, 1), (2, 3, 1, 2), {"padding": ((1, 0), (2, 1))}),
    "stride": ((1, 5, 4, 1), (2, 3, 1, 1), {"stride": (2, 1), "padding": ((0, 1), (1, 0))}),
    "dilation": ((1, 4, 5, 1), (2, 2, 1, 2), {"dilation": (2, 3)}),
    "stride and dilation": (
        (1, 6, 5, 1),
        (2, 2, 1, 1),
        {"stride": (3, 2), "dilation": (2, 1), "padding": ((1, 1), (1, 1))},
    ),
    "groups": ((1, 3, 3, 4), (2, 2, 2, 4), {"groups": 2}),
}
EVERY = pytest.mark.parametrize("case", CASES)


class Problem:
    def __init__(self, case: str):
        self.x_shape, self.k_shape, options = CASES[case]
        settings = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, **options}
        self.settings, self.y_shape = conv2d.geometry(self.x_shape, self.k_shape, **settings)
        self.x, self.k = symbols("x", *self.x_shape), symbols("k", *self.k_shape)
        self.b, self.dy = symbols("b", self.k_shape[3]), symbols("dy", *self.y_shape)

    def pixel(self, i, j, p, q):
        """(s i + d p - top, s j + d q - left)."""
        s, d, pad = (self.settings[n] for n in ("stride", "dilation", "padding"))
        return s[0] * i + d[0] * p - pad[0][0], s[1] * j + d[1] * q - pad[1][0]

    def read(self, n, i, j, p, q, c, f):
        """The number of x that meets k[p,q,c,f] in y[n,i,j,f]; 0 in the padding."""
        h, w = self.pixel(i, j, p, q)
        first = f // (self.k_shape[3] // self.settings["groups"]) * self.k_shape[2]
        inside = 0 <= h < self.x_shape[1] and 0 <= w < self.x_shape[2]
        return self.x[n, h, w, first + c] if inside else 0

    def forward(self):
        P, Q, C, F = self.k_shape
        y = np.empty(self.y_shape, object)
        for n, i, j, f in places(*self.y_shape):
            y[n, i, j, f] = self.b[f] + sum(
                self.read(n, i, j, p, q, c, f) * self.k[p, q, c, f] for p, q, c in places(P, Q, C)
            )
        return y


@EVERY
def test_the_weights_gradient_is_the_sum_of_x_times_dy(case):
    a = Problem(case)
    dk = np.empty(a.k_shape, object)
    for p, q, c, f in places(*a.k_shape):
        dk[p, q, c, f] = sum(a.read(n, i, j, p, q, c, f) * a.dy[n, i, j, f] for n, i, j in places(*a.y_shape[:3]))
    assert_identical(dk, chain_rule(a.dy, a.forward(), a.k))


@EVERY
def test_the_biases_gradient_is_the_sum_of_dy(case):
    a = Problem(case)
    assert_identical(a.dy.sum((0, 1, 2)), chain_rule(a.dy, a.forward(), a.b))


@EVERY
def test_the_images_gradient_is_the_sum_over_the_whole_quotients(case):
    """dy[n, (h + top - d p)/s, (w + left - d q)/s, f] k[p,q,c,f], where both quotients are whole and inside y."""
    a = Problem(case)
    s, d, pad = (a.settings[n] for n in ("stride", "dilation", "padding"))
    (P, Q, C, F), groups = a.k_shape, a.settings["groups"]
    dx = np.zeros(a.x_shape, object)
    for n, h, w, c in places(*a.x_shape):
        for p, q, f in places(P, Q, F):
            (i, rest), (j, left) = divmod(h + pad[0][0] - d[0] * p, s[0]), divmod(w + pad[1][0] - d[1] * q, s[1])
            whole = rest == left == 0 and 0 <= i < a.y_shape[1] and 0 <= j < a.y_shape[2]
            if whole and c // C == f // (F // groups):
                dx[n, h, w, c] += a.dy[n, i, j, f] * a.k[p, q, c % C, f]
    assert_identical(dx, chain_rule(a.dy, a.forward(), a.x))


def test_without_stride_and_dilation_dx_is_a_correlation_with_the_flipped_kernel():
    """... of dy, padded with P-1 and Q-1 zeros, with channels and filters exchanged."""
    a = Problem("channels and filters")
    P, Q, C, F = a.k_shape
    padded = np.pad(a.dy, ((0, 0), (P - 1, P - 1), (Q - 1, Q - 1), (0, 0)))
    flipped = a.k[::-1, ::-1].transpose(0, 1, 3, 2)
    dx = np.zeros(a.x_shape, object)
    for n, h, w, c in places(*a.x_shape):
        dx[n, h, w, c] = (padded[n, h : h + P, w : w + Q] * flipped[:, :, :, c]).sum()
    assert_identical(dx, chain_rule(a.dy, a.forward(), a.x))


@EVERY
def test_the_reference_computes_these_formulas(case):
    """With numbers for the symbols: the lesson and the code beside it are the same."""
    a, rng = Problem(case), np.random.default_rng(0)
    values = {s: int(rng.integers(-4, 5)) for array in (a.x, a.k, a.b, a.dy) for s in array.ravel()}

    def numbers(array):
        return np.vectorize(lambda e: float(getattr(e, "subs", lambda _: e)(values)), otypes=[float])(array)

    x, k, b, dy = map(numbers, (a.x, a.k, a.b, a.dy))
    y = a.forward()
    np.testing.assert_array_equal(reference.forward(x, k, b, **a.settings), numbers(y))
    dx = reference.backward_data(dy, k, a.x_shape, **a.settings)
    np.testing.assert_array_equal(dx, numbers(chain_rule(a.dy, y, a.x)))
    dk, db = reference.backward_weights(x, dy, a.k_shape, **a.settings)
    np.testing.assert_array_equal(dk, numbers(chain_rule(a.dy, y, a.k)))
    np.testing.assert_array_equal(db, numbers(chain_rule(a.dy, y, a.b)))
