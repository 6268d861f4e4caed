"""python -m kernels.verify.every_input_table [--target cpu] [--quick] [--op NAME]: a table of what is shown.

The table of docs/explanation/every_input.md is its output.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable

from kernels import registry
from kernels.verify.every_input import EveryInput, check, is_polynomial, problems
from kernels.verify.implementation import Registered
from kernels.verify.operations import load_operations

HEAD = ("operation and pass", "variants", "shown", "trials", "chance of error below", "degree", "roundings / bound")


def run(target: str, quick: bool, only: list[str] | None = None) -> Iterable[EveryInput]:
    """Check every polynomial pass of every variant of a target, and tell stderr of each."""
    for name, op in load_operations().items():
        if not is_polynomial(name) or (only and name not in only):
            continue
        for variant in registry.variants(name, target):
            impl = Registered(op, variant, target)
            for dtype in op.dtypes:
                for p in problems(op, impl, dtype, quick):
                    for part in op.passes:
                        found = check(op, impl, part, p)
                        print(found.statement, file=sys.stderr, flush=True)
                        yield found


def make(found: Iterable[EveryInput]) -> str:
    """Return the table: a line for each pass, over all its variants, shapes and both dtypes."""
    groups: dict[tuple[str, str], list[EveryInput]] = {}
    for one in found:
        groups.setdefault((one.operation, one.name), []).append(one)
    lines = [_line(HEAD), _line(["---"] * len(HEAD))]
    return "\n".join([*lines, *(_line(_describe(*key, every)) for key, every in groups.items())])


def _describe(operation: str, name: str, every: list[EveryInput]) -> list[str]:
    shown = [e for e in every if e.shown]
    worst = max((e for e in shown), key=lambda e: e.log2_error, default=None)
    variants = ", ".join(dict.fromkeys(e.variant for e in every))
    trials = f"{min(e.trials for e in shown)} to {max(e.trials for e in shown)}" if shown else "-"
    chance = f"2^-{math.floor(-worst.log2_error)}" if worst else "-"
    # a variant with a bound of its own rounds its transforms, which its terms do not count
    usual = [e for e in shown if (operation, e.variant) not in registry.OWN_BOUNDS]
    longest = max(usual, key=lambda e: e.terms / max(min(e.depth, e.terms), 1), default=None)
    depth = f"{min(longest.depth, longest.terms)} / {longest.terms}" if longest else "-"
    return [
        f"{operation} {name}",
        variants,
        f"{len(shown)} of {len(every)}",
        trials,
        chance,
        str(max((e.degree for e in shown), default=0)),
        depth,
    ]


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m kernels.verify.every_input_table", description=__doc__)
    parser.add_argument("--target", default="cpu")
    parser.add_argument("--quick", action="store_true", help="fewer shapes")
    parser.add_argument("--op", action="append", help="only this operation; may be given again")
    options = parser.parse_args()
    print(make(run(options.target, options.quick, options.op)))


if __name__ == "__main__":
    main()
