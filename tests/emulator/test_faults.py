"""Every kind of fault is planted in two kernels at least, and found where it is; the correct twins pass."""

import inspect
import re
from collections import Counter

import numpy as np
import pytest

from kernels.emulator import KernelFault, run
from kernels.emulator import compile as compiler
from kernels.emulator.arguments import bind
from kernels.emulator.launch import execute
from kernels.emulator.lowering import lower
from kernels.emulator.parse import parse
from tests.emulator import kernels, ptx
from tests.emulator.kernels import cuda, float32


@pytest.mark.parametrize(
    ("kind", "kernel", "grid", "block", "args"), kernels.FAULTS, ids=lambda v: getattr(v, "__name__", None)
)
def test_a_planted_fault_is_found_at_its_line(kind, kernel, grid, block, args):
    with pytest.raises(KernelFault) as caught:
        run(kernel, grid, block, tuple(a.copy() for a in args), limit=10_000)
    fault = caught.value
    lines, first = inspect.getsourcelines(kernel)
    assert fault.kind == kind, fault
    assert fault.line in [first + i for i, text in enumerate(lines) if "FAULT" in text], fault
    assert fault.file == kernels.__file__
    assert f"{kernel.__name__}, line {fault.line}" in str(fault)
    assert all(t < n for t, n in zip(fault.thread, (block, 1, 1), strict=True))
    assert all(t < n for t, n in zip(fault.block, (grid, 1, 1), strict=True))


@pytest.mark.parametrize(
    ("kernel", "grid", "block", "args", "expected"), kernels.TWINS, ids=lambda v: getattr(v, "__name__", None)
)
def test_the_correct_twin_passes(kernel, grid, block, args, expected):
    args = tuple(a.copy() for a in args)
    run(kernel, grid, block, args)
    np.testing.assert_array_equal(args[0], expected)


def test_a_fault_names_the_thread_the_block_and_the_byte():
    text = r"thread \(4, 0, 0\) of block \(3, 0, 0\) .* argument x of 400 bytes"
    with pytest.raises(KernelFault, match=text) as caught:
        run(kernels.beyond_the_end, 4, 32, (kernels.ramp(100),))
    fault = caught.value
    assert (fault.thread, fault.block, fault.address) == ((4, 0, 0), (3, 0, 0), 400)
    with pytest.raises(KernelFault) as caught:
        run(kernels.before_the_start, 1, 32, (kernels.ramp(32),))
    assert (caught.value.thread, caught.value.address) == ((0, 0, 0), -4)


def test_a_race_names_both_threads_and_lines():
    text = r"thread \(\d+, 0, 0\) of block .* and thread \(\d+, 0, 0\) of its block touch the same"
    with pytest.raises(KernelFault, match=text):
        run(kernels.race_in_a_warp, 1, 32, (kernels.ramp(32),))


COPY = "cvta.to.global.u64 %d5, %d1; mov.u32 %r4, memory; shl.b32 %r5, %r0, 3; add.u32 %r4, %r4, %r5;"
LATER = "cp.async.ca.shared.global [%r4], [%d5], 8;"
ISSUE = COPY + LATER
LOCAL = ".local .align 16 .b8 mine[512]; mov.u64 %d5, mine; mov.u64 %d6, mine;"
OUT = "ld.shared.u64 %d6, [%r4]; st.global.u64 [%d4], %d6;"

