"""What `python -m kernels.verify.paths --keep` found, kept in kernels/verify/counts: counting takes minutes.

A count holds for the source that it was made from: for the files whose lines were counted, for the operation's class in
kernels/verify/operations, and for the sizes of its problems. If one of these differs, it is not a count of the kernels
as they are.
"""

from __future__ import annotations

import hashlib
import json
import linecache
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from kernels.algebra.coverage import ROOT, Reached
from kernels.verify.operations import load_all
from kernels.verify.problem import Operation
from kernels.verify.problems import Problems
from kernels.verify.unreached import REASONS

FOLDER = Path(__file__).with_name("counts")
COMMAND = "python -m kernels.verify.paths"


@dataclass
class Count:
    """The lines of source and the blocks of compiled code that an operation's problems reach on a target."""

    operation: str
    target: str
    lines: int
    blocks: int
    blocks_reached: int
    kernels: int
    files: list[str]  # below kernels/
    source: str = ""  # a digest of what the count depends on
    unreached: list[tuple[str, int, str]] = field(default_factory=list)  # file, line, its text

    @property
    def open(self) -> list[str]:
        """The lines that are not reached although no reason is known."""
        return [f"kernels/{file}:{line}: {text}" for file, line, text in self.unreached if (file, text) not in REASONS]

    @property
    def excused(self) -> list[str]:
        """The lines that cannot be reached, with the reason."""
        known = [(f, n, t) for f, n, t in self.unreached if (f, t) in REASONS]
        return [f"kernels/{f}:{n}: {t}: {REASONS[f, t]}" for f, n, t in known]

    @property
    def current(self) -> bool:
        """Whether the count is of the source that lies here."""
        return self.source == digest(load_all()[self.operation], self.target, self.files)

    @property
    def statement(self) -> str:
        """The count in a sentence."""
        possible = self.lines - len(self.excused)
        text = f"{self.operation}, {self.target}: {possible - len(self.open)} of {possible} lines of source"
        if self.excused:
            text += f" ({len(self.excused)} more cannot be reached)"
        return f"{text}; {self.blocks_reached} of {self.blocks} blocks of {self.kernels} compiled kernels"


def count(operation: str, target: str, every: list[Reached]) -> Count:
    """Return the count of what was measured."""
    lines = set[str]().union(*(k.lines for k in every))
    reached = set[str]().union(*(k.lines_reached for k in every))
    files = sorted({place.rpartition(":")[0] for place in lines})
    missing = [_with_text(place) for place in sorted(lines - reached)]
    ran = sum(len(k.places.keys() & k.reached) for k in every)
    source = digest(load_all()[operation], target, files)
    blocks = sum(len(k.places) for k in every)
    return Count(operation, target, len(lines), blocks, ran, len(every), files, source, missing)


def _with_text(place: str) -> tuple[str, int, str]:
    file, _, line = place.rpartition(":")
    return file, int(line), linecache.getline(str(ROOT / file), int(line)).strip()


def digest(op: Operation, target: str, files: Iterable[str]) -> str:
    """Return a digest of the files of kernels/ that a count is of, and of the problems that were run."""
    made = hashlib.sha256(repr(op.variants(target)).encode())
    modules = {m for c in type(op).__mro__ if issubclass(c, Operation) and c is not Operation for m in [c.__module__]}
    for file in sorted({*files, *(f"{m.removeprefix('kernels.').replace('.', '/')}.py" for m in modules)}):
        path = ROOT / file
        made.update(f"{file}\n{path.read_text('utf-8') if path.exists() else 'gone'}".encode())
    made.update(repr(Problems(op, np.float32, quick=False).geometries).encode())
    return made.hexdigest()[:20]


def read() -> list[Count]:
    """Return the kept counts."""
    rows = (json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json")))
    return [Count(**{**row, "unreached": [tuple(u) for u in row["unreached"]]}) for row in rows]


def keep(found: Count) -> None:
    """Write a count in the place of an older one."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{found.operation}-{found.target}.json"
    path.write_text(json.dumps(asdict(found), indent=1) + "\n", "utf-8")


def find(operations: Iterable[str], target: str) -> tuple[list[Count], list[str]]:
    """Return (the kept counts that are of today's source, the operations that have none)."""
    known = {c.operation: c for c in read() if c.target == target}
    good = [known[name] for name in operations if name in known and known[name].current]
    return good, [name for name in operations if name not in {c.operation for c in good}]


def table() -> str:
    """Return the kept counts as a table in Markdown: a line for each operation and target."""
    lines = ["| operation | target | lines reached | blocks reached | of today's source |", "|---|---|---|---|---|"]
    for c in read():
        possible = c.lines - len(c.excused)
        reached, blocks = f"{possible - len(c.open)} of {possible}", f"{c.blocks_reached:,} of {c.blocks:,}"
        more = f", {len(c.excused)} cannot be" if c.excused else ""
        lines.append(f"| {c.operation} | {c.target} | {reached}{more} | {blocks} | {'yes' if c.current else 'no'} |")
    return "\n".join(lines)


def unneeded(counts: Iterable[Count]) -> list[str]:
    """Return the reasons that belong to no unreached line of any count."""
    used = {(file, text) for c in counts for file, _, text in c.unreached}
    return [f"{file}: {text}" for file, text in REASONS if (file, text) not in used]
