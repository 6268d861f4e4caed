"""Random seeds, and the check for arguments that Keras has and this engine has not."""

from collections.abc import Iterable
from typing import Any

import numpy as np

_generator = np.random.Generator(np.random.Philox())


def set_random_seed(seed: int) -> None:
    """Start the one stream that parameters, shuffling and dropout draw from: same seed, same machine, same bits."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"set_random_seed: seed must be an integer >= 0, got {seed!r}")
    global _generator
    _generator = np.random.Generator(np.random.Philox(seed))


def next_seed() -> int:
    """Return a fresh 63-bit seed from the stream."""
    return int(_generator.integers(2**63))


def refuse(where: str, given: dict[str, Any], supported: Iterable[str]) -> None:
    """TypeError naming the arguments that are not supported; Keras's way of saying "none" (None) passes."""
    unknown = sorted(name for name, value in given.items() if value is not None)
    if unknown:
        raise TypeError(
            f"{where}: {', '.join(unknown)} not supported (Keras may have it, this engine does not); "
            f"supported: {', '.join(supported)}"
        )