# what is done by hand in PTX: (kind, body); `None` for a correct twin that gives the input back
BY_HAND = [
    ("pending-copy", ISSUE + "cp.async.commit_group;" + OUT),
    ("pending-copy", ISSUE + "cp.async.commit_group;" + ISSUE.replace("[%r4]", "[%r4+512]")
     + "cp.async.commit_group; cp.async.wait_group 1; ld.shared.u64 %d7, [%r4+512];" + OUT),
    ("pending-copy", ISSUE + "mov.u64 %d8, 7; st.shared.u64 [%r4], %d8; cp.async.wait_all;" + OUT),
    (None, ISSUE + "cp.async.commit_group; cp.async.wait_group 0;" + OUT),
    (None, ISSUE + "cp.async.wait_all;" + OUT),
    (None, ISSUE + "cp.async.commit_group;" + ISSUE.replace("[%r4]", "[%r4+512]")
     + "cp.async.commit_group; cp.async.wait_group 1;" + OUT),
    ("race", ISSUE + "cp.async.wait_all; xor.b32 %r5, %r5, 8; mov.u32 %r4, memory; add.u32 %r4, %r4, %r5;" + OUT),
    ("pending-copy", ISSUE.replace("[%r4]", "[memory]") + "cp.async.wait_all;"),
    ("race", COPY + "xor.b64 %d6, %d5, 8; st.global.u64 [%d6], %d5;" + LATER + "cp.async.wait_all;"),
    ("race", ISSUE + "cp.async.wait_all; xor.b32 %r5, %r5, 8; mov.u32 %r4, memory; add.u32 %r4, %r4, %r5;"
     + "st.shared.u64 [%r4], %d5;"),
    (None, COPY + "add.u32 %r6, %r0, 1; min.u32 %r6, %r6, 8;" + LATER.replace(" 8;", " 8, %r6;")
     + "cp.async.wait_all;" + OUT),
    ("misaligned", "ld.global.u64 %d6, [%d1+4]; st.global.u64 [%d4], %d6;"),
    ("misaligned", COPY + "st.shared.v4.u32 [%r4], {%r0, %r0, %r0, %r0};"),
    (None, "ld.global.v2.u32 {%r6, %r7}, [%d1]; st.global.v2.u32 [%d4], {%r6, %r7};"),
    ("uninitialised-register", "setp.lt.u32 %p1, %r0, 9; @%p1 mov.u32 %r8, 5; st.global.u32 [%d4], %r8;"),
    ("uninitialised-register", "setp.lt.u32 %p1, %r0, 9; @%p1 bra $L; mov.f32 %f1, 0f3F800000; $L: mov.f32 %f2, %f1; "
     "add.f32 %f3, %f2, %f2; st.global.f32 [%d4], %f3;"),
    (None, "setp.lt.u32 %p1, %r0, 9; @%p1 bra $L; ld.global.u64 %d6, [%d1]; $L: @!%p1 bra $M; "
     "ld.global.u64 %d6, [%d1]; $M: mov.u64 %d7, %d6; st.global.u64 [%d4], %d7;"),
    # (numba-cuda fills local arrays with zeros, so only other compilers' code can show this)
    ("uninitialised-local", LOCAL + "add.u64 %d6, %d6, %d0; st.local.u64 [%d6], %d0; ld.local.u64 %d7, [%d5+8]; "
     "st.global.u64 [%d4], %d7;"),
    ("uninitialised-local", LOCAL + "st.local.u32 [%d5], %r0; ld.local.u64 %d7, [%d5]; st.global.u64 [%d4], %d7;"),
    (None, LOCAL + "ld.global.u64 %d7, [%d1]; st.local.u64 [%d5+8], %d7; ld.local.u64 %d8, [%d5+8]; "
     "st.global.u64 [%d4], %d8;"),
    ("out-of-bounds", LOCAL + "st.local.u64 [%d5+512], %d0;"),
    ("uninitialised-register", "mov.u32 %r7, 5; setp.lt.u32 %p1, %r0, 9; @%p1 bra $L; mov.u32 %r7, %r8; "
     "$L: st.global.u32 [%d4], %r7;"),
    (None, "ld.global.u64 %d6, [%d1]; mov.u64 %d7, %d6; setp.lt.u32 %p1, %r0, 9; @%p1 bra $L; mov.u64 %d7, %d9; "
     "mov.u64 %d7, %d6; $L: st.global.u64 [%d4], %d7;"),
    ("wrong-space", "mov.u64 %d6, 16; st.global.u64 [%d6], %d1;"),
    ("wrong-space", COPY + "mov.u64 %d6, memory; cvta.shared.u64 %d6, %d6; st.global.u64 [%d6], %d1;"),
    (None, COPY + "cvt.u64.u32 %d6, %r4; cvta.shared.u64 %d6, %d6; ld.global.u64 %d7, [%d1]; st.u64 [%d6], %d7;" + OUT),
    ("trap", "setp.eq.u32 %p1, %r0, 5; @%p1 trap;"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "body"), BY_HAND)
