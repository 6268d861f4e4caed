"""Usual mistakes in max and average pooling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from convnet.exercises.feedback.mistake import Case, Mistake, by


def _windows(case: Case, stride: tuple[int, int] | None = None) -> np.ndarray:
    """Return x in windows: (N, Ho, Wo, P, Q, C)."""
    p = case.problem
    (P, Q), (sh, sw) = p.settings["size"], stride or p.settings["stride"]
    x, (_, Ho, Wo, _) = p["x"].astype(float), p["dy"].shape
    rows, columns = sh * np.arange(Ho)[:, None] + np.arange(P), sw * np.arange(Wo)[:, None] + np.arange(Q)
    return x[:, rows[:, None, :, None], columns[None, :, None, :], :]


def _flat(windows: np.ndarray) -> np.ndarray:
    N, Ho, Wo, P, Q, C = windows.shape
    return windows.reshape(N, Ho, Wo, P * Q, C)


def _last_maximum(case: Case) -> Any:
    flat = _flat(_windows(case))
    return flat.max(3), flat.shape[3] - 1 - flat[:, :, :, ::-1].argmax(3)


def _smallest(case: Case) -> Any:
    flat = _flat(_windows(case))
    return flat.min(3), flat.argmin(3)


def _by_columns(case: Case) -> Any:
    flat = _flat(_windows(case).swapaxes(3, 4))
    return flat.max(3), flat.argmax(3)


def _argmax_column_first(case: Case) -> Any:
    flat, (P, Q) = _flat(_windows(case)), case.problem.settings["size"]
    p, q = np.divmod(flat.argmax(3), Q)
    return flat.max(3), q * P + p


def _send(case: Case, add: bool, share: Callable[[int, int], float] | None = None, transposed: bool = False) -> Any:
    """Return dx of max pooling (share is None) or average pooling."""
    p, dx = case.problem, np.zeros(case.problem["x"].shape)
    (P, Q), (sh, sw) = p.settings["size"], p.settings["stride"]
    for n, i, j, c in np.ndindex(p["dy"].shape):
        if share is None:
            a, b = divmod(int(p["argmax"][n, i, j, c]), P if transposed else Q)
            places = [(b, a) if transposed else (a, b)]
        else:
            places = list(np.ndindex(P, Q))
        for a, b in places:
            h, w = sh * i + a, sw * j + b
            value = float(p["dy"][n, i, j, c]) * (1.0 if share is None else share(P, Q))
            dx[n, h, w, c] = value + (dx[n, h, w, c] if add else 0)
    return dx


MAXPOOL: dict[str, tuple[Mistake, ...]] = {
    "forward": (
        by("of equal numbers the last one is taken: compare with >, so that the first stays", _last_maximum),
        by("the windows are searched column by column: argmax is p*Q + q, row by row", _by_columns),
        by("argmax counts down the columns: it is p*Q + q", _argmax_column_first),
        by("only y is returned: return y, argmax", lambda case: case.right[0]),
        by("y and argmax are exchanged: return y, argmax", lambda case: case.right[::-1]),
        by(
            "the smallest number is taken instead of the largest",
            _smallest,
        ),
        by("the mean is taken instead of the largest", lambda case: (_flat(_windows(case)).mean(3), case.right[1])),
        by(
            "negative numbers lose against a maximum that begins at 0: begin at -inf, or at the first pixel",
            lambda case: (np.maximum(case.right[0], 0), np.where(case.right[0] > 0, case.right[1], 0)),
        ),
        by(
            "the stride is ignored: window i begins at row s*i",
            lambda case: (_flat(_windows(case, (1, 1))).max(3), _flat(_windows(case, (1, 1))).argmax(3)),
        ),
        by(
            "the two strides are exchanged: stride[0] is for rows, stride[1] for columns",
            lambda case: (
                _flat(_windows(case, case.problem.settings["stride"][::-1])).max(3),
                _flat(_windows(case, case.problem.settings["stride"][::-1])).argmax(3),
            ),
        ),
    ),
    "backward": (
        by("dx is set, not added up: windows overlap, so use +=", lambda case: _send(case, False)),
        by("argmax is taken apart by P; p, q = divmod(argmax, Q)", lambda case: _send(case, True, transposed=True)),
        by(
            "every pixel of the window gets dy; only the largest does", lambda case: _send(case, True, lambda P, Q: 1.0)
        ),
        by(
            "every pixel of the window gets a share, as in average pooling; only the largest gets dy",
            lambda case: _send(case, True, lambda P, Q: 1 / (P * Q)),
        ),
    ),
}
AVGPOOL: dict[str, tuple[Mistake, ...]] = {
    "forward": (
        by("the sum is not divided by P*Q", lambda case: _flat(_windows(case)).sum(3)),
        by(
            "the sum is divided by P only", lambda case: _flat(_windows(case)).sum(3) / case.problem.settings["size"][0]
        ),
        by(
            "the sum is divided by Q only", lambda case: _flat(_windows(case)).sum(3) / case.problem.settings["size"][1]
        ),
        by("the largest number is taken instead of the mean", lambda case: _flat(_windows(case)).max(3)),
        by("the stride is ignored: window i begins at row s*i", lambda case: _flat(_windows(case, (1, 1))).mean(3)),
        by(
            "the two strides are exchanged: stride[0] is for rows, stride[1] for columns",
            lambda case: _flat(_windows(case, case.problem.settings["stride"][::-1])).mean(3),
        ),
    ),
    "backward": (
        by(
            "dy is not divided by P*Q: each pixel had the factor 1/(P*Q)",
            lambda case: _send(case, True, lambda P, Q: 1.0),
        ),
        by(
            "dx is set, not added up: windows overlap, so use +=",
            lambda case: _send(case, False, lambda P, Q: 1 / (P * Q)),
        ),
    ),
}
