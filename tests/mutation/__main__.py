"""python -m tests.mutation --sample 300 --seed 0 [--results FILE] [--under "nice -n 19"] [--minutes 60]
       [--only TEXT] [--baseline] [--list]

Each mutant runs in a temporary copy of the tree, in fresh processes with a fresh cache of compiled code: first those of
verify's problems that are quick (`by_verify.py`), then, if it survives, all tests of the operations that use its file.
Results are lines of JSON; a mutant that has one is not run again while its file is the same, so a run may be cut and
resumed, and a larger sample with the same seed begins with the smaller one.
"""

import argparse
import random
import shlex
import time
from pathlib import Path

from tests.mutation.judge import judge
from tests.mutation.kept import RESULTS, Kept
from tests.mutation.operators import Mutant, mutants
from tests.mutation.targets import ROOT, files, for_cuda


def unchanged(path: str) -> Mutant:
    return Mutant(path, 0, 0, "baseline", "", "", (ROOT / path).read_text(encoding="utf-8"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=RESULTS / "cpu.jsonl")
    parser.add_argument("--under", default="", help="a command to run the tests under, such as 'nice -n 19'")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no mutant after so long")
    parser.add_argument("--only", default="", help="mutants whose name contains this")
    parser.add_argument("--baseline", action="store_true", help="run the sample's files unchanged: all must survive")
    parser.add_argument("--list", action="store_true", help="show the sample and run nothing")
    options = parser.parse_args()

    paths = [path for path in files() if not for_cuda(path)]
    everything = [m for path in paths for m in mutants(path, (ROOT / path).read_text(encoding="utf-8"))]
    random.Random(options.seed).shuffle(everything)
    sample = [m for m in everything if options.only in m.name][: options.sample]
    print(f"{len(everything)} mutants of {len(paths)} files; a sample of {len(sample)}, seed {options.seed}")
    if options.baseline:
        sample = [unchanged(path) for path in sorted({m.path for m in sample})]
    if options.list:
        print(*(m.name for m in sample), sep="\n")
        return
    kept, end = Kept(options.results), time.monotonic() + 60 * options.minutes
    for mutant in sample:
        if mutant not in kept and time.monotonic() < end:
            kept.add(mutant, *judge(mutant, shlex.split(options.under)))
    kept.report(sample)


if __name__ == "__main__":
    main()
