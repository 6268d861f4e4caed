"""Excel workbooks as rows of text, by openpyxl. Runs in a worker, for an archive may unfold to anything."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from convnet.data.errors import DicomError
from convnet.data.limits import open_regular

MOST_COLUMNS = 1000


def read_rows(path: str | os.PathLike[str]) -> Iterator[list[str]]:
    """Yield the cells of each row of the first sheet, as text. Raises DicomError."""
    if find_spec("openpyxl") is None:
        raise DicomError(path, "needs openpyxl: pip install 'formula-convnet[xlsx]', or save the table as CSV")
    import openpyxl

    try:
        with warnings.catch_warnings(), open_regular(path) as file:
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            for row in book.worksheets[0].iter_rows(values_only=True):
                yield [to_text(cell) for cell in row[:MOST_COLUMNS]]
    except (DicomError, MemoryError, GeneratorExit):
        raise
    except Exception as error:  # zip, XML and openpyxl each have their own
        raise DicomError(path, f"is no Excel workbook, or is damaged ({type(error).__name__})") from None


def to_text(cell: Any) -> str:
    """Return a cell as it would stand in a CSV file: nothing for an empty one, 1 for 1.0."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
