"""The PTX of our kernels in a finite field: the formula for every input; what is no polynomial is refused by name."""

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from numba import cuda

from kernels.algebra import arithmetic
from kernels.algebra.refusal import NotAlgebraicError
from kernels.emulator import run
from kernels.emulator.algebra import swapped
from kernels.verify.every_input import check
from kernels.verify.implementation import Registered
from kernels.verify.operations import load_operations
from kernels.verify.problems import case

OPERATIONS = load_operations()
CASES = [
    (o, v, n)
    for o, v in (("conv2d", "cuda_naive"), ("conv2d", "cuda_shared"), ("dense", "cuda"), ("avgpool2d", "cuda"))
    for n in OPERATIONS[o].passes
]


@pytest.mark.parametrize(("operation", "variant", "name"), CASES)
def test_the_ptx_is_the_formula_for_every_input(operation, variant, name):
    op = OPERATIONS[operation]
    impl = Registered(op, variant, "cuda-emulated")
    g = op.draw(np.random.default_rng(1))
    found = check(op, impl, name, case(op, impl, g, np.float32, "integers", 1, False))
    assert found.shown, found.statement


@cuda.jit
def clip(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = max(x[i], np.float32(0))


@cuda.jit
def branch(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = x[i] if x[i] > np.float32(3) else x[i] * x[i]


@cuda.jit
def third(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = x[i] * np.float32(1 / 3) - x[i] / np.float32(3)


@pytest.mark.parametrize("kernel", [clip, branch])
def test_a_comparison_of_numbers_is_refused(kernel):
    x = np.ones(5, np.float32)
    with pytest.raises(NotAlgebraicError, match=r"max|setp"), swapped(arithmetic.world(arithmetic.DEGREE)):
        run(kernel, 1, 32, (x, x.copy()))


def test_a_constant_is_the_fraction_that_it_was_rounded_from():
    prime = 2_147_483_629
    x = np.arange(5, dtype=np.int32).view(np.float32)
    y = np.full(5, 7, np.int32).view(np.float32)
    with swapped(arithmetic.world(arithmetic.FIELD, prime)):
        run(third, 1, 32, (x, y))
    np.testing.assert_array_equal(y.view(np.int32), 0)
