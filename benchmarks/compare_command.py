"""`compare`: is the second file's run faster, slower, or undecided, case by case, by all their samples?"""

from __future__ import annotations

from typing import Any

from benchmarks import figures_of_merit as merit
from benchmarks.tables import Table, seconds

Verdict = tuple[tuple[str, str, str], float, float, float, str]


def compare(old: dict[str, Any], new: dict[str, Any]) -> list[Verdict]:
    """(case, pass, variant), new/old with its interval, verdict; for what stands in both. ValueError if nothing does.

    The samples of two runs are not paired. Two runs on one machine can differ by more than their samples show (another
    clock, another neighbour): confirm a verdict by a third run.
    """
    before, after = ({(e["case"], e["pass"], e["variant"]): e["samples"] for e in d["records"]} for d in (old, new))
    both = [key for key in before if key in after]
    if not both:
        raise ValueError("the files have no case in common: make both with the same command and options")
    found = []
    for key in both:
        value, low, high = merit.ratio(after[key], before[key], paired=False)
        found.append((key, value, low, high, merit.verdict(low, high)))
    return found


def table(old: dict[str, Any], new: dict[str, Any]) -> Table:
    """The verdicts, their counts, and a warning where the machines differ."""
    made = Table("Second file over first", ["case", "pass", "variant", "first", "second", "ratio", "95 %", ""], words=3)
    times = [
        {(e["case"], e["pass"], e["variant"]): merit.median(e["samples"]) for e in d["records"]} for d in (old, new)
    ]
    verdicts = compare(old, new)
    for key, value, low, high, verdict in verdicts:
        made.add(*key, *(seconds(t[key]) for t in times), f"{value:.2f}", f"{low:.2f} - {high:.2f}", verdict)
    words = [v[-1] for v in verdicts]
    made.notes.append(", ".join(f"{words.count(w)} {w}" for w in ("faster", "slower", "undecided")))
    for fact in ("model", "threads", "vector_bits", "versions"):
        if old["machine"].get(fact) != new["machine"].get(fact):
            made.notes.append(f"Careful: {fact} differs: {old['machine'].get(fact)} and {new['machine'].get(fact)}")
    return made
