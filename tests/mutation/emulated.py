"""python -m tests.mutation.emulated [--sample 100] [--seed 0]

Mutants of the files of CUDA variants, each loaded in place of the original and held to the reference on the emulator:
all in one process, so that a mutant costs a second and not a minute.
"""

import argparse
import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy as np

from kernels import device, registry
from kernels.emulator import run
from kernels.verify import properties
from kernels.verify.implementation import Registered
from kernels.verify.operations import load_operations
from kernels.verify.problems import EMULATED, case
from kernels.verify.property_list import PROPERTIES
from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.operators import Mutant, mutants
from tests.mutation.targets import ROOT

LIMIT = 3 * 10**7  # jumps back, after which a mutant counts as endless
SEEDS = 8


def every_mutant() -> list[tuple[str, str, Mutant]]:
    """(operation, variant, mutant) for every file of a CUDA variant."""
    return [
        (op, v, m)
        for op in registry.OPERATIONS
        for v in registry.general(op, "cuda")
        for m in mutants(path_of(op, v), (ROOT / path_of(op, v)).read_text(encoding="utf-8"))
    ]


def path_of(op: str, variant: str) -> str:
    return f"kernels/{op}/{variant}.py"


def noticed(op: str, variant: str, source: str) -> str | None:
    """What was seen of a variant with this source; None if nothing was."""
    with _in_place_of(f"kernels.{op}.{variant}", source), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Numba misses the file of such a module
        try:
            _hold(op, variant)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a wrong number, a fault, or code that is none
            return f"{type(error).__name__}: {error}"
    return None


def _hold(op: str, variant: str) -> None:
    operation = load_operations()[op]
    impl = Registered(operation, variant, "cuda-emulated")
    for name in operation.passes:
        for seed in range(SEEDS):
            g = operation.draw(np.random.default_rng(seed))
            for held in (PROPERTIES[what] for what in ("integers", "random")):
                held.check(operation, impl, name, case(operation, impl, g, np.float32, held.kind, seed, False))
        for g in operation.large:
            p = case(operation, impl, g, np.float32, "random", 1, True)
            if operation.work(p) <= EMULATED:
                properties.random(operation, impl, name, p)


@contextmanager
def _in_place_of(name: str, source: str) -> Iterator[None]:
    kept, launch, module = sys.modules.pop(name, None), device.Emulated.launch, ModuleType(name)
    module.__file__ = f"{name}.py"
    registry.find.cache_clear()

    def limited(self: object, kernel: object, grid: object, block: object, arguments: tuple) -> None:
        run(kernel, grid, block, arguments, limit=LIMIT)

    try:
        exec(compile(source, module.__file__, "exec"), module.__dict__)
        sys.modules[name] = module
        device.Emulated.launch = limited
        yield
    finally:
        device.Emulated.launch = launch
        sys.modules.pop(name, None)
        if kept is not None:
            sys.modules[name] = kept
        registry.find.cache_clear()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.emulated", description=__doc__)
    parser.add_argument("--sample", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    everything = every_mutant()
    random.Random(options.seed).shuffle(everything)
    killed, equal = 0, 0
    for op, variant, mutant in everything[: options.sample]:
        if noticed(op, variant, mutant.source) is not None:
            killed += 1
        else:
            equal += mutant.name in EQUIVALENT
            print(f"survived: {mutant.name}\n    {EQUIVALENT.get(mutant.name, 'NO REASON GIVEN')}", flush=True)
    tried = min(options.sample, len(everything))
    print(f"{killed} of {tried - equal} killed; {equal} more are equivalent; of {len(everything)} possible")


if __name__ == "__main__":
    main()
