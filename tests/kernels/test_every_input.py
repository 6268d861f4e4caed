"""`convnet verify --every-input`: what is shown of a right kernel, and what a wrong or unfit one gets instead."""

from textwrap import dedent

import numpy as np
import pytest

from kernels import registry
from kernels.algebra import arithmetic as algebra
from kernels.algebra.refusal import NotAlgebraicError
from kernels.verify.every_input import GOAL, chance_of_error, check, is_prime
from kernels.verify.implementation import FromFile, Registered
from kernels.verify.operations import load_operations
from kernels.verify.polynomials import FORMULAS
from kernels.verify.problems import case
from kernels.verify.properties import exact

PRIME = 2**31 - 1
OPERATIONS = load_operations()


def prove(op, impl, name, seed=0):
    g = op.draw(np.random.default_rng(seed))
    return check(op, impl, name, case(op, impl, g, np.float32, "integers", seed, False))


@pytest.mark.parametrize("operation", FORMULAS)
def test_the_formulas_modulo_a_prime_are_the_reference(operation):
    op = OPERATIONS[operation]
    for seed in range(6):
        p = case(op, Registered(op, "cpu"), op.draw(np.random.default_rng(seed)), np.float64, "integers", seed, False)
        if not op.is_exact(p):
            continue
        whole = {n: a.astype(np.int64) % PRIME for n, a in p.arrays.items()}
        for name in op.passes:
            results = FORMULAS[operation](name, whole, p.settings, PRIME)
            for a, e in zip(results, exact(op, name, p), strict=True):
                np.testing.assert_array_equal(a, np.rint(e).astype(np.int64) % PRIME, err_msg=name)


@pytest.mark.parametrize(("operation", "name"), [(o, n) for o in FORMULAS for n in OPERATIONS[o].passes])
def test_the_default_kernels_are_their_formula_for_every_input(operation, name):
    op = OPERATIONS[operation]
    found = prove(op, Registered(op, "cpu"), name)
    assert found.shown, found.statement
    assert found.log2_error <= GOAL
    assert "for every input, in exact arithmetic; chance of error < 2^-" in found.statement


def test_winograds_transforms_cancel_exactly():
    op = OPERATIONS["conv2d"]
    found = prove(op, Registered(op, "cpu_winograd"), "forward", 3)
    assert found.shown, found.statement


def test_moves_of_doubles_may_already_be_there_as_moves_of_integers():
    op = OPERATIONS["conv2d"]
    impl = Registered(op, "cpu")
    p = case(op, impl, op.draw(np.random.default_rng(0)), np.float64, "integers", 0, False)
    assert check(op, impl, "backward_weights", p).shown


def test_every_variant_of_a_dense_layer_is_shown():
    op = OPERATIONS["dense"]
    for variant in registry.variants("dense", "cpu"):
        assert prove(op, Registered(op, variant), "forward").shown, variant


BODY = """
    import numba
    import numpy as np

    @numba.njit
    def product(x, k, y):
        for n in range(x.shape[0]):
            for f in range(k.shape[1]):
                s = x.dtype.type(0)
                for c in range(x.shape[1]):
                    s += x[n, c] * k[c, f]
                y[n, f] = {}

    def forward(x, k, b=None, *, out):
        product(x, k, out)
        if b is not None:
            add(b, out)

    @numba.njit
    def add(b, y):
        for n in range(y.shape[0]):
            for f in range(y.shape[1]):
                y[n, f] += b[f]
"""


def own(tmp_path, text):
    path = tmp_path / "own.py"
    path.write_text(dedent(text))
    return prove(OPERATIONS["dense"], FromFile(OPERATIONS["dense"], path), "forward")


