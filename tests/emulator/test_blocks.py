"""Which blocks of PTX a launch reached: a tail that no thread takes is not reached."""

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from numba import cuda

from kernels.emulator import run
from kernels.emulator.blocks import reached


@cuda.jit
def scale(x, y, tail):
    i = cuda.grid(1)
    if i >= x.size:
        tail[i - x.size] = 1
        return
    y[i] = x[i] * x[i]


def test_a_branch_that_no_thread_takes_is_not_reached():
    x, tail = np.ones(32, np.float32), np.zeros(40, np.float32)
    _, whole, all_blocks = reached(run(scale, 1, 32, (x, x.copy(), tail)))
    _, with_tail, _ = reached(run(scale, 2, 32, (x[:31].copy(), x.copy(), tail)))
    assert whole < with_tail <= set(all_blocks)
