"""Session 7: what a proof of a kernel rests on."""

from __future__ import annotations

import numpy as np

from convnet.course.teacher.quiz.question import Question, choose
from kernels import conv2d


def rounding(rng: np.random.Generator) -> Question:
    """Ask what float32 makes of a sum."""
    n = int(rng.integers(2, 6))
    x = np.array([2.0**24, *[1.0] * n], np.float32)
    total = np.float32(0)
    for value in x:
        total += value
    return Question(
        f"float32 has 24 binary digits. 2²⁴ = 16777216, and then {n} times 1, are added from left to right in "
        "float32. What "
        "comes out? (Of two equally near numbers, the one with the even last digit is taken.)",
        float(total),
        "16777217 is no float32 number: each sum falls back. In the other order the ones would have counted",
    )


def exact(rng: np.random.Generator) -> Question:
    """Ask why small integers are tried."""
    options, right = choose(
        rng,
        "their sums are exact, so every order of adding gives the same bits",
        ("they are faster", "images are integers", "they need less memory"),
    )
    return Question(
        "`convnet verify` tries small integers, and asks for the last bit. Why integers?",
        right,
        "no rounding, no excuse: any difference is a mistake",
        options=options,
    )


def shrunk(rng: np.random.Generator) -> Question:
    """Ask for the right number of a counterexample."""
    d = 2
    x, k = rng.integers(1, 6, 4).astype(float), rng.integers(1, 4, 2).astype(float)
    y = conv2d.forward(x[None, :, None, None], k[:, None, None, None], dilation=(d, 1))
    wrong = conv2d.forward(x[None, :, None, None], k[:, None, None, None])
    if y[0, 0, 0, 0] == wrong[0, 0, 0, 0]:
        return shrunk(rng)
    return Question(
        f"A kernel forgets the dilation. The smallest call that shows it: x = {x.astype(int).tolist()} (a column), "
        f"k = {k.astype(int).tolist()} (a column), dilation {d}. It gives y(0) = {wrong[0, 0, 0, 0]:g}. What is right?",
        y[0, 0, 0, 0],
        f"x(0) k(0) + x({d}) k(1): the taps lie {d} rows apart",
    )


def threads(rng: np.random.Generator) -> Question:
    """Ask why results must not depend on threads."""
    options, right = choose(
        rng,
        "each result is written by one thread, whose sum has one order",
        ("one thread is used", "float64 is used inside", "the results are rounded at the end"),
    )
    return Question(
        "Our kernels give the same bits for any number of threads. How?",
        right,
        "rounding depends on the order of a sum, so the order must not depend on the threads",
        options=options,
    )


QUESTIONS = (rounding, exact, shrunk, threads)
