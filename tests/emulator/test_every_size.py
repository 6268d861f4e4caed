"""What is shown of a kernel at every size, and the counterexample that a wrong one gets instead."""

import inspect

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")
pytest.importorskip("z3", reason="needs z3: pip install 'formula-convnet[proof]'")

import z3
from hypothesis import given
from hypothesis import strategies as st
from numba import cuda

from kernels.emulator import compile as compiler
from kernels.emulator.every_size.expressions import INTEGERS, compare, resize
from kernels.emulator.every_size.paths import NotShownError
from kernels.emulator.every_size.proof import show
from kernels.emulator.parse import parse

FLAT = np.ones(8, np.float32)


def shown(function, *arguments, block=128, in_place=False):
    types = compiler.signature(arguments)
    entry = parse(compiler.to_ptx(function, types, (8, 0))).entry
    return show(entry, types, list(inspect.signature(function).parameters), block, in_place)


def double(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = 2 * x[i]


def test_a_guarded_kernel_is_shown_also_in_place():
    assert shown(double, FLAT, FLAT).accesses == 2
    assert shown(double, FLAT, FLAT, in_place=True).questions > 4


def test_four_numbers_at_a_time_are_shown_with_their_tail():
    from kernels.relu.cuda import _forward

    found = shown(_forward.py_func, FLAT, FLAT)
    assert found.ways == 5  # past the end, one to three numbers left, four at once
    assert found.accesses == 8


def forgets_the_guard(x, y):
    i = cuda.grid(1)
    y[i] = 2 * x[i]


def guards_one_too_many(x, y):
    i = cuda.grid(1)
    if i <= x.size:
        y[i] = 2 * x[i]


def writes_to_one_place(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i // 2] = x[i]


def mixes_up_threads_of_blocks(x, y):
    i = cuda.threadIdx.x + cuda.blockIdx.x
    if i < x.size:
        y[i] = x[i]


def is_right_below_two_to_the_31(x, y):
    i = np.int32(cuda.blockIdx.x * 128 + cuda.threadIdx.x)
    if i < x.size:
        y[i] = x[i]


@pytest.mark.parametrize(
    ("kernel", "why"),
    [
        (forgets_the_guard, "outside of argument x, for example with .*size = "),
        (guards_one_too_many, "outside of argument x"),
        (writes_to_one_place, "two threads touch the same number of argument y"),
        (mixes_up_threads_of_blocks, "two threads touch the same number of argument y"),
        (is_right_below_two_to_the_31, "outside of argument x|two threads touch"),
    ],
)
def test_a_wrong_kernel_is_not_shown_and_an_example_is_given(kernel, why):
    with pytest.raises(NotShownError, match=why):
        shown(kernel, FLAT, FLAT)


def shifts(x, y):
    i = cuda.grid(1)
    if i + 1 < x.size:
        y[i] = x[i + 1]


def test_what_is_right_with_arrays_apart_can_race_in_place():
    shown(shifts, FLAT, FLAT)
    with pytest.raises(NotShownError, match="two threads touch the same number"):
        shown(shifts, FLAT, FLAT, in_place=True)


def waits(x, y):
    i = cuda.grid(1)
    cuda.syncthreads()
    if i < x.size:
        y[i] = x[i]


def loops_over_the_size(x, y):
    i = cuda.grid(1)
    if i == 0:
        for e in range(x.size):
            y[e] = x[e]


def reads_where_memory_says(x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = x[int(x[i])]


@pytest.mark.parametrize(
    ("kernel", "why"),
    [
        (waits, "`bar.sync` .line .* is not followed"),
        (loops_over_the_size, "a way of more than"),
        (reads_where_memory_says, "outside of argument x"),
    ],
)
def test_what_is_out_of_reach_is_said(kernel, why):
    with pytest.raises(NotShownError, match=why):
        shown(kernel, FLAT, FLAT)


def takes_a_column(x, y):
    i = cuda.grid(1)
    if i < y.size:
        y[i] = x[i, 0]


def test_arrays_with_two_axes_are_out_of_reach():
    with pytest.raises(NotShownError, match="argument x is no flat array"):
        shown(takes_a_column, np.ones((2, 3), np.float32), FLAT)


WORDS = st.integers(0, 2**32 - 1)


@given(WORDS, WORDS, st.integers(0, 31), st.sampled_from(["s32", "u32"]))
def test_instructions_compute_what_ptx_says(a, b, by, kind):
    signed = kind[0] == "s"
    x, y = (n - 2**32 if signed and n >= 2**31 else n for n in (a, b))

    def bits(name, *operands):
        return z3.simplify(INTEGERS[name](kind, *operands)).as_long()

    first, second, shift = (z3.BitVecVal(n, 32) for n in (a, b, by))
    assert bits("add", first, second) == (x + y) % 2**32
    assert bits("sub", first, second) == (x - y) % 2**32
    assert bits("mul.lo", first, shift) == x * by % 2**32
    assert bits("mul.wide", first, shift) == x * by % 2**64
    assert bits("shl", first, shift) == (x << by) % 2**32
    assert bits("shr", first, shift) == (x >> by) % 2**32
    assert bits("min", first, second) == min(x, y) % 2**32
    assert bits("max", first, second) == max(x, y) % 2**32
    assert bits("bfi", first, second, shift, z3.BitVecVal(32 - by, 32)) == b % 2**by + (a << by) % 2**32
    assert z3.simplify(resize(first, 64, signed)).as_long() == x % 2**64
    for how, holds in {"lt": x < y, "le": x <= y, "gt": x > y, "ge": x >= y, "eq": x == y, "ne": x != y}.items():
        assert z3.is_true(z3.simplify(compare(how, kind, first, second))) == holds
