"""What threads find out about each other: barriers that count, matches and reductions of a warp, jumps by an index."""

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from kernels.emulator import KernelFault
from tests.emulator.ptx import launch, run

N = 70  # threads: two warps and six lanes of a third
VALUES = np.random.default_rng(3).integers(0, 5, N).astype(np.uint64)


@pytest.mark.parametrize(
    ("name", "reduce"), [("and", np.all), ("or", np.any), ("popc", np.sum)], ids=["and", "or", "popc"]
)
@pytest.mark.parametrize("threshold", [0, 3, 5])
def test_a_barrier_tells_what_the_predicates_of_the_block_come_to(name, reduce, threshold):
    told = f"bar.red.{name}.pred %p2, 0, %p1; selp.u32 %r11, 1, 0, %p2;"
    told = "bar.red.popc.u32 %r11, 0, %p1;" if name == "popc" else told
    body = f"ld.global.u32 %r10, [%d1]; setp.lt.u32 %p1, %r10, {threshold}; {told} st.global.u32 [%d4], %r11;"
    np.testing.assert_array_equal(launch(body, [VALUES], N), np.full(N, int(reduce(threshold > VALUES))))


def test_a_barrier_that_counts_orders_memory_as_any_barrier():
    body = """
        shl.b32 %r10, %r0, 2; mov.u32 %r11, memory; add.u32 %r12, %r11, %r10; st.shared.u32 [%r12], %r0;
        setp.eq.u32 %p1, %r0, 0;
        BARRIER
        mov.u32 %r13, 69; sub.u32 %r13, %r13, %r0; shl.b32 %r13, %r13, 2; add.u32 %r13, %r11, %r13;
        ld.shared.u32 %r14, [%r13]; st.global.u32 [%d4], %r14;"""
    got = launch(body.replace("BARRIER", "bar.red.or.pred %p2, 0, !%p1;"), [], N)
    np.testing.assert_array_equal(got, np.arange(N)[::-1])
    with pytest.raises(KernelFault) as told:
        launch(body.replace("BARRIER", ""), [], N)
    assert told.value.kind in ("race", "uninitialised-shared")


def test_a_jump_to_code_that_the_compiler_has_put_before_is_no_other_turn():
    body = """
        setp.eq.u32 %p1, %r0, 0; @%p1 bra FIRST;
        BACK: bar.sync 0; bra DONE;
        FIRST: mov.u32 %r10, 0;
        AGAIN: add.u32 %r10, %r10, 1; setp.lt.u32 %p2, %r10, 5; @%p2 bra AGAIN;
        bra BACK;
        DONE: st.global.u32 [%d4], %r0;"""
    np.testing.assert_array_equal(launch(body, [], N), np.arange(N))


