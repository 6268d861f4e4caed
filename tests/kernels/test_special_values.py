"""NaN, infinity, denormals and zeros in every pass: each result is what its formula makes of them.

The stated exception: variants of registry.OWN_BOUNDS mix a square of pixels before they multiply, so there a special
value may spoil the square. They have tests of their own.
"""

import numpy as np
import pytest
from hypothesis import given, settings

from kernels import (
    adagrad,
    adam,
    add,
    conv2d,
    dense,
    lion,
    maxpool2d,
    nadam,
    registry,
    relu,
    rmsprop,
    sgd,
    sigmoid,
    softmax,
)  # fmt: skip
from tests.array_strategies import SEEDS, assert_ulps
from tests.every_pass import FAMILIES, all_passes
from tests.strategies import DTYPES

EVERY = pytest.mark.parametrize("family", FAMILIES, ids=[f.__name__ for f in FAMILIES])
FEW = settings(max_examples=25)
SUMS = [(op, v) for op in ("conv2d", "dense") for v in registry.general(op, "cpu")]


def kinds(a) -> np.ndarray:
    """A letter a number: n NaN, + and - infinity, f finite."""
    a = np.asarray(a)
    return np.select([np.isnan(a), np.isposinf(a), np.isneginf(a)], ["n", "+", "-"], "f")


def sprinkled(arrays, rng, values):
    """Copies with up to three of their numbers replaced."""
    copies = [a.copy() for a in arrays]
    for _ in range(rng.integers(1, 4)):
        target = copies[rng.integers(len(copies))]
        target.flat[rng.integers(target.size)] = rng.choice(values)
    return copies


@EVERY
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the references' inf - inf
@FEW
@given(seed=SEEDS, dtype=DTYPES)
def test_nan_and_infinity_reach_just_the_results_whose_formula_holds_them(family, seed, dtype):
    for p, variant, name in all_passes(family, seed):
        if name.startswith("convpool backward"):
            continue  # it may leave out products with zeros, or not: test_convpool.py has what it must keep
        arrays = sprinkled(p.arrays, np.random.default_rng(seed), [np.nan, np.inf, -np.inf])
        if "inference" in name or name.startswith(("batchnorm backward", "groupnorm backward")):
            arrays[-1] = np.abs(arrays[-1])  # a variance
        results = zip(p.run(variant, dtype, arrays=arrays), p.run("reference", dtype, arrays=arrays), strict=True)
        for actual, expected in results:
            np.testing.assert_array_equal(kinds(actual), kinds(expected), err_msg=name)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@FEW
@given(seed=SEEDS, dtype=DTYPES)
def test_nan_and_infinity_spoil_just_their_own_parameters_in_an_update(seed, dtype):
    rng = np.random.default_rng(seed)
    p, g, m, v = sprinkled(rng.integers(1, 5, (4, 37)).astype(dtype), rng, [np.nan, np.inf, -np.inf])
    v = np.abs(v)  # a mean of squares
    momentum, rest = {"lr": 0.5, "momentum": 0.5, "nesterov": bool(seed % 2)}, {"step": 3, "weight_decay": 0.25}
    centered = {"momentum": 0.5, "centered": bool(seed % 2), "weight_decay": 0.25}
    decay = {"weight_decay": 0.25}
    cases = (
        (sgd, (m,), momentum),
        (rmsprop, (v, m, np.sqrt(v) / 2), centered),
        (adam, (m, v), rest),
        (nadam, (m, v), rest),
        (adagrad, (v,), decay),
        (lion, (m,), decay),
    )
    for op, states, options in cases:
        name = op.__name__.split(".")[1]
        expected = registry.find(name, "reference", "update")(p, g, *states, **options)
        for variant in registry.variants(name, "cpu"):
            actual = [a.copy() for a in (p, *states)]
            op.update(actual[0], g, *actual[1:], variant=variant, **options)
            for a, e in zip(actual, expected, strict=True):
                np.testing.assert_array_equal(kinds(a), kinds(e), err_msg=f"{name} {variant}")