def test_a_users_compiled_kernel_is_shown_too(tmp_path):
    assert own(tmp_path, BODY.format("s")).shown


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("s * np.float32(2147483648.0)", "not the formula"),  # which is 1 modulo 2^31 - 1
        ("s + np.float32(1e-6)", "not the formula"),
        ("s if n < x.shape[0] - 1 or f > 0 else s + x[n, 0]", "not the formula"),  # at one place alone
        ("s + x[0, 0] * x[0, 0] * x[0, 0] * np.float32(1e-3)", "not the formula"),
        ("s if s > 0 else s + s", "fcmp|select"),
        ("s / s * s", "fcmp|not bounded"),
        ("np.sqrt(s) * np.sqrt(s)", "sqrt"),
        ("max(s, np.float32(-1e30))", "fcmp|max"),
        ("np.float32(int(s))", "fptosi"),
    ],
)
def test_what_is_no_polynomial_or_another_one_is_not_shown(tmp_path, wrong, why):
    found = own(tmp_path, BODY.format(wrong))
    assert not found.shown
    assert any(word in found.unknown for word in why.split("|")), found.unknown


def test_a_kernel_that_looks_at_bits_is_not_shown(tmp_path):
    found = own(tmp_path, BODY.format("s") + "\n    def unused(x):\n        return x.view(np.int32)\n")
    assert "view" in found.unknown


def test_plain_python_is_not_shown(tmp_path):
    found = own(tmp_path, "def forward(x, k, b=None):\n    return x @ k if b is None else x @ k + b\n")
    assert "no code compiled by Numba" in found.unknown


def test_a_changed_kernel_of_ours_is_called_wrong(monkeypatch):
    op = OPERATIONS["add"]
    right = FORMULAS["add"]

    def other(name, arrays, settings, prime):
        (y, *more) = right(name, arrays, settings, prime)
        y = y.copy()
        y.flat[-1] = (y.flat[-1] + 1) % prime
        return (y, *more)

    monkeypatch.setitem(FORMULAS, "add", other)
    found = prove(op, Registered(op, "cpu"), "forward")
    assert found.wrong
    assert "NOT its formula" in found.statement


@pytest.mark.parametrize("x", [1 / 3, 0.1, -7 / 24, 5.0, -0.25, 2.0**-40, 1e-6])
@pytest.mark.parametrize("single", [0, 1])
def test_a_constant_is_the_simplest_fraction_that_rounds_to_it(x, single):
    w = algebra.world(algebra.FIELD, PRIME)
    value = algebra.constant(float(np.float32(x)) if single else x, single, w)
    from fractions import Fraction

    fraction = Fraction(x).limit_denominator(2_000_000) if x != 2.0**-40 else Fraction(x)
    assert value == fraction.numerator * pow(fraction.denominator, -1, PRIME) % PRIME


def test_degree_size_and_depth_bound_a_small_expression():
    degree, size, depth = (algebra.world(m) for m in (algebra.DEGREE, algebra.SIZE, algebra.DEPTH))
    for w, expected in ((degree, 3), (size, 1), (depth, 3)):  # (x y + z) z
        x = algebra.variable(w >> 32)
        assert algebra.multiply(algebra.add(algebra.multiply(x, x, w), x, w), x, w) == expected
    assert algebra.divide(1, 1, degree) == algebra.UNBOUNDED
    assert chance_of_error(algebra.UNBOUNDED, 0) == 1


def test_primes_are_told_from_composites():
    assert [n for n in range(2, 60) if is_prime(n)] == [
        2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59
    ]  # fmt: skip
    assert is_prime(PRIME)
    assert not is_prime(46_337 * 46_349)


def test_a_float_argument_is_refused():
    from kernels.algebra import cpu
    from kernels.dropout.cpu import forward

    x = np.ones((2, 3), np.float32)
    with pytest.raises((NotAlgebraicError, TypeError)), cpu.swapped(algebra.world(algebra.DEGREE)):
        forward(x, 0.5, 1, 1, out=np.empty_like(x))


def test_code_compiled_meanwhile_is_exchanged_in_its_second_call_too():
    import numba

    from kernels.algebra import cpu

    @numba.njit
    def double(x):
        for i in range(x.size):
            x[i] += x[i]

    x = np.array([1, 2], np.int32).view(np.float32)
    with cpu.swapped(algebra.world(algebra.FIELD, PRIME)):
        double(x)
        double(x)
    assert x.view(np.int32).tolist() == [4, 8]
    y = np.array([1, 2], np.float32)
    double(y)
    assert y.tolist() == [2, 4]  # afterwards it is what it was
