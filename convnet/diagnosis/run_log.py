"""A record of every run: one JSON line for each image, with what is needed to know later how a result came about."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from platformdirs import user_state_path

from convnet.notice import NOTICE

NOT_KEPT = ("path", "input", "pictures", "dicom")
PACKAGES = ("formula-convnet", "numpy", "numba", "scipy", "pydicom", "safetensors")


def default() -> Path:
    """Where runs are recorded if nothing else is said; FORMULA_CONVNET_RUNS names another file."""
    named = os.environ.get("FORMULA_CONVNET_RUNS")
    return Path(named) if named else user_state_path("formula-convnet", appauthor=False) / "runs.jsonl"


def versions() -> dict[str, str]:
    """Of Python and of the packages that a result depends on."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def entries(model: str, found: dict[str, Any]) -> list[dict[str, Any]]:
    """A line for each image and each file that could not be read: time (UTC), SHA-256 of the model file and of the
    input (None if it could not be read), versions, result; no path and no identifier.
    """
    about = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "model": model, "versions": versions()}
    results = [(r["input"], {k: v for k, v in r.items() if k not in NOT_KEPT}) for r in found["images"]]
    results += [(None, {"failed": f["reason"].removeprefix(f"{f['path']}: ")}) for f in found["failed"]]
    return [{**about, "input": sha256, "result": result, "notice": NOTICE} for sha256, result in results]


def record(path: Path, model: str, found: dict[str, Any]) -> None:
    """Append the results of one run (`diagnose.collect`), each line in one write, so that runs side by side do not mix.

    OSError names the file.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        for one in entries(model, found):
            os.write(handle, (json.dumps(one, ensure_ascii=False) + "\n").encode())
    finally:
        os.close(handle)
