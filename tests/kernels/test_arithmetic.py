"""arithmetic: every variant computes NumPy's results, and a repeated number receives the sum of its readers."""

import numpy as np
import pytest

from kernels import arithmetic, registry

VARIANTS = registry.variants("arithmetic", "cpu")
ALL = pytest.mark.parametrize("variant", ["reference", *VARIANTS])
KINDS = pytest.mark.parametrize("kind", arithmetic.KINDS)
SHAPES = [
    ((2, 3, 4, 5), (2, 1, 1, 5)),
    ((2, 3, 4, 5), (5,)),
    ((2, 3, 4, 1), (2, 3, 4, 5)),
    ((1,), (3, 4)),
    ((3, 1, 5, 1), (1, 4, 1, 6)),
    ((2, 70, 1), (1, 1, 1)),
]


@ALL
@KINDS
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_every_kind_is_numpys_and_each_gradient_sums_over_the_readers(shapes, kind, variant):
    rng = np.random.default_rng(0)
    a, b = rng.integers(-4, 5, shapes[0]).astype(np.float32), rng.choice([1, 2, -1, 4, -2], shapes[1]).astype("f4")
    y = arithmetic.forward(a, b, kind, variant=variant)
    np.testing.assert_array_equal(y, getattr(np, kind)(a, b))
    dy = 16 * rng.integers(-4, 5, y.shape).astype(np.float32)
    first = a >= b if kind == "maximum" else a <= b
    slopes = {
        "add": (1, 1), "subtract": (1, -1), "multiply": (b, a), "divide": (1 / b, -a / b**2),
        "maximum": (first, ~first), "minimum": (first, ~first),
    }[kind]  # fmt: skip
    found = arithmetic.backward(dy, a, b, kind, variant=variant)
    for gradient, slope, shape in zip(found, slopes, shapes, strict=True):
        whole = np.broadcast_to(dy * slope, y.shape)
        repeated = (1,) * (y.ndim - len(shape)) + shape
        axes = tuple(i for i, (n, m) in enumerate(zip(repeated, y.shape, strict=True)) if n != m)
        np.testing.assert_array_equal(gradient, whole.sum(axis=axes, keepdims=True).reshape(shape))


@pytest.mark.parametrize("variant", VARIANTS)
def test_large_arrays_that_several_threads_share_are_numpys(variant):
    a, b = np.random.default_rng(1).integers(-4, 5, (4, 40, 41, 70)).astype("f4"), np.arange(70, dtype="f4")
    np.testing.assert_array_equal(arithmetic.forward(a, b, "multiply", variant=variant), a * b)
    da, db = arithmetic.backward(a, a, b, "multiply", variant=variant)
    np.testing.assert_array_equal(da, a * b)
    np.testing.assert_array_equal(db, (a * a).sum((0, 1, 2)))


@ALL
@pytest.mark.parametrize("kind", ["maximum", "minimum"])
def test_a_nan_wins_and_of_equal_numbers_the_first_gets_the_gradient(kind, variant):
    a, b = np.array([np.nan, 1, 2], np.float32), np.array([1, np.nan, 2], np.float32)
    assert np.isnan(arithmetic.forward(a, b, kind, variant=variant)[:2]).all()
    da, db = arithmetic.backward(np.ones(3, np.float32), a, b, kind, variant=variant)
    np.testing.assert_array_equal(da, [1, 0, 1])
    np.testing.assert_array_equal(db, [0, 1, 0])


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"arithmetic: a of shape \(2, 3\) and b of shape \(4,\) do not fit"):
        arithmetic.forward(np.ones((2, 3)), np.ones(4), "add")
    with pytest.raises(ValueError, match=r"kind must be one of add, subtract, .*, got 'power'"):
        arithmetic.forward(np.ones(2), np.ones(2), "power")
    with pytest.raises(ValueError, match="take turns in being repeated more than 4 times"):
        arithmetic.forward(np.ones((2, 1, 2, 1, 2)), np.ones((1, 2, 1, 2, 1)), "add")
