"""The table of labels: a CSV file with the columns path and label, and optionally patient and split."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath

from convnet.data.errors import CohortError
from convnet.data.limits import read_text
from convnet.data.pseudonyms import shown
from convnet.output.spreadsheet import plain

SPLITS = ("train", "val", "test")
MOST = 2**28  # bytes of a table: some millions of rows


@dataclass(frozen=True)
class Row:
    """One row: its line in the file, the image's path below the folder ('/' between parts) and what is said
    of it.

    `patient` and `split` are None where the table has no such column.
    """

    line: int
    path: str
    label: str
    patient: str | None
    split: str | None


def read_table(table: str | os.PathLike[str]) -> list[Row]:
    """The rows of a table of labels, in the file's order. UTF-8, with or without a BOM; separated by ',', ';'
    or tab.

    Raises CohortError, naming the line: not UTF-8, no such column, a path outside the folder, a path named
    twice, a split that is not train, val or test, or no rows. A row with an empty label is kept: the reader
    of images skips it.
    """
    try:
        text = read_text(table, MOST).decode("utf-8-sig")
    except OSError as error:
        raise CohortError(f"{table}: the table of labels cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise CohortError(f"{table}: byte {error.start} is not UTF-8: save the table as 'CSV UTF-8'") from None
    except ValueError as error:
        raise CohortError(f"{table}: the table of labels {error}") from None
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise CohortError(f"{table}: is not a CSV table: {error}") from None
    names = [name.strip().lower() for name in (lines[0] if lines else [])]
    for column in ("path", "label"):
        if names.count(column) != 1:
            found = ", ".join(names) or "nothing"
            raise CohortError(f"{table}: expected one column '{column}' in the first line, found: {found}")
    rows = [
        read_row(table, line, dict(zip(names, map(plain, cells), strict=False)), len(cells), len(names))
        for line, cells in enumerate(lines[1:], start=2)
        if any(cell.strip() for cell in cells)
    ]
    if not rows:
        raise CohortError(f"{table}: has no rows below its first line")
    forbid_twins(table, rows)
    return rows


def read_row(table: object, line: int, cells: dict[str, str], count: int, expected: int) -> Row:
    """One row, checked by itself."""
    if count != expected:
        raise CohortError(f"{table}, row {line}: {count} cells, expected {expected} as in the first line")
    split = cells["split"].strip().lower() if "split" in cells else None
    if split is not None and split not in SPLITS:
        raise CohortError(f"{table}, row {line}: split '{split}' is unknown: expected {', '.join(SPLITS)}")
    patient = cells["patient"].strip() if "patient" in cells else None
    return Row(line, inside(table, line, cells["path"].strip()), cells["label"].strip(), patient, split)


def inside(table: object, line: int, path: str) -> str:
    """A path below the folder, in normal form.

    Raises CohortError for an empty, absolute or '..' path: never outside.
    """
    windows = PureWindowsPath(path)  # splits at both / and \
    if not windows.parts:
        raise CohortError(f"{table}, row {line}: the path is empty")
    if windows.anchor or PurePosixPath(path).is_absolute() or ".." in windows.parts or "\0" in path:
        raise CohortError(
            f"{table}, row {line}: path '{shown(path)}' leaves the folder: expected a path below it, without '..'"
        )
    return windows.as_posix()


def forbid_twins(table: object, rows: list[Row]) -> None:
    """Raise CohortError when a path stands in two rows: an image counted twice leaks from one split into
    another.
    """
    first: dict[str, int] = {}
    for row in rows:
        if row.path in first:
            raise CohortError(
                f"{table}, rows {first[row.path]} and {row.line}: both name '{shown(row.path)}': keep one of them"
            )
        first[row.path] = row.line
