"""python -m tests.mutation --sample 300 --seed 0 [--results FILE] [--under "nice -n 19"] [--minutes 60]
       [--only TEXT] [--baseline] [--list]

Each mutant runs in a temporary copy of the tree, in a fresh process with a fresh cache of compiled code. Results are
lines of JSON; a mutant that has one is not run again while its file is the same, so a run may be cut and resumed, and
a larger sample with the same seed begins with the smaller one.
"""

import argparse
import hashlib
import json
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.operators import Mutant, mutants
from tests.mutation.targets import ROOT, commands, files, for_cuda

LIMIT = 900  # seconds a command; a mutant that never ends is caught too
LEFT_OUT = shutil.ignore_patterns(".git", "__pycache__", ".hypothesis", ".pytest_cache", ".venv", "shared", "*.dcm")


def digest(mutant: Mutant) -> str:
    return hashlib.sha256(mutant.source.encode()).hexdigest()[:16]


def unchanged(path: str) -> Mutant:
    return Mutant(path, 0, 0, "baseline", "", "", (ROOT / path).read_text(encoding="utf-8"))


def judge(mutant: Mutant, under: list[str]) -> dict:
    """Run the mutant's tests until one fails."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
        (tree / mutant.path).write_text(mutant.source, encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
        if not for_cuda(mutant.path):  # of those, the cache holds nothing
            environment["XDG_CACHE_HOME"] = folder
        result, by = "survived", ""
        for arguments in commands(mutant.path):
            command = [*under, sys.executable, "-m", "pytest", "-x", "-q", "--tb=line", "-p", "no:cacheprovider"]
            try:
                done = subprocess.run(
                    [*command, *arguments], cwd=tree, env=environment, capture_output=True, text=True, timeout=LIMIT
                )
            except subprocess.TimeoutExpired:
                result, by = "killed", "it never ended"
                break
            if done.returncode in (4, 5):  # no such test
                result, by = "not tested", done.stderr.strip()[-200:]
            elif done.returncode != 0:
                failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
                result, by = "killed", failed[0][:200] if failed else f"the process ended with {done.returncode}"
                break
    seconds = round(time.monotonic() - begin)
    return {"mutant": mutant.name, "digest": digest(mutant), "result": result, "by": by, "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=Path("mutation.jsonl"))
    parser.add_argument("--under", default="", help="a command to run the tests under, such as 'nice -n 19'")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no mutant after so long")
    parser.add_argument("--only", default="", help="mutants whose name contains this")
    parser.add_argument("--baseline", action="store_true", help="run the sample's files unchanged: all must survive")
    parser.add_argument("--list", action="store_true", help="show the sample and run nothing")
    options = parser.parse_args()

    everything = [m for path in files() for m in mutants(path, (ROOT / path).read_text(encoding="utf-8"))]
    random.Random(options.seed).shuffle(everything)
    sample = [m for m in everything if options.only in m.name][: options.sample]
    print(f"{len(everything)} mutants of {len(files())} files; a sample of {len(sample)}, seed {options.seed}")
    if options.baseline:
        sample = [unchanged(path) for path in sorted({m.path for m in sample})]
    if options.list:
        print(*(m.name for m in sample), sep="\n")
        return
    lines = options.results.read_text(encoding="utf-8").splitlines() if options.results.exists() else []
    known = {(row["mutant"], row["digest"]): row for row in map(json.loads, lines)}
    end = time.monotonic() + 60 * options.minutes
    for mutant in sample:
        key = (mutant.name, digest(mutant))
        if key in known or time.monotonic() > end:
            continue
        known[key] = judge(mutant, shlex.split(options.under))
        with options.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(known[key]) + "\n")
        print(f"{known[key]['result']:10} {known[key]['seconds']:4} s  {mutant.name}  {known[key]['by']}", flush=True)
    report([known[key] for m in sample if (key := (m.name, digest(m))) in known])


def report(rows: list[dict]) -> None:
    killed = sum(row["result"] == "killed" for row in rows)
    survivors = [row for row in rows if row["result"] != "killed"]
    equal = [row for row in survivors if row["mutant"] in EQUIVALENT]
    for row in survivors:
        print(f"{row['result']}: {row['mutant']}\n    {EQUIVALENT.get(row['mutant'], 'NO REASON GIVEN')}")
    counted = len(rows) - len(equal)
    share = f"{100 * killed / counted:.1f} %" if counted else "nothing"
    print(f"{killed} of {counted} killed, {share}; {len(equal)} more are equivalent; {len(rows)} run")


if __name__ == "__main__":
    main()
