"""From rows that name files and folders to a row for each file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from convnet.data.cohort.class_folders import list_class_folders
from convnet.data.cohort.table import Columns, Row, forbid_twins, read_table
from convnet.data.errors import CohortError
from convnet.data.pseudonyms import shown
from convnet.data.reading.listing import walk


def list_rows(
    folder: Path, root: Path, labels: str | os.PathLike[str] | None, columns: Columns | None = None
) -> list[Row]:
    """Return a row for each file: by a table or, without one, by folders that are named after classes.

    folder  as the user names it; root: where its files are, elsewhere if it is an archive
    Raises CohortError.
    """
    if labels is None:
        return list_class_folders(root, folder)
    rows = expand_folders(root, read_table(labels, columns, folder), labels)
    forbid_twins(labels, rows)
    return rows


def expand_folders(root: Path, rows: Sequence[Row], table: object) -> list[Row]:
    """Replace each row that names a folder, such as one of a patient's slices, by a row for each file in it."""
    out: list[Row] = []
    for row in rows:
        path = root / row.path
        try:
            is_folder = path.is_dir()
        except OSError:  # a name too long for the system: reading the row says so
            is_folder = False
        if not is_folder:
            out.append(row)
            continue
        if not path.resolve().is_relative_to(root.resolve()):
            raise CohortError(f"{table}, row {row.line}: '{shown(row.path)}' is a link out of the folder")
        found = [replace(row, path=name, folder=row.path) for name in walk(root, Path(row.path))]
        if not found:
            raise CohortError(f"{table}, row {row.line}: the folder '{shown(row.path)}' has no files")
        out += found
    return out
