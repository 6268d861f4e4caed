"""A student's process: it computes results for the arguments that it is sent, and knows no answer.

Started by remote.py as `python -I worker.py SETTINGS`, in namespaces of its own unless the submission is trusted. It
reads arguments from one pipe and writes results to another; standard output is the student's own.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import confine  # type: ignore[import-not-found]
import wire  # type: ignore[import-not-found]


def main(settings: dict[str, Any]) -> None:
    """Confine this process, import the file, and answer until the pipe is closed."""
    with open(settings["file"], "rb") as file:
        source = file.read()
    folder = settings["folder"]
    if settings["confined"]:
        folder = confine.confine(settings["keep"], settings["hide"], settings["limits"])
        os.environ.update(HOME=folder, TMPDIR=folder, FORMULA_CONVNET_CACHE=folder)
    else:
        confine.bound(settings["limits"])
    sys.path[0] = folder
    os.chdir(folder)
    requests, answers = os.fdopen(settings["requests"], "rb"), os.fdopen(settings["answers"], "wb")
    send(answers, {"result": "ready"})  # from here on, what goes wrong is the student's
    functions = load(source, settings["name"], answers)
    while True:
        try:
            name, args, keywords = wire.read_message(reader(requests), settings["most"])
        except EOFError:
            return
        send(answers, run(functions, name, args, keywords, settings["name"]))


def load(source: bytes, name: str, answers: Any) -> dict[str, Any]:
    """Run the student's file, and tell which functions there are, or which error ended it."""
    functions: dict[str, Any] = {"__name__": "submission", "__file__": name}
    try:
        exec(compile(source, name, "exec"), functions)
    except BaseException as error:
        send(answers, describe(error, name))
        sys.exit(0)
    send(answers, {"defines": tuple(str(n) for n, f in functions.items() if callable(f))})
    return functions


def run(functions: dict[str, Any], name: str, args: tuple, keywords: dict[str, Any], file: str) -> dict[str, Any]:
    """Call a function; return its result, or its error with the line, and which arguments it has changed."""
    before = [a.tobytes() if hasattr(a, "tobytes") else None for a in args]
    try:
        result = functions[name](*args, **keywords)
    except BaseException as error:
        return describe(error, file)
    changed = tuple(i for i, (a, b) in enumerate(zip(args, before, strict=True)) if b is not None and a.tobytes() != b)
    return {"result": result, "changed": changed}


def describe(error: BaseException, file: str) -> dict[str, Any]:
    """Return an error in a line, with the last line of the student's file that was running."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    line = error.lineno if isinstance(error, SyntaxError) else (lines[-1] if lines else None)
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
    return {"error": text, "line": line}


def reader(stream: Any) -> Callable[[int], bytes]:
    """Return how to read a number of bytes; EOFError at the end."""

    def read(count: int) -> bytes:
        data = stream.read(count)
        if len(data) < count:
            raise EOFError
        return bytes(data)

    return read


def send(stream: Any, message: dict[str, Any]) -> None:
    """Write a message, at once."""
    stream.write(wire.pack(message))
    stream.flush()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
