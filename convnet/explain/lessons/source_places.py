"""Find the lines that the lesson shows, by the comments that mark them in the kernels.

A comment `# lesson: conv2d.forward` stands above the line of a kernel that computes what the lesson shows; one comment
may name several places, parted by commas. What stands before the dot is the operation, as the lesson calls it; what
stands behind it is a pass of the lesson (forward, data, weights), or the name of a special loop that a kernel takes for
some sizes. A mark in a `reference.py` is the reference's, any other the fast kernel's.
"""

import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

import kernels

MARK = re.compile(r"\s*# lesson: (.*\S)\s*")
PASSES = ("forward", "data", "weights")


class Place(NamedTuple):
    """A line of a file under kernels/, counted from 1."""

    file: str
    line: int


@cache
def find_places() -> dict[str, dict[str, list[Place]]]:
    """Return {"conv2d.forward": {"reference": [place], "fast": [place]}, ...} for all marks in kernels/."""
    found: dict[str, dict[str, list[Place]]] = defaultdict(lambda: {"reference": [], "fast": []})
    root = Path(kernels.__file__).parent
    for path in sorted(root.glob("*/*.py")):
        role = "reference" if path.name == "reference.py" else "fast"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if mark := MARK.fullmatch(line):
                for label in mark[1].split(", "):
                    found[label][role].append(Place(path.relative_to(root).as_posix(), number + 1))
    return dict(found)


def find_place(label: str, role: str) -> Place:
    """Return the one line that is marked with this label in a reference (role "reference") or a kernel ("fast")."""
    places = find_places().get(label, {}).get(role, [])
    if len(places) != 1:
        found = ", ".join(f"kernels/{file}:{line}" for file, line in places) or "none"
        raise ValueError(f"lesson: expected one line marked `# lesson: {label}` ({role}) in kernels/, found {found}")
    return places[0]


def list_passes() -> dict[str, tuple[str, ...]]:
    """Return the passes that the lesson shows of each operation, by the marks of the references."""
    marked = {label for label, places in find_places().items() if places["reference"]}
    operations = sorted({label.split(".")[0] for label in marked})
    return {op: tuple(name for name in PASSES if f"{op}.{name}" in marked) for op in operations}
