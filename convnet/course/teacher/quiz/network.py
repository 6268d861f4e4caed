"""Session 3: pooling, sigmoid, dense layer, mean squared error."""

from __future__ import annotations

import numpy as np

from convnet.course.teacher.quiz.question import Question, grid, integers
from kernels import dense, maxpool2d, mse, sigmoid


def winner(rng: np.random.Generator) -> Question:
    """Ask for the gradient of one pixel behind max pooling with overlapping windows."""
    x = rng.permutation(16).reshape(4, 4).astype(float)  # no ties
    dy = integers(rng, 1, 9, (3, 3))
    y, argmax = maxpool2d.forward(x[None, :, :, None], 2, stride=1)
    dx = maxpool2d.backward(dy[None, :, :, None], argmax, (1, 4, 4, 1), size=2, stride=1)[0, :, :, 0]
    h, w = np.unravel_index(np.argmax(x[1:3, 1:3]), (2, 2))
    return Question(
        f"Max pooling with windows of 2 x 2 and stride 1: the windows overlap. Compute dx({h + 1},{w + 1})."
        f"\n\n{grid(x=x, dy=dy)}",
        dx[h + 1, w + 1],
        "the sum of the dy of all windows in which this pixel is the largest",
    )


def slope(rng: np.random.Generator) -> Question:
    """Ask for the gradient behind a sigmoid."""
    y, dy = float(rng.choice([0.25, 0.5, 0.75])), float(rng.integers(2, 9))
    return Question(
        f"A sigmoid's output is {y:g}, and the gradient of that output is {dy:g}. What is the gradient of its input?",
        sigmoid.backward(np.array([dy]), np.array([y])).item(),
        f"{dy:g} · {y:g} · (1 - {y:g})",
        within=0.001,
    )


def product(rng: np.random.Generator) -> Question:
    """Ask for an output of a dense layer."""
    x, k, b = integers(rng, -2, 3, (1, 3)), integers(rng, -2, 3, (3, 2)), integers(rng, -5, 5, (2,))
    f = int(rng.integers(0, 2))
    return Question(
        f"A dense layer with three inputs and two outputs. Compute y({f}).\n\n{grid(x=x, k=k, b=b)}",
        dense.forward(x, k, b)[0, f],
        f"b({f}) + the sum of x · column {f} of k",
    )


def loss(rng: np.random.Generator) -> Question:
    """Ask for the gradient of the mean squared error."""
    y, yhat = integers(rng, 0, 4, (1, 4)), integers(rng, 0, 4, (1, 4))
    at = int(np.argmax(np.abs(y - yhat)))
    return Question(
        f"The mean squared error of four numbers: truth y, prediction z. Compute its gradient with respect to z({at})."
        "\n\n"
        f"{grid(y=y, z=yhat)}",
        mse.backward(y, yhat)[0, at],
        f"2/4 · (z({at}) - y({at}))",
    )


def flat(rng: np.random.Generator) -> Question:
    """Ask for the width of a flattened image."""
    import convnet

    H, F, P = (int(rng.choice(a)) for a in ((16, 20, 28), (4, 8, 16), (3, 5)))
    layers = convnet.layers
    model = convnet.Sequential([layers.Conv2D(F, P), layers.MaxPooling2D(2), layers.Flatten()])
    model.build((None, H, H, 1))
    return Question(
        f"An image of {H} x {H} x 1, a convolution with {F} filters of {P} x {P} without padding, max pooling of "
        "2 x 2, "
        "then flatten. How many numbers come out?",
        model(np.zeros((1, H, H, 1), np.float32)).shape[1],
        f"({H} - {P} + 1) // 2 rows and columns, times {F}",
    )


QUESTIONS = (winner, slope, product, loss, flat)
