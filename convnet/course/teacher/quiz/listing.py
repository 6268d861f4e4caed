"""Session 4: softmax, cross-entropy, Adam, normalisation, and what a score means."""

from __future__ import annotations

import numpy as np

from convnet.course.teacher.quiz.question import Question, choose, grid, say
from convnet.evaluation import metrics
from kernels import adam, batchnorm, crossentropy, softmax


def probability(rng: np.random.Generator) -> Question:
    """Ask for a probability."""
    a = rng.permutation([1, 2, 5] if rng.random() < 0.5 else [1, 3, 4])
    at = int(rng.integers(0, 3))
    names = ", ".join("0" if n == 1 else f"ln {n}" for n in a)
    return Question(
        f"Three scores: {names}. Which probability does softmax give to number {at}? (They count from 0.)",
        softmax.forward(np.log(a[None].astype(float)))[0, at],
        f"{a[at]} / {a.sum()}",
        within=0.001,
    )


def surprise(rng: np.random.Generator) -> Question:
    """Ask for the gradient of the cross-entropy with respect to the true class's score."""
    p = float(rng.choice([0.1, 0.2, 0.25, 0.4, 0.8]))
    z = np.log([[p, 1 - p]])
    return Question(
        f"One image, two classes. Softmax gives the true class the probability {p:g}. What is the gradient of the "
        "cross-entropy with respect to that class's score?",
        crossentropy.backward(np.array([0]), z, kind="sparse", from_logits=True)[0, 0],
        f"prediction minus truth: {p:g} - 1",
        within=0.001,
    )


def first_step(rng: np.random.Generator) -> Question:
    """Ask how long Adam's first step is."""
    g, lr = float(rng.choice([0.001, 3.0, 200.0])), float(rng.choice([0.5, 0.25]))
    p, m, v = np.zeros(1), np.zeros(1), np.zeros(1)
    adam.update(p, np.array([g]), m, v, step=1, lr=lr, epsilon=0.0)
    return Question(
        f"Adam's very first step, with lr = {lr:g} and epsilon = 0. A parameter is 0 and its gradient {g:g}. "
        "What is it after "
        "the step?",
        round(p.item(), 12),
        "m and v, freed of their bias, are g and g²: the step is lr against the sign of g",
        within=0.001,
    )


def normalised(rng: np.random.Generator) -> Question:
    """Ask for a number behind batch normalisation."""
    spread, shift = float(rng.choice([1, 2, 4])), float(rng.integers(-3, 6))
    x = (np.array([-1.0, -1.0, 1.0, 1.0]) * spread + shift)[rng.permutation(4)][:, None]
    gamma, beta, at = float(rng.integers(2, 6)), float(rng.integers(-2, 3)), int(rng.integers(0, 4))
    y, *_ = batchnorm.forward(x, np.array([gamma]), np.array([beta]), epsilon=1e-12)
    return Question(
        f"Batch normalisation in training, one channel, gamma = {gamma:g}, beta = {beta:g}, epsilon nearly 0. "
        f"Compute y({at})."
        f"\n\n{grid(x=x.T)}",
        round(y[at, 0], 6),
        f"mean {shift:g}, standard deviation {spread:g}, so the normalised numbers are ±1",
        within=0.001,
    )


def area(rng: np.random.Generator) -> Question:
    """Ask for the AUC of six scores."""
    scores, sick = rng.permutation(np.arange(1, 7)) / 10, np.array([True] * 3 + [False] * 3)
    auc = float(metrics.area(sick, scores))
    if auc in (0, 1):
        return area(rng)
    return Question(
        "Three diseased and three healthy images, and the scores that a network gave them. What is the AUC?\n\n"
        f"{grid(diseased=scores[:3], healthy=scores[3:])}",
        auc,
        "of the nine pairs of a diseased and a healthy image, the share in which the diseased one has the higher score",
        within=0.006,
    )


def accuracy(rng: np.random.Generator) -> Question:
    """Ask what accuracy hides."""
    share = int(rng.choice([80, 90, 95]))
    auc = float(metrics.area(np.repeat([True, False], [share, 100 - share]), np.full(100, 0.7)))
    options, right = choose(rng, say(auc), (f"{share / 100:g}", f"{1 - share / 100:.2g}", "it cannot be computed"))
    return Question(
        f"{share} of 100 test images show a lesion. A network gives every image the same score, and always answers "
        f'"present": its accuracy is {share / 100:g}. What is its AUC?',
        right,
        "every pair is a tie, which counts one half: the network knows nothing",
        options=options,
    )


QUESTIONS = (probability, surprise, first_step, normalised, area, accuracy)
