"""The kinds of faults, and what is said about each."""

from typing import NamedTuple

(
    OUT_OF_BOUNDS,
    MISALIGNED,
    UNSET_SHARED,
    UNSET_LOCAL,
    UNSET_REGISTER,
    RACE,
    RACE_OF_BLOCKS,
    BARRIER_SPLIT,
    BARRIER_MISSED,
    PENDING_COPY,
    READ_ONLY,
    WRONG_SPACE,
    WARP_SPLIT,
    ENDLESS,
    QUEUE_FULL,
    TRAPPED,
    NOT_IN_MASK,
    ABSENT_THREAD,
    BARRIER_TURN,
    ALIASED,
    OVERFLOW,
    UNSET_GLOBAL,
    RAISED,
    GRID_MISSED,
) = range(1, 25)


class Kind(NamedTuple):
    """`name` for programs, `what` happened and what to `do`, for people."""

    name: str
    what: str
    do: str


KINDS = {
    OUT_OF_BOUNDS: Kind("out-of-bounds", "touches memory outside of", "guard the index against the array's shape"),
    MISALIGNED: Kind(
        "misaligned", "touches an address that is no multiple of the access's size, in", "align the array or the index"
    ),
    UNSET_SHARED: Kind(
        "uninitialised-shared", "reads what nothing has written yet, in", "write all of the shared array that is read"
    ),
    UNSET_LOCAL: Kind("uninitialised-local", "reads what it has not written yet, in", "fill the local array first"),
    UNSET_REGISTER: Kind(
        "uninitialised-register", "uses a value that nothing has given on this path", "set it on every path"
    ),
    UNSET_GLOBAL: Kind(
        "uninitialised-global", "reads what no launch has written yet, in",
        "fill the array before the launch that adds to it",
    ),
    ABSENT_THREAD: Kind(
        "absent-thread", "uses what it took from a thread that took no part",
        "read only from threads that the mask names and that arrive; a block's last warp may have fewer than 32",
    ),
    NOT_IN_MASK: Kind(
        "outside-the-mask", "calls a warp operation whose mask does not name it", "pass a mask that names every caller",
    ),
    ALIASED: Kind(
        "aliased-shared", "reads what it had written and another array has overwritten since, in",
        "all dynamic shared arrays begin at the same byte: make one, and take slices that do not overlap",
    ),
    OVERFLOW: Kind(
        "index-overflow", "computes an index that does not fit 32 bits and has wrapped around",
        "compute it with 64 bits",
    ),
    RAISED: Kind("exception", "raised", "see the kernel's own assertions"),
    RACE: Kind("race", "and another thread of its block touch the same, no barrier between, in", "add syncthreads"),
    RACE_OF_BLOCKS: Kind(
        "race-between-blocks", "and a thread of another block touch the same in one launch, in",
        "give each block its own elements, or use two launches, or atomics",
    ),
    BARRIER_SPLIT: Kind(
        "divergent-barrier", "waits at a barrier while others of its block wait at another place",
        "move the barrier out of the branch",
    ),
    BARRIER_TURN: Kind(
        "divergent-barrier", "waits at a barrier in another turn of the loop than others of its block",
        "let all threads of the block take the same turns between two barriers",
    ),
    BARRIER_MISSED: Kind(
        "missed-barrier", "waits at a barrier that others of its block never reach",
        "let no thread return before the block's last barrier",
    ),
    GRID_MISSED: Kind(
        "missed-barrier", "waits for all blocks of the grid, of which some have ended",
        "let every block meet the others as often",
    ),
    PENDING_COPY: Kind(
        "pending-copy", "touches the target of an asynchronous copy before the wait for it, in",
        "wait for the copy's group first (cp.async.wait_group), then syncthreads",
    ),
    READ_ONLY: Kind("read-only", "writes to read-only memory,", "pass a writable array"),
    WRONG_SPACE: Kind(
        "wrong-space", "uses an address of another memory than the instruction's,", "check what the pointer points to"
    ),
    WARP_SPLIT: Kind(
        "divergent-warp-operation", "waits in a warp operation for threads of its mask that never come",
        "call it where all threads of the mask arrive",
    ),
    ENDLESS: Kind(
        "endless", "was still running when the launch's limit was reached (of steps, or of time without a barrier)",
        "give the loop an end, or raise `limit`",
    ),
    QUEUE_FULL: Kind("too-many-copies", "has more asynchronous copies under way than the emulator holds (64)", "wait"),
    TRAPPED: Kind("trap", "ran into a trap instruction", "see the kernel's own checks"),
}  # fmt: skip


class KernelFault(RuntimeError):
    """A kernel did what a GPU must not be asked to do.

    kind: see KINDS; kernel: its name; file, line: of the Python source; thread, block: (x, y, z); address: the byte
    offset in `memory` (a shared array, an argument), None where no memory is concerned.
    """

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(message)
        self.kind: str
        self.line: int
        self.thread: tuple[int, int, int]
        self.block: tuple[int, int, int]
        self.address: int | None
        self.__dict__.update(facts)
