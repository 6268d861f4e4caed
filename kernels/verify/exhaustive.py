"""python -m kernels.verify.exhaustive [--every 1]: what is not a polynomial, tried on every input that there is.

Functions of one float32: all 2^32 of them (or every so many). Max pooling, which only compares numbers and moves them:
all orders of a window's numbers, ties and NaN included, for windows up to 3x3.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from kernels import maxpool2d, relu, sigmoid
from kernels.cpu.exponential import exp
from kernels.jit import jit

BLOCK = 1 << 22
LARGEST = float(np.finfo(np.float32).max)
STEP = float(np.finfo(np.float32).smallest_subnormal)


@jit()
def _exponentials(x, y):
    for i in range(x.size):
        y[i] = exp(x[i])


def _exp(x: np.ndarray) -> np.ndarray:
    y = np.empty_like(x)
    _exponentials(x, y)
    return y


def _exact_sigmoid(x: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + e), e / (1 + e))


# name -> (the kernel, the function in float64)
FUNCTIONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]] = {
    "exp": (_exp, np.exp),
    "sigmoid": (sigmoid.forward, _exact_sigmoid),
    "relu": (relu.forward, lambda x: np.where(x <= 0, 0, x)),
}


@dataclass
class Worst:
    """The largest error of a function, in units of the last place of the right result, and where."""

    inputs: int = 0
    ulp: float = 0.0
    at: float = 0.0
    wrong: int = 0  # infinity or NaN where the right result is none, or the other way round


def numbers(every: int = 1) -> Iterator[np.ndarray]:
    """Yield all float32 numbers, or every so many of them, in blocks."""
    for start in range(0, 2**32, BLOCK * every):
        stop = min(start + BLOCK * every, 2**32)
        yield np.arange(start, stop, every, dtype=np.uint64).astype(np.uint32).view(np.float32)


def measure(name: str, every: int = 1) -> Worst:
    """Compare a function with float64 on every number."""
    run, function = FUNCTIONS[name]
    worst = Worst()
    for x in numbers(every):
        with np.errstate(all="ignore"):
            exact = function(x.astype(np.float64))
            ulp, at, wrong = _compare(run(x), exact, exact.astype(np.float32))
        worst.wrong += wrong
        worst.inputs += x.size
        if ulp > worst.ulp:
            worst.ulp, worst.at = ulp, float(x[at])
    return worst


@jit()
def _compare(y, exact, rounded):
    """Return (largest error in units of the last place, where, how many special values are wrong).

    One unit beyond the largest number is infinity: next to it, either is right.
    """
    worst, at, wrong = 0.0, 0, 0
    for i in range(y.size):
        if not np.isfinite(rounded[i]):
            same = y[i] == rounded[i] or (np.isnan(y[i]) and np.isnan(rounded[i]))
            wrong += not same and (np.isnan(rounded[i]) or not abs(y[i]) >= LARGEST)
            continue
        size = abs(rounded[i])
        unit = max(np.float64(np.nextafter(size, np.float32(np.inf))) - np.float64(size), STEP)
        error = abs(np.float64(y[i]) - exact[i]) / unit
        if not error <= worst:
            worst, at = error, i
    return worst, at, wrong


def orders(count: int) -> np.ndarray:
    """Return every way in which so many numbers can be ordered, with ties: ranks from 0, one row each."""
    made = {1: np.zeros((1, 1), np.int8)}  # number of ranks -> rows
    for _ in range(count - 1):
        more: dict[int, list[np.ndarray]] = {}
        for ranks, rows in made.items():
            for r in range(ranks):  # tied with those of rank r
                more.setdefault(ranks, []).append(np.column_stack([rows, np.full(len(rows), r, np.int8)]))
            for r in range(ranks + 1):  # between two ranks
                moved = rows + (rows >= r).astype(np.int8)
                more.setdefault(ranks + 1, []).append(np.column_stack([moved, np.full(len(rows), r, np.int8)]))
        made = {ranks: np.concatenate(parts) for ranks, parts in more.items()}
    return np.concatenate(list(made.values()))


def count_wrong_maxima(
    height: int, width: int, variant: str = "cpu", nan: bool = False, step: int = 1 << 19
) -> tuple[int, int]:
    """Return (orders of a window, those whose maximum or its first place is wrong); 16 windows lie side by side.

    nan: with NaN in place of the lowest rank, which makes all windows that have one: the first NaN is the maximum.
    """
    every, wrong = orders(height * width), 0
    for start in range(0, len(every), step):
        rows = every[start : start + step]
        filled = np.concatenate([rows, np.repeat(rows[:1], -len(rows) % 16, axis=0)])
        numbers = np.where(filled == 0, np.float32(np.nan), filled.astype(np.float32)) if nan else filled
        x = numbers.reshape(-1, 16, height, width).transpose(0, 2, 3, 1).astype(np.float32)
        y, argmax = maxpool2d.forward(x, (height, width), variant=variant)
        first = filled.argmin(1) if nan else filled.argmax(1)
        right = np.isnan(y.reshape(-1)) if nan else y.reshape(-1) == filled.max(1)
        same = right & (argmax.reshape(-1) == first)
        wrong += int(np.count_nonzero(~same[: len(rows)]))
    return len(every), wrong


def main() -> None:
    """Try everything, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m kernels.verify.exhaustive", description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="only every so many numbers")
    options = parser.parse_args()
    for name in FUNCTIONS:
        w = measure(name, options.every)
        error = f"at most {w.ulp:.3f} ulp (at {w.at!r})"
        print(f"{name}: {w.inputs:,} float32 numbers, {error}, {w.wrong} special values wrong", flush=True)
    for height, width in ((1, 2), (2, 2), (2, 3), (3, 3)):
        for nan in (False, True):
            count, wrong = count_wrong_maxima(height, width, nan=nan)
            what = "placements of NaN among them" if nan else "orders with ties"
            print(f"maxpool2d: window {height}x{width}, {count:,} {what}, {wrong} wrong", flush=True)


if __name__ == "__main__":
    main()
