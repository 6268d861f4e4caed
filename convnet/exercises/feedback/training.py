"""Usual mistakes in batch normalisation's gradient and in a step of Adam."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from convnet.exercises.feedback.mistake import Case, Mistake, by


def _norm(case: Case, terms: tuple[float, float] = (1, 1), epsilon: float | None = None, **other: bool) -> Any:
    """Return batch normalisation's gradients with factors on the two terms that dx subtracts."""
    p = case.problem
    dy, x, gamma, mean, var = (p[a].astype(float) for a in ("dy", "x", "gamma", "mean", "var"))
    deviation = np.sqrt(var + (p.settings["epsilon"] if epsilon is None else epsilon))
    xhat, M = (x - mean) / deviation, len(x)
    dbeta = dy.sum(0)
    dgamma = (dy * (x - mean if other.get("raw") else xhat)).sum(0)
    if other.get("means"):
        dbeta, dgamma = dbeta / M, dgamma / M
    inner = dy - terms[0] * dbeta / M - terms[1] * xhat * dgamma / M
    scale = 1 / deviation if other.get("no_gamma") else gamma / deviation
    return (gamma / (var + p.settings["epsilon"]) if other.get("no_root") else scale) * inner, dgamma, dbeta


BATCHNORM: dict[str, tuple[Mistake, ...]] = {
    "backward": (
        by("mean and variance are held still: dx subtracts dbeta/M and xhat dgamma/M", lambda c: _norm(c, (0, 0))),
        by("dx lacks the term of the mean, dbeta/M", lambda c: _norm(c, (0, 1))),
        by("dx lacks the term of the variance, xhat dgamma/M", lambda c: _norm(c, (1, 0))),
        by("the terms that dx subtracts are not divided by M", lambda c: _norm(c, (len(c.problem["x"]),) * 2)),
        by("epsilon is missing under the root", lambda c: _norm(c, epsilon=0.0)),
        by("gamma is missing in dx", lambda c: _norm(c, no_gamma=True)),
        by("the root is missing: divide by sqrt(var + epsilon)", lambda c: _norm(c, no_root=True)),
        by("dgamma and dbeta are exchanged: return dx, dgamma, dbeta", lambda c: (_norm(c)[0], *_norm(c)[:0:-1])),
        by(
            "dgamma is not divided by the deviation: it is the sum of dy * xhat",
            lambda c: (_norm(c)[0], _norm(c, raw=True)[1], _norm(c)[2]),
        ),
        by(
            "dgamma and dbeta are means; they are sums over m",
            lambda c: (_norm(c)[0], _norm(c, means=True)[1], _norm(c, means=True)[2]),
        ),
    )
}

DEFAULTS = {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7, "weight_decay": 0.0}


def _adam(case: Case, how: str) -> Any:
    p, s = case.problem, {**DEFAULTS, **case.problem.settings}
    w, g, m0, v0 = (p[a].astype(float) for a in ("p", "g", "m", "v"))
    t, b1, b2 = s["step"], s["beta1"], s["beta2"]
    decay = 0.0 if how == "no decay" else s["lr"] * s["weight_decay"]
    m, v = b1 * m0 + (1 - b1) * g, b2 * v0 + (1 - b2) * g * g
    if how == "no square":
        v = b2 * v0 + (1 - b2) * g
    if how == "exchanged":
        m, v = b2 * m0 + (1 - b2) * g, b1 * v0 + (1 - b1) * g * g
    if how == "decay as gradient":
        g = g + s["weight_decay"] * w
        m, v, decay = b1 * m0 + (1 - b1) * g, b2 * v0 + (1 - b2) * g * g, 0.0
    t = np.float64({"zero based": t - 1, "one late": t + 1}.get(how, t))
    used = (m0, v0) if how == "old" else (m, v)
    with np.errstate(all="ignore"):
        alpha = s["lr"] if how == "no correction" else s["lr"] * np.sqrt(1 - b2**t) / (1 - b1**t)
        alpha = s["lr"] / (1 - b1**t) if how == "half a correction" else alpha
        root = used[1] if how == "no root" else np.sqrt(used[1])
        step = alpha * used[0] / (root + s["epsilon"])
        step = alpha * used[0] / np.sqrt(used[1] + s["epsilon"]) if how == "epsilon inside" else step
    w = w - decay * w
    return (w + step if how == "uphill" else w - step), m, v


ADAM: dict[str, tuple[Mistake, ...]] = {
    "update": tuple(
        by(says, partial(_adam, how=how))
        for how, says in {
            "no correction": "the bias correction is missing: the step is alpha, not lr",
            "half a correction": "half of the bias correction is missing: alpha has sqrt(1 - beta2^step) as well",
            "zero based": "steps are counted from 0; step is 1 for the first one",
            "one late": "the step is counted twice: it is given as 1 for the first one",
            "old": "the old m and v are used; the step takes the new ones",
            "no square": "v is the mean of the squares: g^2, not g",
            "exchanged": "beta1 and beta2 are exchanged: beta1 is for m, beta2 for v",
            "no decay": "the weight decay is missing: p = p - lr * weight_decay * p",
            "decay as gradient": "the weight decay is added to the gradient; here it acts on p alone",
            "no root": "the root is missing: divide by sqrt(v) + epsilon",
            "epsilon inside": "epsilon is under the root; it is added to the root",
            "uphill": "the step goes uphill: subtract it",
        }.items()
    )
}
