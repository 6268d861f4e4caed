"""A convolution and its gradients with those parts as arguments that a student may get wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from convnet.exercises.feedback.mistake import Case

Indices = np.ndarray


@dataclass(frozen=True)
class Setup:
    """Arrays and settings of one problem, and what is done with a pixel outside: zero, wrap, clamp."""

    x: np.ndarray
    k: np.ndarray
    b: np.ndarray | None
    dy: np.ndarray
    stride: tuple[int, int]
    dilation: tuple[int, int]
    start: tuple[int, int]  # the first row and column that is read, below 0 with padding
    groups: int
    outside: str = "zero"

    def reads(self, axis: int, outputs: int, taps: int) -> Indices:
        """Return which row (axis 0) or column output i reads with tap p: an array (outputs, taps)."""
        i, p = np.arange(outputs)[:, None], np.arange(taps)
        return self.stride[axis] * i + self.dilation[axis] * p + self.start[axis]


def setup(case: Case, **changes: Any) -> Setup:
    """Return the setup of a case, with changes."""
    p = case.problem
    (top, _), (left, _) = p.settings["padding"]
    made = Setup(
        *(p["x"].astype(float), p["k"].astype(float), p.arrays.get("b"), p["dy"].astype(float)),
        *(p.settings["stride"], p.settings["dilation"], (-top, -left), p.settings["groups"]),
    )
    return replace(made, **changes)


def windows(s: Setup) -> np.ndarray:
    """Return x as every output sees it: (N, Ho, Wo, P, Q, C)."""
    (_, H, W, _), (P, Q) = s.x.shape, s.k.shape[:2]
    rows, columns = s.reads(0, s.dy.shape[1], P), s.reads(1, s.dy.shape[2], Q)
    inside = [((r >= 0) & (r < n)) for r, n in ((rows, H), (columns, W))]
    if s.outside == "wrap":  # Python's x[-1] is the last row
        inside = [(r < n) & (r >= -n) for r, n in ((rows, H), (columns, W))]
    if s.outside == "clamp":
        inside = [np.ones_like(r, bool) for r in (rows, columns)]
    rows, columns = (
        np.where(ok, r % n if s.outside == "wrap" else np.clip(r, 0, n - 1), 0)
        for r, ok, n in zip((rows, columns), inside, (H, W), strict=True)
    )
    taken = s.x[:, rows[:, None, :, None], columns[None, :, None, :], :]
    return taken * (inside[0][:, None, :, None] & inside[1][None, :, None, :])[None, ..., None]


def correlate(s: Setup, seen: np.ndarray | None = None) -> np.ndarray:
    """Return y."""
    seen = windows(s) if seen is None else seen
    C, F = s.k.shape[2], s.k.shape[3] // s.groups
    parts = [
        np.einsum("nijpqc,pqcf->nijf", seen[..., g * C : (g + 1) * C], s.k[..., g * F : (g + 1) * F])
        for g in range(s.groups)
    ]
    y = np.concatenate(parts, -1)
    return y if s.b is None else y + s.b


def scatter(s: Setup, shape: tuple[int, ...], add: bool = True) -> np.ndarray:
    """Return dx: every dy, times k, sent to the pixel that was read; without `add` the last one stays."""
    dx = np.zeros(shape)
    rows, columns = s.reads(0, s.dy.shape[1], s.k.shape[0]), s.reads(1, s.dy.shape[2], s.k.shape[1])
    for n, i, j, f in np.ndindex(s.dy.shape):
        for p, q in np.ndindex(s.k.shape[:2]):
            h, w = rows[i, p], columns[j, q]
            if s.outside == "wrap" and -shape[1] <= h < shape[1] and -shape[2] <= w < shape[2]:
                dx[n, h, w] += s.dy[n, i, j, f] * s.k[p, q, :, f]
            elif 0 <= h < shape[1] and 0 <= w < shape[2]:
                dx[n, h, w] = s.dy[n, i, j, f] * s.k[p, q, :, f] + (dx[n, h, w] if add else 0)
    return dx


def collect(s: Setup) -> tuple[np.ndarray, np.ndarray]:
    """Return dk and db."""
    return np.einsum("nijpqc,nijf->pqcf", windows(s), s.dy), s.dy.sum((0, 1, 2))
