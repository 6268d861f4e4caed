"""python -m tests.mutation.emulated [--sample 200] [--seed 0] [--results FILE] [--minutes 60]

Mutants of the files of CUDA variants and of what they share (kernels/cuda), each loaded in place of the original and
held to the reference on the emulator: all in one process, so that a mutant costs seconds and not minutes. What survives
faces the emulator's tests, in processes of its own. Results are kept as those of `python -m tests.mutation` are, and a
run may be cut and resumed.
"""

import argparse
import random
import sys
import time
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np

from kernels import device, registry
from kernels.emulator import run
from kernels.verify import properties
from kernels.verify.implementation import Registered
from kernels.verify.operations import load_operations
from kernels.verify.problems import EMULATED, case
from kernels.verify.property_list import PROPERTIES
from tests.mutation.judge import judge
from tests.mutation.kept import RESULTS, Kept
from tests.mutation.operators import Mutant, mutants
from tests.mutation.targets import ROOT, for_cuda, uses

LIMIT = 3 * 10**7  # jumps back, after which a mutant counts as endless
SEEDS = 8


def every_mutant() -> list[tuple[list[tuple[str, str]], Mutant]]:
    """(its users: operation and variant, mutant) for every file of a CUDA variant, and every file that they share.

    Which user is tried first depends on the mutant's name, so that a sample tries them all.
    """
    found = []
    for path, users in sorted(_users().items()):
        for mutant in mutants(path, (ROOT / path).read_text(encoding="utf-8")):
            first = zlib.crc32(mutant.name.encode()) % len(users)
            found.append(([*users[first:], *users[:first]], mutant))
    return found


def path_of(op: str, variant: str) -> str:
    return f"kernels/{op}/{variant}.py"


def _users() -> dict[str, list[tuple[str, str]]]:
    users: dict[str, list[tuple[str, str]]] = {}
    for op in registry.OPERATIONS:
        for variant in registry.general(op, "cuda"):
            for path in uses(f"kernels.{op}.{variant}"):
                if for_cuda(path):
                    users.setdefault(path, []).append((op, variant))
    return users


def noticed(op: str, variant: str, mutant: Mutant) -> str | None:
    """What was seen of a variant with this mutant in it; None if nothing was."""
    with in_place(mutant):
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
def in_place(mutant: Mutant) -> Iterator[None]:
    """Load the mutant, and anew every CUDA file that may import it; afterwards the originals are back."""
    name = mutant.path.removesuffix(".py").replace("/", ".")
    kept = _unload()
    launch, module = device.Emulated.launch, ModuleType(name)
    module.__file__ = f"{name}.py"
    registry.find.cache_clear()

    def limited(self: object, kernel: object, grid: object, block: object, arguments: tuple) -> None:
        run(kernel, grid, block, arguments, limit=LIMIT)

    try:
        _load(name, module)
        exec(compile(mutant.source, module.__file__, "exec"), module.__dict__)
        device.Emulated.launch = limited
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Numba misses the file of such a module
            yield
    finally:
        device.Emulated.launch = launch
        _unload()
        for other, original in kept.items():
            _load(other, original)
        registry.find.cache_clear()


def _load(name: str, module: ModuleType) -> None:
    """Enter a module, also in its package: `from package import module` looks there first."""
    sys.modules[name] = module
    package, _, last = name.rpartition(".")
    if package in sys.modules:
        setattr(sys.modules[package], last, module)


def _unload() -> dict[str, ModuleType]:
    """Forget every CUDA file, and return them."""
    found = {m: sys.modules.pop(m) for m in list(sys.modules) if m.startswith("kernels.") and ".cuda" in m}
    for name in found:
        package, _, last = name.rpartition(".")
        if package in sys.modules:
            vars(sys.modules[package]).pop(last, None)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.emulated", description=__doc__)
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=RESULTS / "cuda.jsonl")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no mutant after so long")
    options = parser.parse_args()
    everything = every_mutant()
    random.Random(options.seed).shuffle(everything)
    sample, kept = everything[: options.sample], Kept(options.results)
    end = time.monotonic() + 60 * options.minutes
    for users, mutant in sample:
        if mutant in kept or time.monotonic() > end:
            continue
        seen = (f"{op}: {by}" for op, variant in users if (by := noticed(op, variant, mutant)) is not None)
        by = next(seen, None)
        kept.add(mutant, *(("killed", by[:200]) if by is not None else judge(mutant)))
    print(f"{len(everything)} mutants; a sample of {len(sample)}, seed {options.seed}")
    kept.report([mutant for _, mutant in sample])


if __name__ == "__main__":
    main()