def test_faults_by_hand(kind, body):
    x = np.arange(64, dtype=np.uint64) * 3 + 1
    if kind is None:
        np.testing.assert_array_equal(ptx.launch(body, [x], 64), x)
        return
    with pytest.raises(KernelFault) as caught:
        ptx.launch(body, [x], 64)
    assert caught.value.kind == kind, caught.value


def products_of_tiles(a, b, c):
    """An 8x8 tile of a @ b, the factors' tiles in shared memory."""
    left = cuda.shared.array((8, 8), float32)
    right = cuda.shared.array((8, 8), float32)
    j, i = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for first in range(0, a.shape[1], 8):
        left[i, j] = a[i, first + j]
        right[i, j] = b[first + i, j]
        cuda.syncthreads()
        for k in range(8):
            total += left[i, k] * right[k, j]
        cuda.syncthreads()
    c[i, j] = total


def run_without_barrier(number):
    """Run `products_of_tiles` with one of its barriers (none for -1) taken out of the compiled code."""
    a, b = np.arange(192, dtype=np.float32).reshape(8, 24) % 7, np.arange(192, dtype=np.float32).reshape(24, 8) % 5
    args = (a, b, np.zeros((8, 8), np.float32))
    parts = compiler.to_ptx(products_of_tiles, compiler.signature(args)).split("bar.sync \t0;")
    ptx_text = parts[0] + "".join(("" if i == number else "bar.sync 0;") + part for i, part in enumerate(parts[1:]))
    buffers, words = bind(args, ["a", "b", "c"])
    execute(lower(parse(ptx_text)), "products_of_tiles", (1, 1, 1), (8, 8, 1), buffers, words)
    return len(parts) - 1, args


def test_each_barrier_of_a_tiled_product_is_needed_and_missed():
    barriers, (a, b, c) = run_without_barrier(-1)
    np.testing.assert_array_equal(c, a @ b)
    # the compiler unrolls: three tiles make each of its copies of the two barriers run
    assert barriers >= 2
    run_without_barrier(barriers - 1)  # after the last tile, where nothing follows
    for number in range(barriers - 1):
        with pytest.raises(KernelFault) as caught:
            run_without_barrier(number)
        assert caught.value.kind in ("race", "uninitialised-shared")


def test_every_write_to_a_read_only_array_is_a_fault():
    x = kernels.ramp(100)
    x.setflags(write=False)
    with pytest.raises(Exception, match=r"(?i)read-?only|const|immutable|setitem"):
        run(kernels.guarded, 4, 32, (x,))


def test_more_copies_than_a_thread_may_have_under_way():
    copies = "".join(f"cp.async.ca.shared.global [%r4+{8 * i}], [%d5], 8;" for i in range(65))
    with pytest.raises(KernelFault) as caught:
        ptx.launch(COPY + copies, [np.arange(1, dtype=np.uint64)], 1, block=1)
    assert caught.value.kind == "too-many-copies"


def test_constant_memory_is_read_only():
    table = ".const .align 8 .b8 table[8] = {1, 2, 3, 4, 5, 6, 7, 8};"
    read = "mov.u64 %d5, table; ld.const.u64 %d6, [%d5]; st.global.u64 [%d4], %d6;"
    out = ptx.launch(read, [], 1, before=table)
    assert out.view(np.uint8).tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    with pytest.raises(KernelFault) as caught:
        ptx.launch("mov.u64 %d5, table; st.global.u64 [%d5], %d0;", [], 1, before=table)
    assert caught.value.kind == "read-only"


def test_each_kind_has_two_planted_faults():
    planted = Counter(kind for kind, *_ in kernels.FAULTS) + Counter(kind for kind, _ in BY_HAND if kind)
    asked = """out-of-bounds misaligned uninitialised-shared uninitialised-local uninitialised-register race
        race-between-blocks divergent-barrier missed-barrier pending-copy wrong-space divergent-warp-operation"""
    assert {k: planted[k] for k in re.findall(r"\S+", asked) if planted[k] < 2} == {}
