"""What commands say: progress on stderr, results on stdout or as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from convnet.files import write_json


def say(text: str) -> None:
    """Progress for people: stderr, so that stdout stays clean for results."""
    print(text, file=sys.stderr, flush=True)


def emit(result: Any, path: Path | None, text: list[str]) -> None:
    """The result as JSON to a file or stdout if asked for, else as text on stdout."""
    if path is not None and str(path) == "-":
        print(json.dumps(result, indent=2, ensure_ascii=False))
        return
    print("\n".join(text))
    if path is not None:
        write_json(path, result)
