"""How commands report: progress on stderr, results on stdout or as JSON."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from convnet.output.atomic import to_json, write_json


def printable(text: str) -> str:
    """Return text with its control characters written out: a file's name must not control the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def say(text: str) -> None:
    """Print progress on stderr, so that stdout holds nothing but results."""
    print(printable(text), file=sys.stderr, flush=True)


def emit(result: Any, path: Path | None, text: list[str]) -> None:
    """Print the result as text, and write it as JSON to a file; "-" prints JSON alone."""
    if path is not None and str(path) == "-":
        print(to_json(result), end="")
        return
    print(printable("\n".join(text)))
    if path is not None:
        write_json(path, result)
