"""conv2d's CUDA kernels, run on the emulator, are formula (1) and its gradients."""

import numpy as np
import pytest
from hypothesis import given

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from kernels import targets
from kernels.conv2d import cuda_naive, geometry, reference
from tests.rounding import assert_within
from tests.strategies import ConvProblem, conv_problems

VARIANTS = (cuda_naive,)


def passes(p: ConvProblem, module):
    """The three passes of a module on a problem in the normal form that variants receive."""
    s = p.settings
    settings, y_shape = geometry(p.x.shape, p.k.shape, s["stride"], s["padding"], s["dilation"], s["groups"])
    if module is reference:
        return (
            module.forward(p.x, p.k, p.b, **settings),
            module.backward_data(p.dy, p.k, p.x.shape, **settings),
            *module.backward_weights(p.x, p.dy, p.k.shape, **settings),
        )
    x, k, b, dy = (targets.to_device(a, "cuda-emulated") for a in (p.x, p.k, p.b, p.dy))
    # whatever stands in the results before (NaN) must not come through
    y, dx, dk, db = (targets.empty(n, p.x.dtype, "cuda-emulated") for n in (y_shape, x.shape, k.shape, k.shape[3:]))
    module.forward(x, k, b, **settings, out=y)
    module.backward_data(dy, k, x.shape, **settings, out=dx)
    module.backward_weights(x, dy, k.shape, **settings, out=(dk, db))
    return tuple(map(targets.to_host, (y, dx, dk, db)))


def terms(p: ConvProblem) -> tuple[int, int, int, int]:
    """The longest sum in y, dx, dk and db, plus one for rounding a product."""
    positions = p.dy.shape[0] * p.dy.shape[1] * p.dy.shape[2]
    area, filters = p.k.shape[0] * p.k.shape[1], p.k.shape[3] // p.settings["groups"]
    return area * p.k.shape[2] + 2, area * filters + 1, positions + 1, positions + 1


@pytest.mark.parametrize("module", VARIANTS)
@given(p=conv_problems(integers=True))
def test_small_integers_agree_with_the_reference_bit_for_bit(module, p):
    for actual, exact in zip(passes(p, module), passes(p, reference), strict=True):
        np.testing.assert_array_equal(actual, exact)


@pytest.mark.parametrize("module", VARIANTS)
@given(p=conv_problems())
def test_every_pass_is_within_the_rounding_bound_of_the_reference(module, p):
    magnitudes = passes(p.absolute(), reference)
    results = zip(passes(p, module), passes(p, reference), magnitudes, terms(p), strict=True)
    for actual, exact, magnitude, m in results:
        assert_within(actual, exact, magnitude, m, p.x.dtype)
