"""python -m kernels.verify.paths [--op NAME] [--target NAME] [--show] [--keep]: what verify reaches of the kernels.

It counts lines of source and blocks of compiled code. A block is a run of instructions with one way in: in the PTX that
the emulator executes, or in the code in LLVM's language that the CPU's machine code is made from. A line is reached if
a block with code of it ran, in any kernel it was compiled into. What branches on a shape (an edge of a tile, a tail)
has lines and blocks of its own. Combinations of branches are not counted.

The exit code is 1 if a line is unreached that the operation could reach (`restrictions.py`). Of blocks, those that only
report an error are left out; others cannot be reached either (what an index below 0 would need, say): fewer than all is
no fault. --keep writes the counts into kernels/verify/counts, where `convnet verify` finds them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from kernels import device
from kernels.algebra.coverage import Listening, Reached, watched
from kernels.algebra.inlined_lines import name_files
from kernels.compiled_files import folder
from kernels.verify import paths_kept
from kernels.verify.calls import launches
from kernels.verify.implementation import Registered
from kernels.verify.operations import load_all
from kernels.verify.problem import Operation, Problem
from kernels.verify.problems import Problems
from kernels.verify.restrictions import label


def measure(operation: str, target: str, variant: str = "") -> list[Reached]:
    """Run all problems that verify has for an operation, in every variant, and return the blocks of its kernels."""
    op, found = load_all()[operation], dict[str, Reached]()
    chosen = [variant] if variant else op.variants(target)
    watch: Any = partial(watched, label=label) if target == "cpu" else _watched_ptx
    for each in chosen:
        impl = Registered(op, each, target)
        with watch(found):
            for dtype in op.dtypes:
                for p, name in _problems(op, impl, dtype):
                    args, settings = op.arguments(name, p)
                    with np.errstate(all="ignore"):
                        impl.call(name, args, settings)
    return list(found.values())


def _problems(op: Operation, impl: Registered, dtype: type) -> Iterator[tuple[Problem, str]]:
    problems = Problems(op, dtype, quick=False)
    sets = ("small", "stretched", "large", "long") if impl.target == "cpu" else ("small", "large")
    # of batchnorm's integers there are as many as a power of two: no tails
    for kind, which in (*(("integers", s) for s in sets), ("random", "small")):
        for p in problems.of(impl, kind, which):
            for name in op.passes:
                yield p, name


@contextmanager
def _watched_ptx(found: dict[str, Reached]) -> Iterator[None]:
    """Note the blocks of PTX that launches on the emulator reach."""
    from kernels.emulator import blocks

    def note(report: Any) -> None:
        name, reached, places = blocks.reached(report)
        found.setdefault(name, Reached(name, places=places)).add(reached, labels[0])

    def called(arguments: dict[str, Any]) -> None:
        labels[0] = label(arguments)

    labels: list[Iterable[str]] = [()]  # of the launch that is under way
    with launches(called), Listening(device.on_report, note):
        yield


def main() -> None:
    """Print a line for each operation; exit code 1 if a line of source is unreached."""
    parser = argparse.ArgumentParser(prog="python -m kernels.verify.paths", description=__doc__)
    parser.add_argument("--op", action="append", help="only this operation; may be given again")
    parser.add_argument("--target", default="cpu")
    parser.add_argument("--show", action="store_true", help="name the unreached lines")
    parser.add_argument("--keep", action="store_true", help="write the counts into kernels/verify/counts")
    parser.add_argument("--table", action="store_true", help="print the kept counts and count nothing")
    options = parser.parse_args()
    if options.table:
        print(paths_kept.table())
        return
    if options.target == "cpu" and "NUMBA_DEBUGINFO" not in os.environ:  # kernels that know their lines
        command = [sys.executable, "-m", "kernels.verify.paths", *sys.argv[1:]]
        environment = {**os.environ, "NUMBA_DEBUGINFO": "1"}
        if (kept := folder()) is not None:  # apart from code that was compiled before its files had names
            environment["FORMULA_CONVNET_CACHE"] = str(kept.parent / "lines")
        sys.exit(subprocess.run(command, env=environment, check=False).returncode)
    name_files()
    warnings.filterwarnings("ignore", message="Could not find source for function")  # Numba's own, of a parallel loop
    lacking = 0
    operations = load_all()
    for operation in options.op or operations:
        if not operations[operation].variants(options.target):
            continue
        found = paths_kept.count(operation, options.target, measure(operation, options.target))
        lacking += len(found.open)
        print(found.statement, flush=True)
        for line in found.excused:
            print(f"    out of reach: {line}")
        for line in found.open if options.show else ():
            print(f"    not reached: {line}", flush=True)
        if options.keep:
            paths_kept.keep(found)
    sys.exit(1 if lacking else 0)


if __name__ == "__main__":
    main()
