"""python -m tests.mutation [--target cpu|cuda] [--sample 300] [--seed 0] [--minutes 60] [--jobs 2] [--only TEXT]
       [--list] [--no-tests]

Each mutant runs in a forked process of its own: the definitions that its mistake reaches are compiled anew, and held to
verify's problems in the passes among them; what survives, and is other code than the original, faces the tests of the
operations. The originals are held to the same first, in this process: a failure there ends the run.
Results are lines of JSON; a mutant that has one is not run again while its file is the same, so a run may be cut and
resumed, and a larger sample with the same seed begins with the smaller one.
"""

import argparse
import random
import time

from tests.mutation.child import Answer, Child
from tests.mutation.judge import Judge, users
from tests.mutation.kept import RESULTS, WAITING, Kept
from tests.mutation.operators import Mutant, mutants
from tests.mutation.simulated import is_simulated
from tests.mutation.suite import face
from tests.mutation.targets import ROOT, files, for_cuda


def draw(target: str, seed: int) -> list[Mutant]:
    """Return every mutant of a target's files, in an order that the seed decides."""
    paths = [path for path in files() if for_cuda(path) == (target == "cuda")]
    everything = [m for path in paths for m in mutants(path, (ROOT / path).read_text(encoding="utf-8"))]
    random.Random(seed).shuffle(everything)
    return everything


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--target", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no mutant after so long")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at once")
    parser.add_argument("--only", default="", help="mutants whose name contains this")
    parser.add_argument("--list", action="store_true", help="show the sample and run nothing")
    parser.add_argument("--no-tests", action="store_true", help="run the tests later: leave out what verify cannot see")
    options = parser.parse_args()

    everything = draw(options.target, options.seed)
    sample = [m for m in everything if options.only in m.name][: options.sample]
    print(
        f"{len(everything)} mutants of {options.target}'s files; a sample of {len(sample)}, seed {options.seed}",
        flush=True,
    )
    if options.list:
        print(*(m.name for m in sample), sep="\n")
        return
    kept, end = Kept(RESULTS / f"{options.target}.jsonl"), time.monotonic() + 60 * options.minutes
    judge, running = Judge(), list[tuple[Mutant, Child]]()
    for mutant in sample:
        if kept.is_done(mutant, options.no_tests) or time.monotonic() > end:
            continue
        wanted = [] if is_simulated(mutant) else users(mutant)
        judge.prepare(mutant, wanted)
        if len(running) == options.jobs:
            _finish(kept, *running.pop(0))
        running.append((mutant, Child(lambda m=mutant, w=wanted: _judge(judge, m, w, options.no_tests))))
    for mutant, child in running:
        _finish(kept, mutant, child)
    kept.report(sample)


def _judge(judge: Judge, mutant: Mutant, wanted: list, no_tests: bool) -> Answer:
    answer = judge.verdict(mutant, wanted)
    if answer.result != "survived":
        return answer
    return Answer(WAITING, "") if no_tests and wanted else face(mutant)


def _finish(kept: Kept, mutant: Mutant, child: Child) -> None:
    kept.add(mutant, *child.answer(), time.monotonic() - child.start)


if __name__ == "__main__":
    main()
