"""What became of each mutant: lines of JSON in the repository, so that a later run goes on where one was cut."""

import hashlib
import json
import math
from collections.abc import Iterable
from pathlib import Path

from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.operators import Mutant

RESULTS = Path(__file__).parent / "results"


def digest(mutant: Mutant) -> str:
    """A result holds for one text of the file."""
    return hashlib.sha256(mutant.source.encode()).hexdigest()[:16]


class Kept:
    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.rows = {(row["mutant"], row["digest"]): row for row in map(json.loads, lines)}

    def __contains__(self, mutant: Mutant) -> bool:
        return (mutant.name, digest(mutant)) in self.rows

    def add(self, mutant: Mutant, result: str, by: str) -> None:
        row = {"mutant": mutant.name, "digest": digest(mutant), "result": result, "by": by}
        self.rows[mutant.name, row["digest"]] = row
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{result:10} {mutant.name}  {by}", flush=True)

    def report(self, sample: Iterable[Mutant]) -> None:
        """Print the survivors of a sample and the score, with its lower bound at 95 % confidence."""
        rows = [self.rows[key] for m in sample if (key := (m.name, digest(m))) in self.rows]
        survivors = [row for row in rows if row["result"] != "killed"]
        for row in survivors:
            print(f"{row['result']}: {row['mutant']}\n    {EQUIVALENT.get(row['mutant'], 'NO REASON GIVEN')}")
        equal = sum(row["mutant"] in EQUIVALENT for row in survivors)
        killed, counted = len(rows) - len(survivors), len(rows) - equal
        score = f"{100 * killed / counted:.1f} %, not under {100 * least(killed, counted):.1f} %" if counted else "none"
        print(f"{killed} of {counted} killed ({score}); {equal} more are equivalent; {len(rows)} run")


def least(killed: int, counted: int) -> float:
    """The lower end of Wilson's interval, one-sided, for the share that is killed of all mutants."""
    z, share = 1.645, killed / counted
    middle = share + z * z / (2 * counted)
    half = z * math.sqrt(share * (1 - share) / counted + z * z / (4 * counted * counted))
    return (middle - half) / (1 + z * z / counted)
