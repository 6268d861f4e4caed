"""Blocks that wait for all others of the grid: what is theirs is kept until all have come.

A block's own are its shared and local memory, its registers, and where its threads stand. The meeting orders all that
was done before it, so nobody can race with that afterwards.
"""

from collections.abc import Callable

import numpy as np

from kernels.emulator import faults as f
from kernels.emulator import machine as m

_OWN = ("lane_pc", "doing", "missed", "queued", "copies", "owners", "marks")
Run = Callable[[int, bool], tuple[int, int]]


def run_all(machine: m.Machine, registers: np.ndarray, blocks: int, run: Run) -> int:
    """Run all blocks of a launch; the number of the one in which a thread was at fault, or -1.

    run: runs the blocks from a number on, or only that one, which then goes on: `grid.run_grid`.
    """
    kept: dict[int, list[np.ndarray]] = {}
    first, what = 0, m.BLOCK_WAITS
    while first < blocks and what != m.BLOCK_ENDED:
        number, what = run(first, True)
        if what == m.BLOCK_FAULT:
            return number
        if what == m.BLOCK_WAITS:
            kept[number] = _keep(machine, registers)
            first = number + 1
    while kept:
        if len(kept) < blocks:
            return _note_missed(machine, kept)
        waiting, kept = kept, {}
        machine.stamps[:] = 0
        machine.state[m.RELEASES] = 0
        for number, own in waiting.items():
            _resume(machine, registers, own)
            _, what = run(number, False)
            if what == m.BLOCK_FAULT:
                return number
            if what == m.BLOCK_WAITS:
                kept[number] = _keep(machine, registers)
    return -1


def _parts(machine: m.Machine, registers: np.ndarray) -> list[np.ndarray]:
    size = len(machine.fresh)
    return [machine.bytes[:size], machine.known[:size], registers, *(getattr(machine, name) for name in _OWN)]


def _keep(machine: m.Machine, registers: np.ndarray) -> list[np.ndarray]:
    """Return copies of what is a block's own."""
    return [part.copy() for part in _parts(machine, registers)]


def _resume(machine: m.Machine, registers: np.ndarray, own: list[np.ndarray]) -> None:
    """Put back what was kept; what a thread knows of others begins anew, as behind any barrier."""
    for part, values in zip(_parts(machine, registers), own, strict=True):
        part[...] = values
    machine.state[m.EPOCH] += 1
    machine.state[m.FIRST_EPOCH] = machine.state[m.EPOCH]
    machine.state[m.ACQUIRES] = 0
    machine.turns[:] = 0
    machine.fences[:] = 0
    machine.clocks[:] = np.eye(m.WARP, dtype=machine.clocks.dtype)
    machine.state[m.CLOCKS_USED] = 0


def _note_missed(machine: m.Machine, kept: dict[int, list[np.ndarray]]) -> int:
    """Note that a block waits for others that have ended; its number."""
    number, own = next(iter(kept.items()))
    machine.fault[[m.KIND, m.THREAD, m.SLOT]] = f.GRID_MISSED, 0, 0
    machine.fault[m.PC] = own[3][0, 0] - 1  # it would go on behind the barrier
    return number
