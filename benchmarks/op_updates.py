"""The optimizers' updates as tasks: they overwrite their arrays, so each is put back before it is verified."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks import op_oracles as oracle
from benchmarks.cases import Op
from benchmarks.tasks import Task
from kernels import adam, rmsprop, sgd
from tests.rounding import gamma


def _update(case: Op, start: dict[str, np.ndarray], update: Callable, exact: Callable, bounds: Callable, each: int):
    """A task that overwrites its arrays; `start` holds p, g and the states, exact and bounds are of (p, states)."""
    held = {n: a.copy() for n, a in start.items()}
    written = [n for n in held if n != "g"]

    def reset() -> None:
        for n in written:
            held[n][...] = start[n]

    moved = sum(a.nbytes for a in held.values()) + sum(held[n].nbytes for n in written)
    wide = {n: a.astype(float) for n, a in start.items()}
    spots = tuple(held[n] for n in written)
    return Task(
        case.name, "update", lambda: update(**held), lambda: spots, lambda: exact(**wide), lambda: bounds(**wide),
        each * held["p"].size, moved, inputs=start, reset=reset,
    )  # fmt: skip


def adam_task(case: Op, draw: Callable) -> Iterator[Task]:
    start = {n: draw(*case.x) for n in "pgmv"}
    start["v"] = np.abs(start["v"])
    step = 10

    def bounds(p: Any, g: Any, m: Any, v: Any) -> tuple:
        sizes = np.abs(m) + 0.1 * (np.abs(g) + np.abs(m)), v + 0.001 * (g**2 + v)
        alpha = 0.001 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        size = np.abs(p) + alpha * sizes[0] / (np.sqrt(oracle.adam(p, g, m, v, step)[2]) + 1e-7)
        return gamma(20, np.float32) * size, gamma(5, np.float32) * sizes[0], gamma(5, np.float32) * sizes[1]

    update = lambda p, g, m, v: adam.update(p, g, m, v, step=step)  # noqa: E731
    yield _update(case, start, update, lambda **a: oracle.adam(**a, step=step), bounds, 12)


def rmsprop_task(case: Op, draw: Callable) -> Iterator[Task]:
    start = {n: draw(*case.x) for n in "pgv"}
    start["v"] = np.abs(start["v"])

    def exact(p: Any, g: Any, v: Any) -> tuple:
        v = 0.9 * v + 0.1 * g * g
        return p - 0.001 * g / np.sqrt(v + 1e-7), v

    def bounds(p: Any, g: Any, v: Any) -> tuple:
        size = 0.9 * v + 0.1 * g * g
        step = 0.001 * np.abs(g) / np.sqrt(size + 1e-7)
        return gamma(12, np.float32) * (np.abs(p) + step), gamma(5, np.float32) * size

    yield _update(case, start, rmsprop.update, exact, bounds, 9)


def sgd_task(case: Op, draw: Callable) -> Iterator[Task]:
    start = {n: draw(*case.x) for n in "pgv"}
    exact = lambda p, g, v: (p + 0.9 * v - 0.01 * g, 0.9 * v - 0.01 * g)  # noqa: E731

    def bounds(p: Any, g: Any, v: Any) -> tuple:
        size = 0.9 * np.abs(v) + 0.01 * np.abs(g)
        return gamma(8, np.float32) * (np.abs(p) + size), gamma(4, np.float32) * size

    yield _update(case, start, lambda p, g, v: sgd.update(p, g, v, lr=0.01, momentum=0.9), exact, bounds, 4)
