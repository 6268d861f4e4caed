"""dense: every variant is y = x k + b and its gradients."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import dense, registry
from tests.array_strategies import SEEDS, slope, strided_read_only
from tests.guards import BAND, assert_guards_stand, guarded
from tests.rounding import assert_within
from tests.strategies import DTYPES, draw_seeded

VARIANTS = registry.variants("dense", "cpu")


@dataclass(frozen=True)
class Problem:
    x: np.ndarray
    k: np.ndarray
    b: np.ndarray
    dy: np.ndarray

    def absolute(self):
        return Problem(*map(np.abs, (self.x, self.k, self.b, self.dy)))


@st.composite
def problems(draw, integers=False):
    N, C, F = draw(st.integers(0, 6)), draw(st.integers(0, 20)), draw(st.integers(0, 20))
    dtype, seed = draw(DTYPES), draw(SEEDS)
    parts = ((N, C), (C, F), (F,), (N, F))
    return Problem(*(draw_seeded(shape, dtype, seed + i, integers) for i, shape in enumerate(parts)))


def passes(p, variant):
    return (
        dense.forward(p.x, p.k, p.b, variant=variant),
        dense.backward_data(p.dy, p.k, variant=variant),
        *dense.backward_weights(p.x, p.dy, variant=variant),
    )


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=problems(integers=True))
def test_small_integers_agree_with_the_reference_bit_for_bit(variant, p):
    for actual, exact in zip(passes(p, variant), passes(p, "reference"), strict=True):
        np.testing.assert_array_equal(actual, exact)


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=problems())
def test_every_pass_is_within_the_rounding_bound_of_the_reference(variant, p):
    (N, C), F = p.x.shape, p.k.shape[1]
    terms = (C + 2, F + 1, N + 1, N + 1)
    results = zip(passes(p, variant), passes(p, "reference"), passes(p.absolute(), "reference"), terms, strict=True)
    for actual, exact, magnitude, m in results:
        assert actual.dtype == p.x.dtype
        assert_within(actual, exact, magnitude, m, p.x.dtype)


@given(p=problems(integers=True))
def test_the_reference_is_numpys_matrix_product(p):
    y, dx, dk, db = passes(p, "reference")
    np.testing.assert_array_equal(y, p.x @ p.k + p.b)
    np.testing.assert_array_equal(dx, p.dy @ p.k.T)
    np.testing.assert_array_equal(dk, p.x.T @ p.dy)
    np.testing.assert_array_equal(db, p.dy.sum(0))


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=problems(integers=True))
def test_the_backward_passes_are_the_adjoints_of_forward(variant, p):
    """<dy, x k> = <dx, x> = <dk, k>, exactly, for integers."""
    y = dense.forward(p.x, p.k, variant=variant)
    _, dx, dk, _ = passes(p, variant)
    assert np.vdot(p.dy, y) == np.vdot(dx, p.x) == np.vdot(dk, p.k)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_gradients_are_central_differences(variant):
    p = Problem(*(draw_seeded(s, np.float64, i, True) / 4 for i, s in enumerate(((3, 5), (5, 9), (9,), (3, 9)))))
    _, dx, dk, db = passes(p, variant)

    def loss(x, k, b):
        return np.vdot(p.dy, dense.forward(x, k, b, variant=variant))

    u = [draw_seeded(a.shape, np.float64, 9, True) for a in (p.x, p.k, p.b)]
    assert slope(lambda x: loss(x, p.k, p.b), p.x, u[0]) == pytest.approx(np.vdot(dx, u[0]), rel=1e-7)
    assert slope(lambda k: loss(p.x, k, p.b), p.k, u[1]) == pytest.approx(np.vdot(dk, u[1]), rel=1e-7)
    assert slope(lambda b: loss(p.x, p.k, b), p.b, u[2]) == pytest.approx(np.vdot(db, u[2]), rel=1e-7)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("sizes", [(32, 1600, 128), (1, 700, 130), (70, 65, 67), (17, 3, 2), (40, 129, 1)])
def test_large_shapes_with_several_blocks_and_threads_agree_bit_for_bit(variant, sizes):
    N, C, F = sizes
    parts = ((N, C), (C, F), (F,), (N, F))
    p = Problem(*(draw_seeded(s, np.float32, i, True) for i, s in enumerate(parts)))
    exact = Problem(*(a.astype(np.float64) for a in (p.x, p.k, p.b, p.dy)))
    expected = (exact.x @ exact.k + exact.b, exact.dy @ exact.k.T, exact.x.T @ exact.dy, exact.dy.sum(0))
    for actual, wanted in zip(passes(p, variant), expected, strict=True):
        np.testing.assert_array_equal(actual, wanted)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_nan_spoils_its_own_row_and_an_infinity_is_not_lost(variant):
    x, k = np.ones((3, 20), np.float32), np.ones((20, 9), np.float32)
    x[1, 7] = np.nan
    x[2, 3] = np.inf
    y = dense.forward(x, k, variant=variant)
    np.testing.assert_array_equal(np.isnan(y), [[False] * 9, [True] * 9, [False] * 9])
    assert np.isinf(y[2]).all()
    np.testing.assert_array_equal(y[0], 20)
    assert np.isnan(dense.backward_weights(x, y, variant=variant)[0]).all()


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=problems(integers=True))
def test_strided_read_only_views_give_the_contiguous_answer_and_are_not_mutated(variant, p):
    views = Problem(*map(strided_read_only, (p.x, p.k, p.b, p.dy)))
    for actual, expected in zip(passes(views, variant), passes(p, variant), strict=True):
        np.testing.assert_array_equal(actual, expected)
    for view, before in zip((views.x, views.k, views.b, views.dy), (p.x, p.k, p.b, p.dy), strict=True):
        np.testing.assert_array_equal(view, before)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("sizes", [(5, 19, 11), (40, 100, 70)])
def test_results_go_to_out_and_nowhere_else(variant, sizes):
    N, C, F = sizes
    x, k, dy = np.ones((N, C), np.float32), np.ones((C, F), np.float32), np.ones((N, F), np.float32)
    (y, m1), (dx, m2), (dk, m3), (db, m4) = (guarded(s, np.float32) for s in ((N, F), (N, C), (C, F), (F,)))
    assert dense.forward(x, k, variant=variant, out=y) is y
    assert dense.backward_data(dy, k, variant=variant, out=dx) is dx
    assert dense.backward_weights(x, dy, variant=variant, out=(dk, db))[1] is db
    for memory, value in ((m1, C), (m2, F), (m3, N), (m4, N)):
        assert_guards_stand(memory)
        np.testing.assert_array_equal(memory[BAND:-BAND], value)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": np.ones(5, np.float32)}, ValueError, r"dense: x must have 2 axes \(N,C\), got shape \(5,\)"),
        ({"x": np.ones((2, 5), np.int64)}, TypeError, "dense: x must be float32 or float64, got int64"),
        ({"x": np.ones((2, 5))}, TypeError, "one dtype, but x is float64, k is float32"),
        ({"x": np.ones((2, 4), np.float32)}, ValueError, "dense: x has 4 features but k expects 5"),
        ({"b": np.ones(2, np.float32)}, ValueError, r"b must have shape \(3,\) \(one bias an output"),
        ({"variant": "gpu"}, ValueError, "no variant 'gpu'; choose one of: reference, cpu_naive, cpu"),
        ({"out": np.ones((2, 4), np.float32)}, ValueError, r"out must be float32 of shape \(2, 3\)"),
    ],
)
def test_a_wrong_argument_is_named_with_what_arrived_and_what_was_expected(change, error, message):
    arguments = {"x": np.ones((2, 5), np.float32), "k": np.ones((5, 3), np.float32), **change}
    with pytest.raises(error, match=message):
        dense.forward(**arguments)


def test_backward_passes_check_dy_against_the_shapes():
    with pytest.raises(ValueError, match=r"dy must have shape \(2, 3\)"):
        dense.backward_data(np.ones((2, 4)), np.ones((5, 3)))
    with pytest.raises(ValueError, match=r"dy must have shape \(2, 3\)"):
        dense.backward_weights(np.ones((2, 5)), np.ones((4, 3)))


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_sample_with_rows_for_several_threads_agrees_with_the_reference_bit_for_bit(variant):
    shapes = ((1, 1003), (1003, 131), (131,), (1, 131))  # beyond a part of rows and beyond whole lanes
    p = Problem(*(draw_seeded(shape, np.float32, i, integers=True) for i, shape in enumerate(shapes)))
    for actual, exact in zip(passes(p, variant), passes(p, "reference"), strict=True):
        np.testing.assert_array_equal(actual, exact)
