"""Usual mistakes in softmax with cross-entropy."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.exercises.feedback.mistake import Case, Mistake, by


def _loss(case: Case, logits: np.ndarray | None = None, top: Any = None) -> Any:
    """Return L computed from logits, with `top` subtracted from them."""
    z = case.problem["yhat"].astype(float) if logits is None else logits
    top = z.max(1, keepdims=True) if top is None else top
    with np.errstate(all="ignore"):
        lse = top + np.log(np.exp(z - top).sum(1, keepdims=True))
        return lse[:, 0] - z[np.arange(len(z)), case.problem["y"]]


def _slope(case: Case, top: Any = None) -> np.ndarray:
    """Return softmax, with `top` subtracted from the logits."""
    z = case.problem["yhat"].astype(float)
    with np.errstate(all="ignore"):
        e = np.exp(z - (z.max(1, keepdims=True) if top is None else top))
        return e / e.sum(1, keepdims=True)


def _truth(case: Case) -> np.ndarray:
    return np.eye(case.problem["yhat"].shape[1])[case.problem["y"]]


OVERFLOW = "it overflows: subtract the row's largest number before e^z, since e^1000 is infinite"
ALL_ROWS = "the maximum is taken over all rows: each row has its own, z.max(1, keepdims=True)"
NO_MEAN = "it is a sum over the samples; divide by N"
CROSSENTROPY: dict[str, tuple[Mistake, ...]] = {
    "forward": (
        by(OVERFLOW, lambda case: np.mean(_loss(case, top=0.0))),
        by(ALL_ROWS, lambda case: np.mean(_loss(case, top=case.problem["yhat"].astype(float).max()))),
        by(
            "the maximum is taken over the samples: each row has its own, over the classes",
            lambda case: np.mean(_loss(case, top=case.problem["yhat"].astype(float).max(0).max())),
        ),
        by(NO_MEAN, lambda case: np.sum(_loss(case))),
        by("the sign is wrong: the loss is log sum e^z - z[y]", lambda case: -np.mean(_loss(case))),
        by(
            "it is divided by N and by K; the mean is over the samples only",
            lambda case: np.mean(_loss(case)) / case.problem["yhat"].shape[1],
        ),
        by("the losses of the samples are returned, not their mean", lambda case: _loss(case)),
        by(
            "the largest number that was subtracted is not added again: log sum e^z = t + log sum e^(z-t)",
            lambda case: np.mean(_loss(case) - case.problem["yhat"].astype(float).max(1)),
        ),
    ),
    "backward": (
        by(OVERFLOW, lambda case: (_slope(case, 0.0) - _truth(case)) / len(_truth(case))),
        by(
            ALL_ROWS,
            lambda case: (_slope(case, case.problem["yhat"].astype(float).max()) - _truth(case)) / len(_truth(case)),
        ),
        by("dz is not divided by N", lambda case: _slope(case) - _truth(case)),
        by(
            "the 1 at the true class is not subtracted: dz is softmax - [k = y]",
            lambda case: _slope(case) / len(_truth(case)),
        ),
        by(
            "the sign is wrong: dz is softmax - [k = y], not the other way round",
            lambda case: -(_slope(case) - _truth(case)) / len(_truth(case)),
        ),
    ),
}
