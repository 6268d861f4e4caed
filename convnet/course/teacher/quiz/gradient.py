"""Session 2: the gradients of a convolution, and a step against them."""

from __future__ import annotations

import numpy as np

from convnet.course.teacher.quiz.question import Question, choose, grid, integers, say
from kernels import conv2d


def kernel_gradient(rng: np.random.Generator) -> Question:
    """Ask for one number of dk."""
    x, dy = integers(rng, 0, 4, (3, 4)), integers(rng, -2, 2, (2, 3))
    p, q = (int(rng.integers(0, 2)) for _ in range(2))
    dk, _ = conv2d.backward_weights(x[None, :, :, None], dy[None, :, :, None], (2, 2, 1, 1))
    return Question(
        f"Image x, and the gradient dy of the outputs of a 2 x 2 kernel. Compute dk({p},{q}).\n\n{grid(x=x, dy=dy)}",
        dk[p, q, 0, 0],
        f"sum over (i,j) of dy(i,j) · x(i+{p}, j+{q})",
    )


def image_gradient(rng: np.random.Generator) -> Question:
    """Ask for one number of dx."""
    k, dy = integers(rng, -2, 3, (2, 2)), integers(rng, -2, 2, (2, 3))
    h, w = 1, int(rng.integers(0, 4))
    dx = conv2d.backward_data(dy[None, :, :, None], k[:, :, None, None], (1, 3, 4, 1))
    return Question(
        f"Kernel k and the gradient dy; the image is 3 x 4, stride 1, no padding. Compute dx({h},{w})."
        f"\n\n{grid(k=k, dy=dy)}",
        dx[0, h, w, 0],
        f"sum over (p,q) of dy({h}-p, {w}-q) · k(p,q), where dy has such a place",
    )


def readers(rng: np.random.Generator) -> Question:
    """Ask how many outputs read a pixel."""
    H, P, s = (int(rng.choice(a)) for a in ((7, 9), (3, 5), (1, 2)))
    h, w = (int(n) for n in rng.integers(0, H, 2))
    shape = (1, H, H, 1)
    dy = np.ones_like(conv2d.forward(np.zeros(shape), np.zeros((P, P, 1, 1)), stride=s))
    dx = conv2d.backward_data(dy, np.ones((P, P, 1, 1)), shape, stride=s)
    return Question(
        f"An image of {H} x {H}, a kernel of {P} x {P}, stride {s}, no padding. How many outputs read the pixel "
        f"({h},{w})?",
        dx[0, h, w, 0],
        "dx at that pixel if every dy and every number of k is 1: rows of windows over it times columns",
    )


def step(rng: np.random.Generator) -> Question:
    """Ask for a weight after a step of gradient descent."""
    x, k, t = integers(rng, 0, 3, (2, 3)), float(rng.integers(1, 4)), integers(rng, 0, 5, (2, 3))
    rate = float(rng.choice([0.125, 0.25, 0.5]))
    image, kernel = x[None, :, :, None], np.full((1, 1, 1, 1), k)
    error = conv2d.forward(image, kernel) - t[None, :, :, None]
    dk, _ = conv2d.backward_weights(image, error, kernel.shape)
    return Question(
        f"A kernel of one number, k = {k:g}, so y = k x. The loss is half of the sum of (y - t)². What is k "
        "after one step "
        f"with rate {rate:g}?\n\n{grid(x=x, t=t)}",
        k - rate * dk.item(),
        f"dy = y - t, dk = sum of dy · x = {say(dk.item())}, and k - {rate:g} · dk",
    )


def rate(rng: np.random.Generator) -> Question:
    """Ask why a loss grows at every step."""
    options, right = choose(
        rng,
        "the rate is too large",
        ("the rate is too small", "there are too few images", "the start was not random"),
    )
    return Question(
        "Gradient descent on a bowl-shaped loss, with the right gradient: the loss doubles at every step. The "
        "reason is that",
        right,
        "a step that overshoots the bottom by more than it was away from it leads higher up",
        options=options,
    )


QUESTIONS = (kernel_gradient, image_gradient, readers, step, rate)
