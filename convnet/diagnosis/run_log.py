"""The run log: one JSON line for each image, with what is needed to trace later how a result came about."""

from __future__ import annotations

import errno
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from platformdirs import user_state_path

from convnet.notice import NOTICE
from convnet.output.atomic import to_utf8

NOT_KEPT = ("path", "input", "pictures", "dicom", "group", "members", "left_out")
PACKAGES = ("formula-convnet", "numpy", "numba", "scipy", "pydicom", "safetensors")


def default() -> Path:
    """Return the file of the run log; FORMULA_CONVNET_RUNS names another one."""
    named = os.environ.get("FORMULA_CONVNET_RUNS")
    return Path(named) if named else user_state_path("formula-convnet", appauthor=False) / "runs.jsonl"


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a result depends on."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def entries(model: str, found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a line for each image, each group of images and each file that could not be read: no path, no identifier.

    It holds the time (UTC), SHA-256 of the model file and of the input (None if it could not be read, a list for a
    group), versions, and the result.
    """
    about = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "model": model, "versions": versions()}
    results: list[tuple[Any, dict[str, Any]]] = [
        (r["input"], {k: v for k, v in r.items() if k not in NOT_KEPT}) for r in found["images"]
    ]
    results += [
        ([m["input"] for m in g["members"]], {k: v for k, v in g.items() if k not in NOT_KEPT})
        for g in found.get("groups", ())
    ]
    results += [(None, {"failed": f["reason"].removeprefix(f"{f['path']}: ")}) for f in found["failed"]]
    return [{**about, "input": sha256, "result": result, "notice": NOTICE} for sha256, result in results]


def record(path: Path, model: str, found: dict[str, Any]) -> None:
    """Append the results of one run (`diagnose.collect`), so that runs side by side do not mix. OSError names the file.

    A line that an earlier run could not finish, on a full disk say, is ended first: it spoils no other.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = [json.dumps(one, ensure_ascii=False, allow_nan=False) + "\n" for one in entries(model, found)]
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        with _alone(handle):
            whole = os.lseek(handle, 0, os.SEEK_END)
            if whole and os.pread(handle, 1, whole - 1) != b"\n":
                lines.insert(0, "\n")
            data = to_utf8("".join(lines))
            written = os.write(handle, data)
            if written < len(data):
                os.ftruncate(handle, whole)  # nothing rather than half of it
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        os.close(handle)


@contextmanager
def _alone(handle: int) -> Iterator[None]:
    """Wait for other processes that append to the file, where the system has such locks."""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)
    except (ImportError, OSError):
        pass
    yield
