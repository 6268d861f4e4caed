"""Session 1: outputs by hand, sizes, weights."""

from __future__ import annotations

import numpy as np

from convnet.course.teacher.quiz.question import Question, choose, grid, integers
from kernels import conv2d


def output(rng: np.random.Generator) -> Question:
    """Ask for one number of y."""
    x, k = integers(rng, 0, 5, (4, 5)), integers(rng, -2, 2, (2, 2))
    i, j = int(rng.integers(0, 3)), int(rng.integers(0, 4))
    y = conv2d.forward(x[None, :, :, None], k[:, :, None, None])[0, i, j, 0]
    window = x[i : i + 2, j : j + 2]
    products = " + ".join(f"({a:g})({b:g})" for a, b in zip(window.ravel(), k.ravel(), strict=True))
    return Question(
        f"Image x, kernel k, stride 1, no padding. Compute y({i},{j}); rows and columns count from 0."
        f"\n\n{grid(x=x, k=k)}",
        y,
        f"the window begins at x({i},{j}): {products}",
    )


def size(rng: np.random.Generator) -> Question:
    """Ask for the number of outputs."""
    H, P, s, d, pad = (int(rng.choice(a)) for a in ((11, 14, 28, 32), (3, 5), (1, 2, 3), (1, 2), (0, 1, 2)))
    y = conv2d.forward(np.zeros((1, H, H, 1)), np.zeros((P, P, 1, 1)), stride=s, dilation=d, padding=pad)
    return Question(
        f"An image of {H} x {H} pixels, a kernel of {P} x {P}, stride {s}, dilation {d}, padding {pad} on every side. "
        "How many rows has y?",
        y.shape[1],
        f"({H} + 2 · {pad} - {d} · ({P} - 1) - 1) // {s} + 1",
    )


def edge(rng: np.random.Generator) -> Question:
    """Ask which kernel sees vertical edges and is blind to horizontal ones."""
    kernels = {
        "left minus right": np.array([[1, 0, -1]] * 3),
        "top minus bottom": np.array([[1, 0, -1]] * 3).T,
        "mean": np.ones((3, 3)),
        "middle": np.pad([[1]], 1),
    }
    order = rng.permutation(len(kernels))
    drawn = [list(kernels.values())[n].astype(float) for n in order]
    image = np.zeros((6, 6))
    image[:, 3:] = 1  # a vertical edge; turned, a horizontal one
    blind = []
    for k in drawn:
        seen = [conv2d.forward(a[None, :, :, None], k[:, :, None, None]) for a in (image, image.T)]
        blind.append(bool(np.any(seen[0]) and not np.any(seen[1])))
    tables = tuple("; ".join(" ".join(f"{v:g}" for v in row) for row in k) for k in drawn)
    return Question(
        "Which kernel is 0 at every horizontal edge, but not at vertical ones? (Rows are parted by semicolons.)",
        blind.index(True),
        "left column minus right column: along a horizontal edge both are the same",
        options=tables,
    )


def weights(rng: np.random.Generator) -> Question:
    """Ask how many numbers a layer learns."""
    import convnet

    C, F, P = (int(rng.choice(a)) for a in ((1, 3, 8, 16), (8, 16, 32), (3, 5)))
    layer = convnet.layers.Conv2D(F, P)
    layer(np.zeros((1, 28, 28, C), np.float32))  # the first call makes the weights
    return Question(
        f"A layer of {F} filters of {P} x {P}, with biases, on images of {C} channel{'s' * (C > 1)}. "
        "How many numbers does it learn?",
        layer.count_params(),
        f"{F} · ({P} · {P} · {C} + 1)",
    )


def field(rng: np.random.Generator) -> Question:
    """Ask how much of the image one output of two layers sees."""
    P, Q, s = (int(rng.choice(a)) for a in ((3, 5), (3, 5), (1, 2)))
    x_shape = (1, 40, 40, 1)
    middle = conv2d.forward(np.ones(x_shape), np.ones((P, P, 1, 1)), stride=s)
    last = conv2d.forward(middle, np.ones((Q, Q, 1, 1)))
    dy = np.zeros_like(last)
    dy[0, 5, 5, 0] = 1
    d = conv2d.backward_data(dy, np.ones((Q, Q, 1, 1)), middle.shape)
    dx = conv2d.backward_data(d, np.ones((P, P, 1, 1)), x_shape, stride=s)
    return Question(
        f"Two layers: {P} x {P} with stride {s}, then {Q} x {Q} with stride 1. How many rows of the image does "
        "one number "
        "of the second layer depend on?",
        int(np.any(dx[0, :, :, 0] != 0, axis=1).sum()),
        f"{s} · ({Q} - 1) + {P}: as many pixels of the image as the {Q} windows of the first layer cover",
    )


def flip(rng: np.random.Generator) -> Question:
    """Ask what training with a flipped kernel finds."""
    options, right = choose(
        rng,
        "the same kernel, turned by 180°",
        ("the same kernel", "its negative", "nothing of use: it does not learn"),
    )
    return Question(
        "A library flips every kernel before it correlates. Trained on the same images from a flipped start, it finds",
        right,
        "each layer can compute what the other can, with its kernel turned",
        options=options,
    )


QUESTIONS = (output, size, edge, weights, field, flip)
