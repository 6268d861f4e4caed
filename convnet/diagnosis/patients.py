"""Whose images are diagnosed, by a table: pictures and volumes state no patient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from convnet.data.cohort.table import read_pairs
from convnet.data.pseudonyms import pseudonym, shown

if TYPE_CHECKING:
    from convnet.data.reading.listing import ImageFile


def read_patients(table: Path, path_column: str, patient_column: str, files: Sequence[ImageFile]) -> dict[str, str]:
    """Return {a file's name: its patient's pseudonym} of the files that the table names.

    A row's path is the end of a file's name: "a/1.png" names "scans/a/1.png". Rows of other files do not matter.
    Raises ValueError if one row names two of the files, CohortError for a table that cannot be read.
    """
    patients = {PureWindowsPath(path).as_posix(): who for path, who in read_pairs(table, path_column, patient_column)}
    found: dict[str, str] = {}
    taken: dict[str, str] = {}
    for file in files:
        row = next((end for end in ends(file.name) if end in patients), None)
        if row is None:
            continue
        if row in taken:
            raise ValueError(
                f"{table}: the row '{shown(row)}' names both {shown(taken[row])} and {shown(file.name)}: give one "
                "folder at a time, or longer paths"
            )
        taken[row] = file.name
        found[file.name] = pseudonym("patient", patients[row])
    return found


def ends(name: str) -> Iterator[str]:
    """Yield a name, then the name without its first folder, and so on: "a/b/c", "b/c", "c"."""
    parts = PurePosixPath(PureWindowsPath(name).as_posix()).parts
    yield from ("/".join(parts[n:]) for n in range(len(parts)))
