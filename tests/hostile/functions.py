"""What a worker must survive: functions that a test has it call in the place of reading a file."""

import ctypes
import os
import sys
import time
from collections.abc import Iterator

import numpy as np


def slow(path: str, seconds: float) -> str:
    time.sleep(seconds)
    return "done"


def slow_steps(path: str, seconds: float, n: int) -> Iterator[int]:
    for i in range(n):
        time.sleep(seconds)
        yield i


def crash(path: str) -> None:
    ctypes.string_at(0)


def leave(path: str) -> None:
    os._exit(3)


def greedy(path: str, size: int) -> float:
    return float(np.ones(size, np.uint8).sum())


def large(path: str, size: int) -> np.ndarray:
    return np.zeros(size, np.uint8)


def many(path: str, size: int, n: int) -> Iterator[np.ndarray]:
    for _ in range(n):
        yield np.zeros(size, np.uint8)


def noisy(path: str) -> str:
    print("a decoder says PATIENT^NAME")
    os.write(1, b"and its C library too")
    print("PATIENT^NAME", file=sys.stderr)
    return "an answer"


def fault(path: str) -> None:
    raise IndexError("PATIENT^NAME is out of range")


def write(path: str) -> str:
    with open(path, "wb") as file:
        file.write(b"x")
    return "written"


def process(path: str) -> int:
    return os.getpid()


def values(path: str, *given: object) -> Iterator[object]:
    yield from given
