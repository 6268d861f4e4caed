"""The table of labels: its columns path and label, and optionally patient and split, of a CSV or an Excel file."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from convnet.data.errors import CohortError, DicomError
from convnet.data.limits import read_text
from convnet.data.pseudonyms import shown
from convnet.output.spreadsheet import plain

SPLITS = ("train", "val", "test")
# how tables spell them
SPELLINGS = {
    **dict.fromkeys(("train", "training", "trn", "tr"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev", "tune", "tuning"), "val"),
    **dict.fromkeys(("test", "testing", "tst", "te", "holdout", "hold-out", "evaluation", "eval"), "test"),
}
# how other programs write that a cell is empty: as a label they would be a class, as a patient one of all the unknown
EMPTY = ("nan", "<na>", "nat")
SHEETS = (".xlsx", ".xlsm")
MOST = 2**28  # bytes of a table: some millions of rows


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line in the file, the image's path below the folder ('/' between parts), and its label.

    `patient` and `split` are None where the table has no such column. `folder`: the row's own path, if it
    names a folder.
    """

    line: int
    path: str
    label: str
    patient: str | None
    split: str | None
    folder: str = ""


@dataclass(frozen=True)
class Columns:
    """What the table's columns are called; capitals and spaces around do not count.

    patient and split may be absent unless they are named here.
    """

    path: str = "path"
    label: str = "label"
    patient: str | None = None
    split: str | None = None

    def names(self) -> dict[str, str]:
        """Return {what it holds: the column's name, as it is compared}."""
        wanted = {"path": self.path, "label": self.label}
        wanted |= {"patient": self.patient or "patient", "split": self.split or "split"}
        return {what: name.strip().casefold() for what, name in wanted.items()}

    def require_table(self, table: object) -> None:
        """Raise CohortError if columns are named and there is no table."""
        if table is None and self != Columns():
            options = "--path-column, --label-column, --patient-column and --split-column"
            raise CohortError(f"{options} go with --labels TABLE")


def read_table(
    table: str | os.PathLike[str], columns: Columns | None = None, folder: str | os.PathLike[str] | None = None
) -> list[Row]:
    """Return the rows of a table of labels, in the file's order: CSV or, by the extra [xlsx], an Excel workbook.

    table    CSV in UTF-8, with or without a BOM, separated by ',', ';' or tab; of an .xlsx file the first sheet
    columns  what its columns are called
    folder   where the images are: an absolute path within it is taken as relative to it

    Raises CohortError, naming the line: not UTF-8, no such column, a path outside the folder, a path named twice, a
    split that is none, or no rows. A cell of NaN counts as empty. A row with an empty
    label is kept: the reader of images skips it.
    """
    columns = columns or Columns()
    lines = read_sheet(table) if Path(table).suffix.lower() in SHEETS else read_csv(table)
    header = [name.strip().casefold() for name in (lines[0] if lines else [])]
    places = find_columns(table, header, columns)
    rows = [
        read_row(table, line, [plain(cell) for cell in cells], places, len(header), folder)
        for line, cells in enumerate(lines[1:], start=2)
        if any(cell.strip() for cell in cells)
    ]
    if not rows:
        raise CohortError(f"{table}: has no rows below its first line")
    forbid_twins(table, rows)
    return rows


def read_csv(table: str | os.PathLike[str]) -> list[list[str]]:
    """Return the cells of a CSV file, line by line. Raises CohortError."""
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
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise CohortError(f"{table}: is not a CSV table: {error}") from None


def read_sheet(table: str | os.PathLike[str]) -> list[list[str]]:
    """Return the cells of a workbook's first sheet, read by a worker as untrusted input. Raises CohortError."""
    from convnet.data.reading import tasks
    from convnet.data.reading.readers import Readers

    if not Path(table).is_file():
        raise CohortError(f"{table}: the table of labels cannot be read: no such file")
    try:
        with Readers(workers=1) as readers:
            return list(readers.read(tasks.sheet, table))
    except DicomError as error:
        raise CohortError(f"{table}: the table of labels {error.reason}") from None


def find_columns(table: object, header: list[str], columns: Columns) -> dict[str, int]:
    """Return where path, label and, if there are such, patient and split stand. Raises CohortError."""
    places = {}
    for what, name in columns.names().items():
        optional = getattr(columns, what) is None
        if header.count(name) > 1 or (name not in header and not optional):
            found = ", ".join(header) or "nothing"
            option = f"; --{what}-column names another" if name not in header else ""
            raise CohortError(f"{table}: expected one column '{name}' in the first line, found: {found}{option}")
        if name in header:
            places[what] = header.index(name)
    return places


def read_row(
    table: object,
    line: int,
    cells: list[str],
    places: dict[str, int],
    expected: int,
    folder: str | os.PathLike[str] | None,
) -> Row:
    """Return one row, checked by itself. Raises CohortError."""
    if len(cells) != expected:
        raise CohortError(f"{table}, row {line}: {len(cells)} cells, expected {expected} as in the first line")
    found = {what: cells[at].strip() for what, at in places.items()}
    found = {what: "" if cell.casefold() in EMPTY else cell for what, cell in found.items()}
    split = None
    if "split" in found:
        split = SPELLINGS.get(found["split"].casefold())
        if split is None:
            raise CohortError(f"{table}, row {line}: split '{found['split']}' is unknown: expected {', '.join(SPLITS)}")
    path = found_inside(table, line, found["path"], folder)
    return Row(line, path, found["label"], found.get("patient"), split)


def found_inside(table: object, line: int, path: str, folder: str | os.PathLike[str] | None) -> str:
    """Return a path below the folder, in normal form, as "/"-separated parts.

    Raises CohortError for an empty or '..' path, and for an absolute one that is not inside the folder.
    """
    windows = PureWindowsPath(path)  # splits at both / and \
    if not windows.parts:
        raise CohortError(f"{table}, row {line}: the path is empty")
    if folder is not None and Path(path).is_absolute() and ".." not in windows.parts:
        for root in (Path(folder).absolute(), Path(folder).resolve()):
            if Path(path).is_relative_to(root) and Path(path) != root:
                return Path(path).relative_to(root).as_posix()
    if windows.anchor or PurePosixPath(path).is_absolute() or ".." in windows.parts or "\0" in path:
        raise CohortError(
            f"{table}, row {line}: path '{shown(path)}' leaves the folder: expected a path below it, without '..'"
        )
    return windows.as_posix()


def forbid_twins(table: object, rows: list[Row]) -> None:
    """Raise CohortError if two rows name one path: an image counted twice leaks from one split into another."""
    first: dict[str, int] = {}
    for row in rows:
        if row.path in first:
            raise CohortError(
                f"{table}, rows {first[row.path]} and {row.line}: both name '{shown(row.path)}': keep one of them"
            )
        first[row.path] = row.line