def test_match_any_names_the_threads_with_the_same_number():
    body = "ld.global.u64 %d5, [%d1]; activemask.b32 %r9; match.any.sync.b64 %r10, %d5, %r9; st.global.u32 [%d4], %r10;"
    high = VALUES << np.uint64(32)
    for values in (VALUES, high):
        got = launch(body, [values], N)
        for i in range(N):
            warp = range(i // 32 * 32, min(i // 32 * 32 + 32, N))
            assert got[i] == sum(1 << j % 32 for j in warp if values[j] == values[i])


def test_match_looks_at_32_bits_if_it_is_told_to():
    body = """mov.u32 %r10, %r0; shl.b32 %r10, %r10, 31; shl.b32 %r10, %r10, 1;
        match.all.sync.b32 %r11|%p1, %r10, 0xffffffff; st.global.u32 [%d4], %r11;"""
    np.testing.assert_array_equal(launch(body, [], 32), np.full(32, 0xFFFFFFFF))


def test_match_all_says_whether_all_are_alike():
    body = """ld.global.u32 %r8, [%d1]; activemask.b32 %r9; match.all.sync.b32 %r10|%p1, %r8, %r9;
        selp.u32 %r11, 1, 0, %p1; st.global.v2.u32 [%d4], {%r10, %r11};"""
    values = np.full(N, 7, np.uint64)
    values[40] = 8
    got = launch(body, [values], N)
    np.testing.assert_array_equal(got & 0xFFFFFFFF, np.repeat([0xFFFFFFFF, 0, 0x3F], [32, 32, 6]))
    np.testing.assert_array_equal(got >> 32, np.repeat([1, 0, 1], [32, 32, 6]))


@pytest.mark.parametrize("kind", ["u32", "s32"])
def test_redux_reduces_over_a_warp(kind):
    values = np.random.default_rng(4).integers(-(2**31), 2**31, N).astype(np.int64)
    signed = values if kind == "s32" else values & 0xFFFFFFFF
    for name, function in {"add": np.sum, "min": np.min, "max": np.max}.items():
        body = f"""ld.global.u32 %r8, [%d1]; activemask.b32 %r9; redux.sync.{name}.{kind} %r10, %r8, %r9;
            st.global.u32 [%d4], %r10;"""
        got = launch(body, [values.view(np.uint64)], N)
        for i in range(N):
            assert got[i] == int(function(signed[i // 32 * 32 : i // 32 * 32 + 32])) & 0xFFFFFFFF, name
    for name, function in {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}.items():
        body = f"""ld.global.u32 %r8, [%d1]; redux.sync.{name}.b32 %r10, %r8, 0xffffffff;
            st.global.u32 [%d4], %r10;"""
        got = launch(body, [values[:32].view(np.uint64)], 32)
        np.testing.assert_array_equal(got, np.full(32, function.reduce(values[:32]) & 0xFFFFFFFF))


def test_one_thread_of_a_warp_is_elected():
    body = """setp.lt.u32 %p2, %r0, 3; @%p2 bra DONE;
        elect.sync %r10|%p1, 0xfffffff8; selp.u32 %r11, 1, 0, %p1; st.global.v2.u32 [%d4], {%r10, %r11};
        DONE:"""
    got = launch(body, [], 32)
    np.testing.assert_array_equal(got[3:] & 0xFFFFFFFF, np.full(29, 3))
    np.testing.assert_array_equal(np.flatnonzero(got >> 32), [3])


JUMP = """
    rem.u32 %r10, %r0, MOD;
    mov.u32 %r11, 0;
    places: .branchtargets ONE, TWO, THREE;
    brx.idx %r10, places;
    ONE: mov.u32 %r11, 100; bra.uni END;
    TWO: add.u32 %r11, %r11, 10; bra.uni END;
    THREE: add.u32 %r11, %r11, 7;
    END: st.global.u32 [%d4], %r11;"""


def test_a_jump_by_an_index_goes_to_its_place():
    np.testing.assert_array_equal(launch(JUMP.replace("MOD", "3"), [], 40), np.resize([100, 10, 7], 40))


def test_an_index_beyond_the_places_is_a_trap():
    with pytest.raises(KernelFault, match="trap"):
        launch(JUMP.replace("MOD", "4"), [], 40)


MEET = """
.extern .func (.param .b32 result) cudaCGSynchronize(.param .b64 handle, .param .b32 flags);
"""
ROWS = """
    .param .b32 result; .param .b64 handle; .param .b32 flags;
    shl.b32 %r4, %r0, 2; mov.u32 %r5, memory; add.u32 %r5, %r5, %r4; st.shared.u32 [%r5], %r3;
    mov.u32 %r6, 119; sub.u32 %r6, %r6, %r3; mul.wide.u32 %d5, %r6, 8;
    ld.param.u64 %d6, [kernel_param_0]; add.u64 %d6, %d6, %d5;
    mov.u32 %r10, 0;
    AGAIN:
    add.u32 %r11, %r3, %r10; st.global.u32 [%d1], %r11;
    MEETS
    ld.global.u32 %r12, [%d6]; ld.shared.u32 %r13, [%r5]; add.u32 %r12, %r12, %r13;
    MEETS
    add.u32 %r10, %r10, 1000;
    setp.lt.u32 %p1, %r10, 3000; @%p1 bra AGAIN;
    st.global.u32 [%d4], %r12;
"""
CALL = "call.uni (result), cudaCGSynchronize, (handle, flags);"


def test_all_blocks_of_a_grid_meet_and_keep_what_is_theirs():
    out, rows = np.zeros(120, np.uint64), np.zeros(120, np.uint64)
    run(ROWS.replace("MEETS", CALL), [rows], out, 3, 40, MEET)
    np.testing.assert_array_equal(out, np.full(120, 119 + 2000))  # of the last turn: the opposite's row and its own


def test_without_the_meeting_blocks_race():
    with pytest.raises(KernelFault) as told:
        run(ROWS.replace("MEETS", "bar.sync 0;"), [np.zeros(120, np.uint64)], np.zeros(120, np.uint64), 3, 40, MEET)
    assert told.value.kind == "race-between-blocks"


def test_a_block_that_never_comes_to_the_meeting_is_missed():
    body = f"""
        .param .b32 result; .param .b64 handle; .param .b32 flags;
        setp.eq.u32 %p1, %r1, 2; @%p1 bra END; {CALL} END: st.global.u32 [%d4], %r0;"""
    with pytest.raises(KernelFault, match="waits for all blocks of the grid") as told:
        run(body, [], np.zeros(120, np.uint64), 3, 40, MEET)
    assert (told.value.kind, told.value.block) == ("missed-barrier", (0, 0, 0))
