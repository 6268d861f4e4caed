"""What commands say: progress on stderr, results on stdout or as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from convnet.output.atomic import write_json


def printable(text: str) -> str:
    """Text whose control characters are written out: a file's name must not command the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def say(text: str) -> None:
    """Progress for people: stderr, so that stdout stays clean for results."""
    print(printable(text), file=sys.stderr, flush=True)


def emit(result: Any, path: Path | None, text: list[str]) -> None:
    """The result as JSON to a file or stdout if asked for, else as text on stdout."""
    if path is not None and str(path) == "-":
        print(json.dumps(result, indent=2, ensure_ascii=False))
        return
    print(printable("\n".join(text)))
    if path is not None:
        write_json(path, result)
