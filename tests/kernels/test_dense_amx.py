"""dense on the matrix unit: kernels/conv2d's with one tap, each variant within its own bound."""

import numpy as np
import pytest

from kernels import dense, registry
from kernels.amx import processor
from kernels.amx.bounds import roundings
from tests import matrix_unit as unit
from tests.rounding import assert_within

VARIANTS = registry.MATRIX_UNIT["dense"]
SHAPES = ((1, 40, 33), (35, 7, 3), (50, 70, 40))


@pytest.fixture(autouse=True)
def matrix_unit_or_model(monkeypatch):
    unit.use(monkeypatch)


def passes(x, k, b, dy, variant):
    y, dx = dense.forward(x, k, b, variant=variant), dense.backward_data(dy, k, variant=variant)
    return y, dx, *dense.backward_weights(x, dy, variant=variant)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("N", "C", "F"), SHAPES)
def test_every_pass_is_within_the_variants_own_bound_and_exact_for_small_integers(variant, N, C, F):
    rng = np.random.default_rng(1)
    for integers in (False, True):
        shapes = ((N, C), (C, F), (F,), (N, F))
        arrays = [rng.integers(-9, 10, s) if integers else rng.standard_normal(s) for s in shapes]
        arrays = [a.astype(np.float32) for a in arrays]
        wide = [a.astype(np.float64) for a in arrays]
        exact, magnitudes = passes(*wide, "cpu_naive"), passes(*map(np.abs, wide), "cpu_naive")
        for a, e, size, m in zip(
            passes(*arrays, variant), exact, magnitudes, (C + 2, F + 1, N + 1, N + 1), strict=True
        ):
            assert_within(a, e, size, roundings(variant, m), np.float32)
            if integers:
                np.testing.assert_array_equal(a, e)


def test_a_nan_spoils_its_own_row_only():
    x, k = np.ones((20, 40), np.float32), np.ones((40, 33), np.float32)
    x[3, 4] = np.nan
    for variant in VARIANTS:
        y = dense.forward(x, k, variant=variant)
        np.testing.assert_array_equal(np.isnan(y), np.arange(20)[:, None] == np.full((1, 33), 3))


@pytest.mark.skipif(processor.missing() is None, reason="this machine has the matrix unit")
def test_without_the_unit_it_is_refused_by_name(monkeypatch):
    monkeypatch.undo()
    with pytest.raises(RuntimeError, match="dense: variant 'cpu_amx_3' needs Intel's matrix unit, AMX"):
        dense.forward(np.ones((2, 3), np.float32), np.ones((3, 4), np.float32), variant="cpu_amx_3")
