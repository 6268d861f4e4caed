"""Operations verified in processes of their own: an emulated kernel computes on one processor, whatever there are."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

from kernels.verify.outcome import Row
from kernels.verify.problem import Geometry

WORTH = 4  # parts of the work from which starting processes pays


class Part(NamedTuple):
    """Variants of one operation in one dtype."""

    operation: str
    variants: tuple[str, ...]
    dtype: str
    target: str
    quick: bool
    fixed: Geometry


def verify_each(
    parts: Sequence[Part], verify: Callable[[Part], list[Row]], tell: Callable[[str], None]
) -> Iterator[list[Row]]:
    """Yield the rows of every part, in order; `verify` is a function that a new process can import."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if len(parts) < WORTH or processors == 1:
        for part in parts:
            tell(f"{part.operation}, {part.dtype}")
            yield verify(part)
        return
    with ProcessPoolExecutor(min(processors, len(parts)), get_context("spawn")) as pool:
        waiting = [pool.submit(verify, part) for part in parts]
        try:
            for part, rows in zip(parts, waiting, strict=True):
                tell(f"{part.operation}, {part.dtype}")
                yield rows.result()
        finally:
            for rows in waiting:
                rows.cancel()
