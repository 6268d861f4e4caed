"""convpool on the matrix unit: its convolution within each variant's bound, then pooled and rectified."""

import numpy as np
import pytest

from kernels import conv2d, convpool, registry
from kernels.amx import processor
from kernels.amx.bounds import roundings
from tests import matrix_unit as unit
from tests.rounding import assert_within

VARIANTS = registry.MATRIX_UNIT["convpool"]


@pytest.fixture(autouse=True)
def matrix_unit_or_model(monkeypatch):
    unit.use(monkeypatch)


def arrays(draw):
    x_shape, k_shape, y_shape = (2, 9, 8, 16), (3, 3, 16, 35), (2, 3, 3, 35)
    return [draw(s).astype(np.float32) for s in (x_shape, k_shape, k_shape[3:], y_shape)]


@pytest.mark.parametrize("variant", VARIANTS)
def test_small_integers_are_exact_in_every_pass(variant):
    x, k, b, dy = arrays(lambda s: np.random.default_rng(1).integers(-5, 6, s))
    results = []
    for v in ("reference", variant):
        y, argmax = convpool.forward(x, k, b, variant=v)
        y = y.astype(np.float32)
        dx = convpool.backward_data(dy, y, argmax, k, x.shape, variant=v)
        results.append((y, argmax, dx, *convpool.backward_weights(x, dy, y, argmax, k.shape, variant=v)))
    for e, a in zip(*results, strict=True):
        np.testing.assert_array_equal(a, e)


@pytest.mark.parametrize("variant", VARIANTS)
def test_forward_is_within_the_bound_and_chooses_a_pixel_that_the_bound_allows(variant):
    x, k, b, _ = arrays(np.random.default_rng(2).standard_normal)
    y, argmax = convpool.forward(x, k, b, variant=variant)
    wide = [a.astype(np.float64) for a in (x, k, b)]
    exact, _ = convpool.forward(*wide, variant="reference")
    z, size = conv2d.forward(*wide, variant="cpu_naive"), conv2d.forward(*map(np.abs, wide), variant="cpu_naive")
    windows, sizes = (a[:, :6, :6].reshape(2, 3, 2, 3, 2, 35).transpose(0, 1, 3, 2, 4, 5) for a in (z, size))
    windows, sizes = windows.reshape(2, 3, 3, 4, 35), sizes.reshape(2, 3, 3, 4, 35)
    most = sizes.max(axis=3)
    assert_within(y, exact, most, roundings(variant, 9 * 16 + 2), np.float32)
    chosen = np.take_along_axis(windows, argmax[:, :, :, None].astype(np.int64), axis=3)[:, :, :, 0]
    assert_within(chosen, windows.max(axis=3), 2 * most, roundings(variant, 9 * 16 + 2), np.float32)


@pytest.mark.skipif(processor.missing() is None, reason="this machine has the matrix unit")
def test_without_the_unit_every_pass_is_refused(monkeypatch):
    x, k, b, dy = arrays(np.ones)
    y, argmax = convpool.forward(x, k, b)
    monkeypatch.undo()
    for call in (
        lambda: convpool.forward(x, k, b, variant="cpu_amx"),
        lambda: convpool.backward_data(dy, y, argmax, k, x.shape, variant="cpu_amx"),
        lambda: convpool.backward_weights(x, dy, y, argmax, k.shape, variant="cpu_amx"),
    ):
        with pytest.raises(RuntimeError, match="convpool: variant 'cpu_amx' needs Intel's matrix unit, AMX"):
            call()
