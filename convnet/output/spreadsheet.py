"""Tables (CSV) that a spreadsheet opens without running anything in them.

A cell that begins with = + - or @, also behind blanks, is a formula to a spreadsheet, and a formula can fetch, send and
start things (OWASP, "CSV Injection"). A number is left as it is; before any other such cell stands an apostrophe, which
spreadsheets take as the mark of text. `plain` takes it off again.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from convnet.output.atomic import write_atomically

NUMBER = re.compile(r"\s*[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|inf|nan)\s*", re.ASCII | re.IGNORECASE)
SEPARATOR = re.compile(r"([,;|\t\r\n])")
FORMULA = re.compile(r"'*\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")  # the full-width forms count as well


def harmless(value: Any) -> Any:
    """A cell for a CSV file: what would be a formula in it gets an apostrophe in front; numbers stay what they are.

    Also behind a separator inside of the cell, where a spreadsheet of another country would begin a new one.
    """
    if not isinstance(value, str) or NUMBER.fullmatch(value):
        return value
    first, *rest = SEPARATOR.split(value)
    marked = ["'" + part if FORMULA.match(part) and not NUMBER.fullmatch(part) else part for part in rest]
    return "".join([f"'{first}" if FORMULA.match(first) else first, *marked])


def plain(cell: str) -> str:
    """The text that `harmless` was given."""
    return "".join(p[1:] if p.startswith("'") and FORMULA.match(p) else p for p in SEPARATOR.split(cell))


def lines(rows: Iterable[Iterable[Any]], delimiter: str = ",") -> str:
    """Rows as CSV."""
    out = io.StringIO(newline="")
    some, every = (
        csv.writer(out, delimiter=delimiter, lineterminator="\n", quoting=quoting)
        for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL)
    )
    for row in rows:
        cells = [harmless(value) for value in row]
        (every if any("\r" in str(cell) for cell in cells) else some).writerow(cells)  # csv leaves a lone \r bare
    return out.getvalue()


def write_csv(path: Path, rows: Iterable[Iterable[Any]]) -> None:
    """A CSV file, UTF-8, whole or not at all."""
    write_atomically(path, lines(rows).encode())
