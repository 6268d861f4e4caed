"""What became of each mutant: lines of JSON in the repository, so that a later run goes on where one was cut."""

import hashlib
import json
import math
from collections.abc import Iterable
from pathlib import Path

from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.operators import Mutant
from tests.mutation.targets import ROOT

RESULTS = Path(__file__).parent / "results"
WAITING = "waits for the tests"  # verify has not noticed it
OPEN = (WAITING, "failed")


def digest(mutant: Mutant) -> str:
    """A result holds for one text of the file."""
    return hashlib.sha256(mutant.source.encode()).hexdigest()[:16]


class Kept:
    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        rows = list(map(json.loads, lines))
        rows.sort(key=lambda row: row["result"] not in OPEN)  # a verdict stays one, in whatever order rows were merged
        self.rows = {(row["mutant"], row["digest"]): row for row in rows}

    def is_done(self, mutant: Mutant, waiting: bool) -> bool:
        """Return whether there is a result; waiting: also one that waits for the tests."""
        row = self.rows.get((mutant.name, digest(mutant)))
        return row is not None and (waiting or row["result"] != WAITING)

    def add(self, mutant: Mutant, result: str, by: str, seconds: float) -> None:
        """Keep a result, and print it with the time that it took."""
        by = by.replace(f"{ROOT}/", "")  # where this checkout lies is nobody's business
        row = {"mutant": mutant.name, "digest": digest(mutant), "result": result, "by": by}
        self.rows[mutant.name, row["digest"]] = row
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{result:10} {seconds:4.0f} s  {mutant.name}  {by}", flush=True)

    def report(self, sample: Iterable[Mutant]) -> None:
        """Print the survivors of a sample and the score, with its interval at 95 % confidence."""
        rows = [self.rows[key] for m in sample if (key := (m.name, digest(m))) in self.rows]
        left = [row for row in rows if row["result"] not in ("killed", "equivalent")]
        for row in left:
            print(f"{row['result']}: {row['mutant']}\n    {EQUIVALENT.get(row['mutant'], 'NO REASON GIVEN')}")
        killed = sum(row["result"] == "killed" for row in rows)
        counted = killed + sum(row["mutant"] not in EQUIVALENT for row in left)
        same = sum(row["result"] == "equivalent" for row in rows)
        low, high = interval(killed, counted) if counted else (0.0, 1.0)
        print(
            f"{killed} of {counted} noticed, 95 % interval {100 * low:.1f} to {100 * high:.1f} %; besides, {same} are "
            f"the same compiled code and {len(rows) - counted - same} compute the same; {len(rows)} run"
        )


def interval(killed: int, counted: int) -> tuple[float, float]:
    """Return Wilson's interval for the share that is noticed of all mutants, at 95 % confidence."""
    z, share = 1.96, killed / counted
    middle = share + z * z / (2 * counted)
    half = z * math.sqrt(share * (1 - share) / counted + z * z / (4 * counted * counted))
    return (middle - half) / (1 + z * z / counted), (middle + half) / (1 + z * z / counted)