@EVERY
@FEW
@given(seed=SEEDS, dtype=DTYPES)
def test_no_pass_flushes_denormals_or_overflows_before_its_result_does(family, seed, dtype):
    """Integers times a power of two: the sums are exact down to the smallest denormal, and near the largest number."""
    info = np.finfo(dtype)
    smallest, large = info.minexp - info.nmant, info.maxexp - 24  # no sum here has more than 24 bits
    for p, variant, name in all_passes(family, seed):
        if not p.scaled:
            continue
        # sigmoid's and softmax's gradients are of third degree in integers below 5
        for exponent in (smallest, info.minexp - 3, large):
            factor = np.ldexp(dtype(1), exponent)
            arrays = [factor * a.astype(dtype) if i in p.scaled else a for i, a in enumerate(p.arrays)]
            scaled, plain = p.run(variant, dtype, arrays=arrays), p.run(variant, dtype)
            for actual, one in zip(scaled, plain, strict=True):
                np.testing.assert_array_equal(actual, factor * one, err_msg=f"{name}, 2^{exponent}")


@pytest.mark.parametrize(("op", "variant"), SUMS)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_sum_beyond_the_largest_number_is_infinite_and_not_nan(op, variant, sign, dtype):
    huge = sign * np.finfo(dtype).max
    if op == "conv2d":
        x, k = np.full((1, 6, 7, 3), huge, dtype), np.ones((3, 3, 3, 5), dtype)
        results = (
            conv2d.forward(x, k, variant=variant),
            conv2d.backward_data(np.full((1, 4, 5, 5), huge, dtype), k, x.shape, variant=variant),
            conv2d.backward_weights(x, np.ones((1, 4, 5, 5), dtype), k.shape, variant=variant)[0],
        )
    else:
        x, k = np.full((4, 9), huge, dtype), np.ones((9, 5), dtype)
        results = (
            dense.forward(x, k, variant=variant),
            dense.backward_data(np.full((4, 5), huge, dtype), k, variant=variant),
            dense.backward_weights(x, np.ones((4, 5), dtype), variant=variant)[0],
        )
    for result in results:
        np.testing.assert_array_equal(result, sign * np.inf)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("columns", [1, 37])
def test_the_sign_of_zero_is_ieees(dtype, columns):
    """-0 + -0 = -0 and -0 + 0 = 0; relu's zero is positive; a maximum is a copy, its first zero's sign included."""
    zeros = np.array([[-0.0, -0.0, 0.0, 0.0]], dtype).T.repeat(columns, 1)
    others = np.array([[-0.0, 0.0, -0.0, 0.0]], dtype).T.repeat(columns, 1)
    for v in registry.variants("add", "cpu"):
        total = add.forward(zeros, others, variant=v)
        np.testing.assert_array_equal(np.signbit(total), np.signbit(zeros + others))
        for copy in add.backward(zeros, variant=v):
            np.testing.assert_array_equal(np.signbit(copy), np.signbit(zeros))
    for v in registry.variants("relu", "cpu"):
        assert not np.signbit(relu.forward(zeros, variant=v)).any()
    for v in registry.variants("maxpool2d", "cpu"):
        pairs = np.stack([zeros, others])[None]  # (1,2,4,columns): windows of 2 x 1
        y, _ = maxpool2d.forward(pairs, (2, 1), variant=v)
        np.testing.assert_array_equal(np.signbit(y[0, 0]), np.signbit(zeros))


def test_probabilities_underflow_gradually():
    x = np.linspace(-103, -87.5, 301).astype(np.float32)
    for v in registry.variants("sigmoid", "cpu"):
        y = sigmoid.forward(x, variant=v)
        assert (y > 0).all()
        assert (y < np.finfo(np.float32).tiny).any()
        assert_ulps(y, sigmoid.forward(x, variant="reference"), 4)
    rows = np.stack([x, np.zeros_like(x)], axis=1)
    for v in registry.variants("softmax", "cpu"):
        y = softmax.forward(rows, variant=v)
        assert (y > 0).all()
        # exp's one, the quotient's, and half an ulp of a denormal each
        assert_ulps(y, softmax.forward(rows, variant="reference"), 4)
