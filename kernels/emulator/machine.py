"""What the emulated GPU consists of: the arrays that its compiled parts share, and the layout of their columns."""

from typing import NamedTuple

import numpy as np

WARP = 32

# An address is (slot << 32) + HALF + offset: nothing that a kernel adds by mistake reaches a neighbour's memory,
# and what falls before the start still names the array that it belongs to.
HALF = 1 << 31
SHARED, LOCAL, FIRST_BUFFER = 1, 2, 3
GENERIC, GLOBAL_SPACE, SHARED_SPACE, LOCAL_SPACE = 0, 1, 2, 3  # the state space that an instruction names

# columns of `slots`
START, SIZE, GRANULE, SHADOW, WRITABLE, UNWRITTEN = range(6)

# columns of `code`; D1..D3 are the further registers of a vector access
OP, D, A, B, C, E, GUARD, NEGATED, TARGET, BYTES, SPACE, LANES, SIGNED, D1, D2, D3 = range(16)
# those of a product of matrices, four registers of a and c and two of b a thread
A1, A2, A3, B1, C1, C2, C3 = range(16, 23)
COLUMNS = 23

# opcodes beyond arithmetic, whose numbers are below 3000
LOAD, STORE, ATOMIC, COPY, COMMIT, WAIT, WAIT_ALL = range(3000, 3007)
BRANCH, EXIT, BARRIER, WARP_SYNC, SHUFFLE, VOTE, ACTIVE, FENCE, TRAP, PRINT = range(3100, 3110)
MULTIPLY, LOAD_MATRICES = 3140, 3141  # of a whole warp
# the emulator's own, which `marks` runs
CHECK, MARK, MARK_ALL, MARK_CHOSEN, MARK_DECIDED, MARK_FITS = range(3200, 3206)

PLAIN, AND_RED, OR_RED, POPC_RED = range(4)  # column BYTES of BARRIER: what the threads' predicates are made to
BLOCK_BARRIER, GRID_BARRIER = range(2)  # column SPACE of BARRIER: who meets

BLOCK_FENCE, DEVICE_FENCE = 1, 2  # column BYTES of FENCE: who sees what the thread has done before; 0: nobody

GO_ON, REGROUP, FAULT = range(3)  # after an instruction
BLOCK_ENDED, BLOCK_WAITS, BLOCK_FAULT = range(3)  # after a block has run

# what a thread is doing
RUNS, AT_BARRIER, AT_WARP_SYNC, ENDED = range(4)

# state of a byte of shared or local memory; a GAP lies between two shared arrays
UNSET, SET, PENDING, GAP = range(4)

# columns of `counts`, one row an instruction
ISSUES, THREADS, REQUESTS, WAVEFRONTS, IDEAL, SECTORS, USEFUL, SPLITS = range(8)

# entries of `fault`
KIND, PC, THREAD, ADDRESS, WIDTH, OTHER_PC, OTHER_THREAD, SLOT = range(8)

# entries of `state`
EPOCH, FIRST_EPOCH, THREADS_PER_BLOCK, LOCAL_BYTES, STEPS, LIMIT, CLOCKS_USED, UNAWAITED = range(8)
RELEASES, ACQUIRES, ARRAY, ALIASES, PRINTED = range(8, 13)
STATES = 13

# columns of `releases` and `acquires`
CELL, FIRST, UNTIL, BY, REACH, STAMP = range(6)
SEEN = 1  # column of `acquires`: how many releases there were

PRINTS = 1 << 14  # of which a launch keeps book, with the format's address and as many words of arguments
PRINT_WORDS = 64

QUEUE = 64  # asynchronous copies that one thread may have under way
TO, FROM, COPIED, FILLED, GROUP, COPY_PC = range(6)  # columns of `copies`


class Machine(NamedTuple):
    """All memory and all that is known about it."""

    bytes: np.ndarray  # shared and local memory of one block, then the arguments
    words: np.ndarray  # the same memory, four bytes a number
    known: np.ndarray  # UNSET, SET, PENDING or GAP, for shared and local memory
    known_words: np.ndarray  # the same book, four bytes a number
    fresh: np.ndarray  # `known` where a block begins
    slots: np.ndarray  # where each part lies in `bytes`
    stamps: np.ndarray  # of each granule: its last writer, two groups of readers and two of atomics
    lanes: np.ndarray  # which threads of their warps these are, as bits
    places: np.ndarray  # the instructions of these
    clocks: np.ndarray  # (warp, 32, 32): what each thread knows of the others of its warp
    counts: np.ndarray
    fault: np.ndarray
    state: np.ndarray
    copies: np.ndarray  # (thread, QUEUE, 6)
    queued: np.ndarray  # (thread, 2): copies under way, groups committed
    lane_pc: np.ndarray  # (warp, 32)
    doing: np.ndarray  # (warp, 32)
    active: np.ndarray  # (3, 32): the group that runs, whom its instruction's guard lets through, who acts together
    scratch: np.ndarray  # (8, 32)
    matrices: np.ndarray  # (4, 16, 16): a, b, products and d of a product of matrices
    after: np.ndarray  # (warp operation, row): which rows may come after it
    missed: np.ndarray  # (warp, 32): whether a thread went on without those that wait for it in a warp operation
    turns: np.ndarray  # (warp, 32): which loops around a barrier a thread went through since the last one, as a sum
    fences: np.ndarray  # (thread, 34): the epoch and the reach of its last fence, and what it knew of its warp then
    releases: np.ndarray  # (any, 6): atomic operations after a fence, since the launch began
    release_clocks: np.ndarray  # (any, 32)
    acquires: np.ndarray  # (any, 3): atomic operations of this block on what was released
    owners: np.ndarray  # (bytes, 3) of shared memory: who wrote, whose value it overwrote, whether another has read it
    printed: np.ndarray  # (any, 1 + PRINT_WORDS)
    marks: np.ndarray  # (warp, register): which threads' copies of a register hold a value, as bits
