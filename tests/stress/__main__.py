"""`python -m tests.stress --seconds 300`: trials at random until the time is over; what one finds ends the run."""

import argparse
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from tests.stress.trials import TRIALS


def run(seconds: float, seed: int) -> tuple[Counter[str], str | None]:
    """Return how often each trial was made, and the first thing that one found; the first trials are one of each."""
    rng, made, end = np.random.default_rng(seed), Counter[str](), time.monotonic() + seconds
    order = list(TRIALS)
    rng.shuffle(order)  # type: ignore[arg-type]
    while time.monotonic() < end:
        trial = order.pop() if order else TRIALS[rng.integers(len(TRIALS))]
        own = int(rng.integers(2**32))
        with tempfile.TemporaryDirectory() as folder:
            try:
                trial(np.random.default_rng(own), Path(folder))
            except Exception:
                return made, f"{trial.__name__}, seed {own}:\n{traceback.format_exc()}"
        made[trial.__name__] += 1
    return made, None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore", DeprecationWarning)  # Python's, for forks among threads, which are the point
    made, found = run(chosen.seconds, chosen.seed)
    for name, count in sorted(made.items()):
        print(f"{count:6}  {name}")
    print(f"{sum(made.values()):6}  trials; " + ("nothing found" if found is None else f"FOUND {found}"))
    sys.exit(0 if found is None else 1)


if __name__ == "__main__":
    main()
