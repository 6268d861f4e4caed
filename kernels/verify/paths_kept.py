"""What `python -m kernels.verify.paths --keep` found, kept in kernels/verify/counts: counting takes minutes.

A count holds for the source that it was made from: for the files whose lines were counted, for the operation's class in
kernels/verify/operations, and for the sizes of its problems. If one of these differs, it is not a count of the kernels
as they are. A line that is out of an operation's reach (restrictions.py) is known from another operation's count, and
the one holds no longer than the other.
"""

from __future__ import annotations

import hashlib
import json
import linecache
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from kernels.algebra.coverage import ROOT, Reached
from kernels.cpu import simd
from kernels.verify import restrictions
from kernels.verify.operations import load_all
from kernels.verify.problem import Operation
from kernels.verify.problems import Problems
from kernels.verify.reach import Reach, function_of
from kernels.verify.reach import find as find_reach
from kernels.verify.restrictions import RESTRICTIONS, Restriction, all_restrictions

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
    compiled_into: dict[str, list[str]] = field(default_factory=dict)  # unreached "file:line" -> kernels
    reach: Reach = field(default_factory=Reach)  # of operations that share kernels
    vectors: int = 0  # bits of the registers of the processor that it was made on

    @property
    def open(self) -> list[str]:
        """The lines that are not reached although no reason is known."""
        known = self.out_of_reach
        return [f"kernels/{file}:{n}: {text}" for file, n, text in self.unreached if f"{file}:{n}" not in known]

    @property
    def excused(self) -> list[str]:
        """The lines that cannot be reached, with the reason."""
        known = {place: why for place, (why, _) in self.out_of_reach.items()}
        there = [(f, n, text) for f, n, text in self.unreached if f"{f}:{n}" in known]
        return [f"kernels/{f}:{n}: {text}: {known[f'{f}:{n}']}" for f, n, text in there]

    @cached_property
    def out_of_reach(self) -> dict[str, tuple[str, Count]]:
        """Lines that the operation's restrictions exclude: why, and the count of an operation that reaches them."""
        found: dict[str, tuple[str, Count]] = {}
        if not self.unreached or self.operation not in RESTRICTIONS:
            return found
        others = [c for c in read() if c.target == self.target and c.operation != self.operation]
        for file, line, _ in self.unreached:
            for rule in RESTRICTIONS[self.operation]:
                if (other := self._reaching(rule, file, line, others)) is not None:
                    found.setdefault(f"{file}:{line}", (f"{rule.text}; {other.operation} reaches it", other))
        return found

    def _reaching(self, rule: Restriction, file: str, line: int, others: list[Count]) -> Count | None:
        """Return a count that reaches a line, if none does in a call to which the restriction applies."""
        place = f"{file}:{line}"
        kernels = set(self.compiled_into.get(place, ()))
        if not any(place in c.reach.lines(kernels) for c in others):
            kernels = kernels.union(*(c.reach.concerned.get(rule.text, ()) for c in others))
        reaching = [c for c in others if place in c.reach.lines(kernels)]
        within = set[str]().union(*(c.reach.lines_within(rule.text, kernels) for c in others))
        known = place not in within and (within or rule.skips(file, line))
        return reaching[0] if reaching and known else None

    @property
    def current(self) -> bool:
        """Whether the count is of the source that lies here, and so is every count that it refers to."""
        others = {c.operation: c for _, c in self.out_of_reach.values()}
        return all(c.is_of_this_source for c in (self, *others.values()))

    @property
    def is_of_this_source(self) -> bool:
        """Whether the source and the problems are those that the count was made from."""
        return self.source == digest(load_all()[self.operation], self.target, self.files)

    @property
    def statement(self) -> str:
        """The count in a sentence."""
        possible = self.lines - len(self.excused)
        text = f"{self.operation}, {self.target}: {possible - len(self.open)} of {possible} lines of source"
        if self.excused:
            text += f" ({len(self.excused)} more are for other operations)"
        return f"{text}; {self.blocks_reached} of {self.blocks} blocks of {self.kernels} compiled kernels"


def count(operation: str, target: str, every: list[Reached]) -> Count:
    """Return the count of what was measured."""
    lines = set[str]().union(*(k.lines for k in every))
    reached = set[str]().union(*(k.lines_reached for k in every))
    missing, reach = sorted(lines - reached), find_reach(every, {r.text for r in all_restrictions()})
    return Count(
        operation,
        target,
        lines=len(lines),
        blocks=sum(len(k.places) for k in every),
        blocks_reached=sum(len(k.places.keys() & k.reached) for k in every),
        kernels=len(every),
        files=(files := sorted({place.rpartition(":")[0] for place in lines})),
        source=digest(load_all()[operation], target, files),
        unreached=[_with_text(place) for place in missing],
        compiled_into={place: sorted({function_of(k) for k in every if place in k.lines}) for place in missing},
        reach=reach if operation in RESTRICTIONS or reach.beyond else Reach(),
        vectors=simd.BITS if target == "cpu" else 0,
    )


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
    if op.name in RESTRICTIONS:
        made.update(Path(restrictions.__file__).read_bytes())
    return made.hexdigest()[:20]


def read() -> list[Count]:
    """Return the kept counts."""
    rows = (json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json")))
    return [
        Count(**{**row, "unreached": [tuple(u) for u in row["unreached"]], "reach": Reach(**row.get("reach", {}))})
        for row in rows
    ]


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
    lines = ["| operation | target | vectors | lines reached | blocks reached | of today's source |"]
    lines.append("|---|---|---|---|---|---|")
    for c in read():
        possible = c.lines - len(c.excused)
        reached, blocks = f"{possible - len(c.open)} of {possible}", f"{c.blocks_reached:,} of {c.blocks:,}"
        more = f", {len(c.excused)} are others'" if c.excused else ""
        vectors = f"{c.vectors} bits" if c.target == "cpu" else ""
        now = "yes" if c.current else "no"
        lines.append(f"| {c.operation} | {c.target} | {vectors} | {reached}{more} | {blocks} | {now} |")
    return "\n".join(lines)


def unneeded(counts: Iterable[Count]) -> list[str]:
    """Return the restrictions that no count of the operation makes use of."""
    used = {(c.operation, why.partition(";")[0]) for c in counts for why, _ in c.out_of_reach.values()}
    return [f"{name}: {r.text}" for name, some in RESTRICTIONS.items() for r in some if (name, r.text) not in used]
