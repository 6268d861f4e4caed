"""python -m tests.mutation.by_verify FILE: hold the CPU variants that use a file to verify's problems, in float32.

It ends at the first fault with exit code 1, and takes seconds where the whole test suite takes minutes.
"""

import sys
import zlib
from collections.abc import Iterator

import numpy as np

from kernels import registry
from kernels.verify.implementation import Registered
from kernels.verify.operations import load_operations
from kernels.verify.problem import Operation
from kernels.verify.problems import Problems
from kernels.verify.properties import Broken
from kernels.verify.property_list import PROPERTIES, applies
from tests.mutation.targets import ROOT, uses

# the sets of problems, quick ones first, and what is asked of them
STEPS = (
    ("small", ("integers", "random", "unlike", "special", "scales", "calls", "unwritten")),
    ("stretched", ("integers",)),
    ("large", ("integers", "random")),
    ("long", ("integers",)),
)


def subjects(path: str) -> Iterator[tuple[Operation, list[Registered]]]:
    """Yield the operations that use a file, with the variants that do; which is first depends on the file's text."""
    specs = load_operations()
    users = {
        op: [v for v in registry.variants(op, "cpu") if path in uses(f"kernels.{op}.{v}")] for op in registry.OPERATIONS
    }
    names = [op for op, variants in users.items() if variants]
    first = zlib.crc32((ROOT / path).read_bytes()) % len(names)
    for op in (*names[first:], *names[:first]):
        yield specs[op], [Registered(specs[op], v) for v in users[op]]


def hold(op: Operation, impls: list[Registered]) -> None:
    """Raise Broken at the first fault."""
    problems = Problems(op, np.float32, quick=False)
    for which, properties in STEPS:
        for impl in impls:
            for name in op.passes:
                for what in (w for w in properties if applies(w, op, impl, name, np.float32)):
                    for p in problems.of(impl, PROPERTIES[what].kind, which):
                        PROPERTIES[what].check(op, impl, name, p)


def main() -> None:
    for op, impls in subjects(sys.argv[1]):
        try:
            hold(op, impls)
        except Broken as broken:
            print(f"FAILED verify {op.name}: {broken.property}: {broken}")
            sys.exit(1)


if __name__ == "__main__":
    main()
