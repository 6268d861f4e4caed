"""What was proven, as data: formula -> file and line -> oracle -> worst case, with versions and machine."""

import datetime
import inspect
import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from kernels.verify import threads
from kernels.verify.operations import load_all
from kernels.verify.outcome import Failure, Outcome, Row
from kernels.verify.problem import Operation, Problem
from kernels.verify.property_list import PROPERTIES

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("numpy", "numba", "llvmlite")
LARGEST = 64  # numbers of an array that a counterexample shows


def make(outcome: Outcome) -> dict[str, Any]:
    """Return the certificate of an outcome, as JSON values."""
    return {
        "ok": outcome.ok,
        "quick": outcome.quick,
        "target": outcome.target,
        "seconds": round(outcome.seconds, 1),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "properties": {**{name: p.says for name, p in PROPERTIES.items()}, "threads": threads.SAYS},
        "rows": [_row(row) for row in outcome.rows],
        "lines": [
            {"operation": c.operation, "statement": c.statement, "unreached": c.open, "cannot_be_reached": c.excused}
            for c in outcome.counts
        ],
        "lines_not_counted": list(outcome.uncounted),
        "every_input": [{**vars(e), "shown": e.shown, "statement": e.statement} for e in outcome.every_input],
    }


def machine() -> dict[str, Any]:
    """Processor, cores, system and versions."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "versions": {name: metadata.version(name) for name in PACKAGES},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def source(op: Operation, name: str) -> str:
    """Return the file and line of the formula as plain loops."""
    function = op.reference(name)
    return f"{Path(function.__code__.co_filename).relative_to(ROOT).as_posix()}:{function.__code__.co_firstlineno}"


def _row(row: Row) -> dict[str, Any]:
    op = load_all()[row.operation]
    return {
        "operation": row.operation,
        "pass": row.name,
        "variant": row.variant,
        "dtype": row.dtype,
        "ok": not row.failures,
        "formula": op.formula(row.name),
        "source": source(op, row.name),
        "oracle": sorted(row.oracles),
        "own_bound": op.own_bound(row.variant),
        "large_shapes": row.large,
        "problems": row.held,
        "worst_fraction_of_bound": _number(row.fraction),
        "worst_ulp": None if row.ulp is None else _number(row.ulp),
        "failures": [_failure(row, f) for f in row.failures],
    }


def _failure(row: Row, failure: Failure) -> dict[str, Any]:
    found: dict[str, Any] = {"property": failure.property, "message": failure.message}
    if failure.expected is not None and failure.actual is not None:
        found |= {"expected": _number(failure.expected), "actual": _number(failure.actual)}
    if failure.problem is not None:
        found["counterexample"] = counterexample(row, failure.problem)
    return found


def counterexample(row: Row, p: Problem) -> dict[str, Any]:
    """Return the arguments of the failing call: shapes, settings, and the numbers of the arrays that are small."""
    op = load_all()[row.operation]
    args, settings = op.arguments(row.name, p)
    used = {n: a for n, a in p.arrays.items() if any(a is b for b in args)}
    names = inspect.signature(op.reference(row.name)).parameters
    others = {n: a for n, a in zip(names, args, strict=False) if not isinstance(a, np.ndarray)}
    return {
        "shapes": {n: list(a.shape) for n, a in used.items()},
        "settings": {**others, **settings},
        "arrays": {n: a.tolist() for n, a in used.items() if a.size <= LARGEST},
    }


def _number(value: float) -> float | str:
    """JSON has no infinity."""
    return float(value) if np.isfinite(value) else str(value)
