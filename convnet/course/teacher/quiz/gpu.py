"""Session 6: threads, blocks, races, sectors."""

from __future__ import annotations

import numpy as np

from convnet.course.teacher.quiz.question import Question, choose


def idle(rng: np.random.Generator) -> Question:
    """Ask how many threads have no work."""
    n, block = int(rng.integers(200, 900)), int(rng.choice([64, 128, 256]))
    n += n % block == 0  # then the last block is not full
    blocks = -(-n // block)
    return Question(
        f"{n} numbers, a thread for each, blocks of {block} threads. How many threads of the last block have "
        "nothing to do?",
        blocks * block - n,
        f"{blocks} blocks are {blocks * block} threads",
    )


def sectors(rng: np.random.Generator) -> Question:
    """Ask for the sectors of a warp's read."""
    stride = int(rng.choice([1, 2, 4, 8, 16]))
    return Question(
        f"The 32 threads of a warp read float32 numbers, thread t number {stride} t. Memory comes in sectors of "
        "32 bytes. How "
        "many sectors are fetched?",
        len({4 * stride * t // 32 for t in range(32)}),
        f"32 numbers that lie {4 * stride} bytes apart",
    )


def barrier(rng: np.random.Generator) -> Question:
    """Ask where the barrier belongs."""
    n = int(rng.choice([64, 128, 256]))
    options, right = choose(
        rng, "between line 1 and line 2", ("before line 1", "after line 2", "nowhere: it is right as it is")
    )
    return Question(
        f"A block of {n} threads, s in shared memory. Where does `cuda.syncthreads()` belong?\n\n"
        f"    1   s[i] = x[i]\n    2   y[i] = s[{n - 1} - i]",
        right,
        "a thread reads what another one writes; only a barrier between the two orders them",
        options=options,
    )


def leaves(rng: np.random.Generator) -> Question:
    """Ask about a barrier that not all threads reach."""
    options, right = choose(
        rng,
        "some threads never come to the barrier",
        ("too many threads read the same number", "the array is too small", "nothing: it is right"),
    )
    n = int(rng.integers(40, 60))
    return Question(
        f"A block of 64 threads. What is wrong?\n\n    if i >= {n}:\n        return\n    s[i] = x[i]\n    "
        "cuda.syncthreads()",
        right,
        "all threads of a block must reach a barrier, also those without work",
        options=options,
    )


QUESTIONS = (idle, sectors, barrier, leaves)
