"""Operations on random numbers that are drawn on the host, sample by sample, and copied to where the plan runs.

Each sample has a generator of its own, Philox at counter (0, 0, 0, sample) with key seed. The samples are counted as
training sees them, so neither the batch size nor threads nor the target change what a sample gets.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from kernels import targets

_COUNTING = threading.Lock()  # no two threads may draw the same numbers


def advance(layer: Any, count: int = 1) -> int:
    """Move a layer's place in its stream of random numbers on by `count`, and return the old place."""
    with _COUNTING:
        place = int(layer.calls)
        layer.calls += count
    return place


def generators(site: Any) -> list[np.random.Generator]:
    """Return the next generators of a layer, one for each sample of the batch."""
    seed, count = site.settings["seed"], len(site.y)
    first = advance(site.step.layer, count)
    return [np.random.Generator(np.random.Philox(key=seed, counter=(first + n) << 192)) for n in range(count)]


def drawn(site: Any) -> tuple[Callable[[], None], Callable[[], None]]:
    """Bind an array of numbers that the layer draws, `draw(generator, shape)` for each sample; it has no inputs."""
    layer: Any = site.step.layer

    def forward() -> None:
        samples = [layer.draw(generator, site.step.output.shape) for generator in generators(site)]
        targets.copy(site.y, np.array(samples, site.y.dtype).reshape(site.y.shape))

    return forward, lambda: None
