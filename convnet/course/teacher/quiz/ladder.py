"""Session 5: how much is computed, and which pixel is read."""

from __future__ import annotations

import numpy as np

from convnet.course.teacher.quiz.question import Question, choose
from kernels import conv2d


def products(rng: np.random.Generator) -> Question:
    """Ask for the number of multiplications of a layer."""
    N, H, C, F, P = (int(rng.choice(a)) for a in ((1, 2, 4), (6, 8, 12), (2, 4), (4, 8), (3, 5)))
    y = conv2d.forward(np.ones((N, H, H, C)), np.ones((P, P, C, F)))
    return Question(
        f"{N} image{'s' * (N > 1)} of {H} x {H} with {C} channels, {F} filters of {P} x {P}, stride 1, no "
        "padding. How many "
        "multiplications does formula (1) ask for?",
        y.sum(),
        f"{N} · {H - P + 1} · {H - P + 1} · {F} outputs, of {P} · {P} · {C} products each",
    )


def pixel(rng: np.random.Generator) -> Question:
    """Ask which row a tap reads."""
    s, d, top, p, i = (int(rng.choice(a)) for a in ((1, 2, 3), (1, 2), (0, 1, 2), (0, 1, 2), (2, 3, 4)))
    x = np.arange(40.0)[None, :, None, None]
    k = np.zeros((3, 1, 1, 1))
    k[p] = 1
    y = conv2d.forward(x, k, stride=(s, 1), dilation=(d, 1), padding=((top, top), (0, 0)))
    return Question(
        f"Stride {s}, dilation {d}, {top} row{'s' * (top != 1)} of padding at the top. Which row of the image "
        f"does tap p = {p} "
        f"of output row i = {i} read?",
        y[0, i, 0, 0],
        f"{s} · {i} + {d} · {p} - {top}",
    )


def tile(rng: np.random.Generator) -> Question:
    """Ask how many multiply-adds a load feeds."""
    R, V = (int(rng.choice(a)) for a in ((4, 6, 8, 12), (2, 3, 4)))
    return Question(
        f"A tile of {R} pixels by {V} vectors of filters stays in registers. In each step it loads {R} numbers "
        f"of x and {V} "
        "vectors of k. How many vector multiply-adds does it make in that step?",
        R * V,
        f"each pixel with each vector: {R} · {V}, for only {R} + {V} loads",
    )


def order(rng: np.random.Generator) -> Question:
    """Ask why filters are innermost."""
    options, right = choose(
        rng,
        "numbers that are computed one after the other lie side by side in memory",
        ("fewer products are computed", "the result is more exact", "fewer bytes are stored"),
    )
    return Question(
        "`cpu_ordered` makes the loop over filters the innermost one, and is faster than `cpu_parallel`. Why?",
        right,
        "whole cache lines and vectors are used; the products are the same",
        options=options,
    )


QUESTIONS = (products, pixel, tile, order)
