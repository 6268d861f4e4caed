"""Which machine, which software, which commit: what a number means nothing without."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("numpy", "numba", "llvmlite", "scipy", "torch", "tensorflow", "tensorflow-cpu", "keras", "jax", "jaxlib")
FEATURES = ("sse2", "sse4_2", "avx", "fma", "avx2", "avx512f", "avx512vl", "avx512bw", "asimd", "neon", "sve")


def describe() -> dict[str, Any]:
    """Machine, threads, versions, commit and date, as JSON values. A fact that cannot be read is null."""
    import numba

    from benchmarks import neighbours
    from kernels import targets
    from kernels.cpu import simd

    info = _cpuinfo()
    return {
        "model": info.get("model name") or info.get("Model") or platform.processor() or None,
        "features": [f for f in FEATURES if f in (info.get("flags") or info.get("Features") or "").split()],
        "vector_bits": simd.BITS,
        "vector_registers": simd.REGISTERS,
        "cores": os.cpu_count(),
        "threads": numba.get_num_threads(),
        "threading_layer": targets.threading_layer(),
        "clock_mhz": float(info["cpu MHz"]) if "cpu MHz" in info else None,
        "rejected": neighbours.rejected(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "os": platform.platform(),
        "python": sys.version.split()[0],
        "versions": versions(),
        "commit": commit(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def versions() -> dict[str, str]:
    """Installed versions of what matters to a time."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str | None:
    """The git commit, with "-dirty" where files differ from it; null outside a checkout."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=ROOT, capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _cpuinfo() -> dict[str, str]:
    """The first processor's lines in /proc/cpuinfo; empty where there is none."""
    try:
        text = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}
