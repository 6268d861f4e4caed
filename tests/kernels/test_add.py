"""add: every variant adds element by element, and both arguments receive the whole gradient."""

import numpy as np
import pytest
from hypothesis import given

from kernels import add, registry
from tests.guards import assert_guards_stand, guarded
from tests.pool_strategies import arrays, hidden

VARIANTS = registry.variants("add", "cpu")
EVERY = pytest.mark.parametrize("variant", VARIANTS)
ALL = pytest.mark.parametrize("variant", ["reference", *VARIANTS])


@EVERY
@given(pair=arrays(count=3))
def test_one_addition_is_rounded_correctly_and_the_gradient_is_copied(variant, pair):
    """One rounding of the reference's sum: exact in float64, so no bound is needed in either dtype."""
    a, b, dy = pair
    y = add.forward(a, b, variant=variant)
    np.testing.assert_array_equal(y, add.forward(a, b, variant="reference").astype(a.dtype))
    assert (y.dtype, y.shape) == (a.dtype, a.shape)
    da, db = add.backward(dy, variant=variant)
    np.testing.assert_array_equal(da, dy)
    np.testing.assert_array_equal(db, dy)
    assert not np.may_share_memory(da, db)
    assert not np.may_share_memory(da, dy)


@EVERY
@given(triple=arrays(count=3, integers=True))
def test_backward_is_the_adjoint_of_forward(variant, triple):
    """<dy, a + b> = <da, a> + <db, b>, exactly, for integers."""
    a, b, dy = triple
    da, db = add.backward(dy, variant=variant)
    assert np.vdot(dy, add.forward(a, b, variant=variant)) == np.vdot(da, a) + np.vdot(db, b)


@EVERY
def test_large_arrays_that_several_threads_share_are_numpys_sum(variant):
    a, b = np.random.default_rng(6).standard_normal((2, 3, 101, 307)).astype(np.float32)
    np.testing.assert_array_equal(add.forward(a, b, variant=variant), a + b)
    da, db = add.backward(a, variant=variant)
    np.testing.assert_array_equal(da, a)
    np.testing.assert_array_equal(db, a)


@ALL
def test_nan_and_infinity_are_numpys(variant):
    a, b = np.array([np.nan, np.inf, np.inf, 1], np.float32), np.array([1, -np.inf, 1, 2], np.float32)
    np.testing.assert_array_equal(add.forward(a, b, variant=variant), [np.nan, np.nan, np.inf, 3])


@EVERY
@given(pair=arrays(low_rank=1, count=2))
def test_strided_read_only_views_give_the_contiguous_answer_and_nothing_is_mutated(variant, pair):
    a, b = (hidden(v) for v in pair)
    copies = a.base.copy(), b.base.copy()
    np.testing.assert_array_equal(add.forward(a, b, variant=variant), add.forward(*pair, variant=variant))
    np.testing.assert_array_equal(add.backward(a, variant=variant)[0], pair[0])
    np.testing.assert_array_equal(a.base, copies[0])
    np.testing.assert_array_equal(b.base, copies[1])


@ALL
@given(pair=arrays(count=2))
def test_every_result_goes_to_out_and_nowhere_else(variant, pair):
    a, b = pair
    results = [guarded(a.shape, a.dtype) for _ in range(3)]
    y, da, db = (array for array, _ in results)
    assert add.forward(a, b, variant=variant, out=y) is y
    np.testing.assert_array_equal(y, add.forward(a, b, variant=variant).astype(a.dtype))
    both = add.backward(a, variant=variant, out=(da, db))
    assert both[0] is da
    assert both[1] is db
    np.testing.assert_array_equal(da, a)
    np.testing.assert_array_equal(db, a)
    for _, band in results:
        assert_guards_stand(band)


@pytest.mark.parametrize(
    ("b", "error", "message"),
    [
        (np.ones(3, np.float32), ValueError, r"add: b must have shape \(2, 3\) \(a's shape: nothing is broadcast\)"),
        (np.ones((2, 3)), TypeError, "add: all arrays must have one dtype, but a is float32, b is float64"),
        (1.0, TypeError, "add: b must be a NumPy array of float32 or float64, got float"),
    ],
)
def test_a_wrong_argument_is_named_with_what_arrived_and_what_was_expected(b, error, message):
    with pytest.raises(error, match=message):
        add.forward(np.ones((2, 3), np.float32), b)


def test_out_may_not_overlap_an_input():
    a = np.ones((2, 3), np.float32)
    with pytest.raises(ValueError, match="add: out overlaps an input"):
        add.forward(a, a, out=a)
