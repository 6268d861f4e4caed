"""python -m tests.fuzz [--files 20000] [--models 5000] [--pictures N] [--volumes N] [--archives N] [--onnx N]
                        [--seed 0] [--workers N] [--results FOLDER] [--keep N]

Rows are lines of JSON in FOLDER/<name>-<seed>-<sources>.jsonl; a number that has one is not run again while the
sources are the same, so a run may be cut and resumed. Exit code 1 if a file ended in anything but a result or one
clear error, took over 10 s (its limit) or over 1 GB, or if a good file among them was lost.
"""

import argparse
import hashlib
import json
import sys
import time
import warnings
from pathlib import Path

from tests.fuzz import campaigns
from tests.fuzz.run import GOOD, Campaign, failures, report, resumed, run

ROOT = Path(__file__).resolve().parents[2]


def sources() -> str:
    """The code that rows depend on."""
    sha = hashlib.sha256()
    for path in sorted([*ROOT.glob("convnet/**/*.py"), *ROOT.glob("tests/fuzz/*.py")]):
        sha.update(path.read_bytes())
    return sha.hexdigest()[:12]


def campaign(which: Campaign, count: int, options: argparse.Namespace) -> bool:
    options.results.mkdir(parents=True, exist_ok=True)
    path = options.results / f"{which.name}-{options.seed}-{sources()}.jsonl"
    rows = resumed(path)
    known = {row["n"] for row in rows if row["n"] != GOOD}
    todo = [n for n in range(count) if n not in known]
    begin = shown = time.monotonic()
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with path.open("a", encoding="utf-8") as file:
        for row in run(which, options.seed, todo, options.workers):
            rows.append(row)
            file.write(json.dumps(row) + "\n")
            file.flush()
            if time.monotonic() - shown > 10:
                shown = time.monotonic()
                print(f"{which.name}: {len(rows)} rows, {shown - begin:.0f} s", file=sys.stderr, flush=True)
    print("\n".join(report(which, rows)))
    print(f"{time.monotonic() - begin:.0f} s for {len(todo)} files, seed {options.seed}, sources {sources()}")
    wrong = failures(rows)
    print("\n".join(wrong[:40]) if wrong else "every file ended in a result or one clear error")
    return not wrong


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--files", type=int, default=0, help="mutated DICOM files")
    parser.add_argument("--models", type=int, default=0, help="mutated model files")
    for name in ("pictures", "volumes", "archives", "onnx"):
        parser.add_argument(f"--{name}", type=int, default=0, help=f"mutated {name}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--results", type=Path, default=Path("fuzz-results"))
    parser.add_argument("--keep", type=int, default=None, help="only write mutated DICOM file N here, to look at it")
    options = parser.parse_args()
    if options.keep is not None:
        Path(f"{options.keep}.dcm").write_bytes(campaigns.DICOM.mutation(options.seed, options.keep))
        return
    warnings.simplefilter("ignore")  # of pydicom, while it writes what is wrong on purpose
    good = True
    counts = (options.files, options.models, options.pictures, options.volumes, options.archives, options.onnx)
    for which, count in zip(campaigns.ALL, counts, strict=True):
        if count:
            good &= campaign(which, count, options)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
