"""The emulated GPU before a launch: one block's memory and all buffers laid out, and nothing known of anything."""

import numpy as np

from kernels.emulator import machine as m
from kernels.emulator.arguments import Buffer
from kernels.emulator.program import Program

RELEASES = 1 << 16  # atomic operations after a fence, and those that acquire from them, of which a launch keeps book


def build(program: Program, buffers: list[Buffer], blocks: int, threads: int, shared: int) -> m.Machine:
    """Return a machine for blocks of `threads`; `shared`: bytes of dynamic shared memory."""
    warps = -(-threads // 32)
    parts = _shared_parts(program, shared)
    sizes = [
        max((start + size for start, size in parts), default=0),
        program.local_bytes * threads,
        *(len(b.data) for b in buffers),
    ]
    starts = np.concatenate([[0], np.cumsum([-(-n // 256) * 256 for n in sizes])]).astype(np.int64)
    slots, cells = _slots(program, buffers, sizes, starts)
    memory = np.zeros(int(starts[-1]), np.uint8)
    for buffer, start in zip(buffers, starts[2:], strict=False):
        memory[start : start + len(buffer.data)] = buffer.data
    fresh = _fresh(program, parts, sizes, starts, threads)
    aliases = sum(not size for _, size in program.shared.values()) > 1
    releases = min(blocks * threads * 2 + 16, RELEASES) if program.hands_over else 0
    state = np.zeros(m.STATES, np.int64)
    state[[m.THREADS_PER_BLOCK, m.LOCAL_BYTES, m.ALIASES]] = threads, program.local_bytes, aliases
    known = _known(fresh, buffers, starts)
    return m.Machine(
        bytes=memory,
        words=memory.view(np.uint32),
        known=known,
        known_words=known.view(np.uint32),
        fresh=fresh,
        slots=slots,
        stamps=np.zeros((cells, 5), np.int64),
        lanes=np.zeros((cells, 5), np.uint32),
        places=np.zeros((cells, 5), np.int32),
        clocks=np.zeros((warps, 32, 32), np.int32),
        counts=np.zeros((len(program.code), 8), np.int64),
        fault=np.zeros(8, np.int64),
        state=state,
        copies=np.zeros((warps * 32, m.QUEUE, 6), np.int64),
        queued=np.zeros((warps * 32, 2), np.int64),
        lane_pc=np.zeros((warps, 32), np.int64),
        doing=np.zeros((warps, 32), np.int64),
        active=np.zeros((3, 32), np.bool_),
        scratch=np.zeros((8, 128), np.int64),
        matrices=np.zeros((4, 16, 16)),
        after=program.after,
        missed=np.zeros((warps, 32), np.bool_),
        turns=np.zeros((warps, 32), np.int64),
        fences=np.zeros((warps * 32 if releases else 0, 34), np.int64),
        releases=np.zeros((releases, 6), np.int64),
        release_clocks=np.zeros((releases, 32), np.int32),
        acquires=np.zeros((releases, 3), np.int64),
        owners=np.zeros((sizes[0] if aliases else 0, 3), np.uint8),
        printed=np.zeros((m.PRINTS if program.prints else 0, 1 + m.PRINT_WORDS), np.uint64),
        marks=np.zeros((warps, program.registers), np.uint64),
    )


def _slots(program: Program, buffers: list[Buffer], sizes: list[int], starts: np.ndarray) -> tuple[np.ndarray, int]:
    """Return (where each part of memory lies and what is allowed there, how many granules are watched in all)."""
    granules = [program.shared_granule, 0, *((max(b.item, 1)).bit_length() - 1 for b in buffers)]
    cells = [0 if i == 1 else -(-n // (1 << g)) for i, (n, g) in enumerate(zip(sizes, granules, strict=True))]
    slots = np.zeros((m.SHARED + len(sizes), 6), np.int64)
    slots[1:, m.START], slots[1:, m.SIZE], slots[1:, m.GRANULE] = starts[:-1], sizes, granules
    slots[m.LOCAL, m.SIZE] = program.local_bytes
    slots[1:, m.SHADOW] = np.concatenate([[0], np.cumsum(cells[:-1])])
    slots[1:, m.WRITABLE] = [1, 1, *(b.writable for b in buffers)]
    slots[1:, m.UNWRITTEN] = [0, 0, *(b.unwritten for b in buffers)]
    return slots, sum(cells)


def _fresh(program: Program, parts: list, sizes: list[int], starts: np.ndarray, threads: int) -> np.ndarray:
    """Return what is known of shared and local memory where a block begins: nothing, but where the gaps are."""
    fresh = np.full(int(starts[2]), m.UNSET, np.uint8)
    fresh[: sizes[0]] = m.GAP
    for start, size in parts:
        fresh[start : start + size] = m.UNSET
    private = fresh[starts[1] : starts[1] + sizes[1]].reshape(threads, program.local_bytes)
    for array in program.arrays:
        private[:, array.start + array.size : array.end] = m.GAP
    return fresh


def _known(fresh: np.ndarray, buffers: list[Buffer], starts: np.ndarray) -> np.ndarray:
    """Return what is known at the start; of the buffers too, if one of them holds nothing yet."""
    if not any(b.unwritten for b in buffers):
        return fresh.copy()
    known = np.full(int(starts[-1]), m.SET, np.uint8)
    known[: len(fresh)] = fresh
    for buffer, start in zip(buffers, starts[2:], strict=False):
        if buffer.unwritten:
            known[start : start + len(buffer.data)] = m.UNSET
    return known


def _shared_parts(program: Program, dynamic: int) -> list[tuple[int, int]]:
    """Return (start, bytes) of every shared array; those without a size of their own are the dynamic memory."""
    return [(start, size or dynamic) for start, size in program.shared.values()]
