"""Local arrays are told from the size of private memory, and a kernel that fills them compiles as it does for a GPU."""

import re

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from numba import cuda, float32

from kernels.emulator import compile as compiler
from kernels.emulator.local_arrays import LocalArray, Placed, note_arrays, noted_arrays, place_arrays

A, B, C = LocalArray("a", 32, 304), LocalArray("b", 20, 320), LocalArray("c", 64, 384)


def test_comments_hold_the_arrays():
    assert noted_arrays(note_arrays("ret;\n", [A, B])) == [A, B]


def test_the_bytes_say_which_arrays_are_left():
    assert place_arrays([A, B, C], {"memory": (0, 304 + 384)}) == [Placed("a", 0, 32, 304), Placed("c", 304, 64, 688)]
    assert place_arrays([A, B, C], {"memory": (16, 320)}) == [Placed("b", 16, 20, 336)]


@pytest.mark.parametrize("size", [32, 304 + 8, 2 * 304])
def test_other_memory_has_no_known_place(size):
    assert place_arrays([A, B, C], {"memory": (0, size)}) == []


def product_of_a_tile(x, y):
    total = cuda.local.array((4, 4), float32)
    for i in range(4):
        for j in range(4):
            total[i, j] = float32(0)
    for k in range(8):
        for i in range(4):
            for j in range(4):
                total[i, j] += x[k] * y[k]
    for i in range(4):
        for j in range(4):
            x[4 * i + j] = total[i, j]


def test_a_kernel_that_fills_its_arrays_compiles_to_the_same_code():
    types = compiler.signature((np.ones(16, np.float32), np.ones(16, np.float32)))

    def instructions(checked):
        ptx = compiler.to_ptx(product_of_a_tile, types, checked=checked)
        return re.findall(r"^\t(?!\.)[@a-z].*;$", re.sub(r"[_$]\w{4,}", "name", ptx), re.M)

    assert len(instructions(False)) > 40
    assert instructions(True) == instructions(False)
