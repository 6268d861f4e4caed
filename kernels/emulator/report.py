"""What a launch did and what it cost, as far as the code alone decides it: no times, but what times are made of."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kernels.emulator import machine as m
from kernels.emulator.occupancy import Occupancy
from kernels.emulator.program import Program


@dataclass
class LineReport:
    """What one line of Python cost: instructions that warps issued, requests and what they took."""

    instructions: int = 0
    wavefronts: int = 0
    conflicts: int = 0
    sectors: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Launch:
    """What was launched: enough to compile it again, for another GPU."""

    function: Callable
    types: tuple
    options: dict[str, Any]
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    shared: int


@dataclass
class Report:
    """The counts of one launch. An instruction counts once a warp (`instructions`) and once a thread (`threads`).

    kinds: PTX opcode -> instructions issued; wavefronts: passes over shared memory, `conflicts` those beyond the least
    possible; sectors: 32-byte pieces of global memory moved by `requests`, of which `bytes` were asked for; split
    branches: those at which a warp's threads went two ways; unawaited copies: asynchronous copies that no thread
    waited for. `hot` has the kinds issued in one loop: of the innermost that multiply and add the one that issued
    most. `lines` has the costs by Python line; `launch` is what `run` was asked for.
    `issues` counts each row of `program`, for coverage.
    """

    kernel: str
    instructions: int = 0
    threads: int = 0
    kinds: Counter = field(default_factory=Counter)
    shared_requests: int = 0
    wavefronts: int = 0
    conflicts: int = 0
    requests: int = 0
    sectors: int = 0
    bytes: int = 0
    branches: int = 0
    split_branches: int = 0
    unawaited_copies: int = 0
    occupancy: Occupancy | None = None
    launch: Launch | None = None
    hot: Counter = field(default_factory=Counter)
    lines: dict[int, LineReport] = field(default_factory=dict)
    program: Program | None = field(default=None, repr=False)
    issues: np.ndarray | None = field(default=None, repr=False)

    @property
    def active(self) -> float:
        """The share of a warp's 32 threads that took part in its instructions."""
        return self.threads / (32 * self.instructions) if self.instructions else 0.0

    @property
    def efficiency(self) -> float:
        """The share of the global memory's sectors that was asked for; above 1 where threads share what they read."""
        return self.bytes / (32 * self.sectors) if self.sectors else 0.0

    def __str__(self) -> str:
        rows = [
            f"{self.kernel}: {self.instructions:,} warp instructions, {100 * self.active:.0f} % of the threads active",
            f"  global memory: {self.requests:,} requests, {self.sectors:,} sectors "
            f"({self.sectors / max(self.requests, 1):.1f} a request), {100 * self.efficiency:.0f} % of them used",
            f"  shared memory: {self.shared_requests:,} requests, {self.wavefronts:,} wavefronts, "
            f"{self.conflicts:,} of them bank conflicts",
            f"  branches: {self.branches:,}, split a warp: {self.split_branches:,}",
            "  most frequent: " + ", ".join(f"{k} {n:,}" for k, n in self.kinds.most_common(8)),
        ]
        if self.unawaited_copies:
            rows.append(f"  asynchronous copies that nobody waited for: {self.unawaited_copies:,}")
        if self.occupancy:
            rows.append(f"  {self.occupancy}")
        return "\n".join(rows)


def report(program: Program, name: str, counts: np.ndarray, unawaited: int) -> Report:
    """Return the report of a launch from the counts of its instructions."""
    listing = program.listing
    own = counts[listing.rows]
    issues, threads, requests, waves, ideal, sectors, useful, splits = own.T
    costs = (issues, waves, waves - ideal, sectors, useful)  # the fields of a LineReport
    return Report(
        name,
        instructions=int(issues.sum()),
        threads=int(threads.sum()),
        kinds=listing.by_kind(issues),
        shared_requests=int(requests[waves > 0].sum()),
        wavefronts=int(waves.sum()),
        conflicts=int((waves - ideal).sum()),
        requests=int(requests[sectors > 0].sum()),
        sectors=int(sectors.sum()),
        bytes=int(useful.sum()),
        branches=int(issues[listing.branches].sum()),
        split_branches=int(splits.sum()),
        unawaited_copies=unawaited,
        hot=_hot(program, counts),
        lines={n: LineReport(*row) for n, row in listing.by_line(costs)},
        program=program,
        issues=counts[:, m.ISSUES].copy(),
    )


def _hot(program: Program, counts: np.ndarray) -> Counter:
    """Return what was issued between a label and the jump back to it, for the busiest of `innermost`'s loops."""
    listing = program.listing
    if not listing.loops:
        return Counter()
    first, last = max(listing.loops, key=lambda loop: counts[loop[0] : loop[1] + 1, m.ISSUES].sum())
    inside = (listing.rows >= first) & (listing.rows <= last)
    return listing.by_kind(np.where(inside, counts[listing.rows, m.ISSUES], 0))
