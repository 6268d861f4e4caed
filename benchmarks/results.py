"""What a command found: one JSON document, the same for every command, with every sample in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import figures_of_merit as merit
from benchmarks import machine, peaks
from benchmarks.errors import ImpossibleError
from benchmarks.tasks import Task

SCHEMA = "formula-convnet/benchmark/1"
STATIC = "formula-convnet/static/1"  # nothing in it was measured, so it has no samples and nothing to compare
KEYS = {"schema", "command", "options", "machine", "peak", "records"}
ROOF_AGAIN = 4
RECORD_KEYS = {"case", "pass", "variant", "samples"}


def record(task: Task, samples: list[float], **more: Any) -> dict[str, Any]:
    """One contestant in one pass of one case; samples in seconds per call."""
    return {
        "case": task.case,
        "pass": task.name,
        "variant": task.variant,
        "flops": task.flops,
        "bytes": task.bytes,
        "samples": samples,
        **task.extra,
        **more,
    }


def gflops(entry: dict[str, Any]) -> float:
    """GFLOP/s by the median sample."""
    return entry["flops"] / merit.median(entry["samples"]) / 1e9


def gigabytes(entry: dict[str, Any]) -> float:
    """GB/s by the median sample, each array counted once."""
    return entry["bytes"] / merit.median(entry["samples"]) / 1e9


def check_possible(entry: dict[str, Any]) -> None:
    """ImpossibleError where a median beats the roof by more than 5 %, even after the roof was measured anew.

    Several times, and the best counts: another program, or a lower clock, may have held the roof down.
    """
    for _ in range(ROOF_AGAIN):
        if not _above(entry):
            return
        peaks.again()
    above = _above(entry)
    if above:
        raise ImpossibleError(f"{entry['case']}, {entry['pass']}, {entry['variant']}: {above}")


def _above(entry: dict[str, Any]) -> str | None:
    if gflops(entry) > peaks.MARGIN * peaks.fma():
        return f"{gflops(entry):.0f} GFLOP/s are above the machine's {peaks.fma():.0f}: the measurement is wrong"
    roof = peaks.bandwidth(entry["bytes"])
    if gigabytes(entry) > peaks.MARGIN * roof:
        return f"{gigabytes(entry):.0f} GB/s are above the machine's {roof:.0f}: the measurement is wrong"
    return None


def document(command: str, records: list[dict[str, Any]], options: dict[str, Any], with_peak: bool = True) -> dict:
    """The whole result with the machine it comes from; the peak in GFLOP/s and GB/s by working set in bytes."""
    peak = with_peak and {"gflops": peaks.fma_again(), "bandwidths": {str(k): v for k, v in peaks.bandwidths().items()}}
    return {
        "schema": SCHEMA,
        "command": command,
        "options": options,
        "machine": machine.describe(),
        "peak": peak or None,
        "records": records,
    }


def write(path: Path, content: dict[str, Any]) -> None:
    """To a file, whole or not at all."""
    if content["schema"] != STATIC:
        check(content, str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + ".part")
    half.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    half.replace(path)


def read(path: Path) -> dict[str, Any]:
    """From a file; ValueError says what is wrong with it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} cannot be read as a benchmark's JSON: {error}") from None
    check(content, str(path))
    return content


def check(content: Any, where: str) -> None:
    """ValueError unless the document has this version's form."""
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        found = content.get("schema") if isinstance(content, dict) else type(content).__name__
        raise ValueError(f"{where}: expected schema {SCHEMA!r}, found {found!r}: make the file with this version")
    if set(content) != KEYS:
        raise ValueError(f"{where}: expected the keys {sorted(KEYS)}, found {sorted(content)}")
    for entry in content["records"]:
        if RECORD_KEYS - set(entry) or not entry["samples"] or any(not s > 0 for s in entry["samples"]):
            raise ValueError(f"{where}: a record needs {sorted(RECORD_KEYS)} and positive samples, found {entry}")
