"""Before anything is timed: does the driver run our kernels, are they their formulas, does a sanitizer object?"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np

from benchmarks.errors import WrongResultError
from benchmarks.machine import ROOT
from benchmarks.tables import tell
from kernels import relu, targets, toolchain, verify

SANITIZER = "compute-sanitizer"  # of the CUDA toolkit
TOOLS = ("memcheck", "racecheck", "initcheck", "synccheck")
FAULT = 86  # its exit code where it objects, which no command of ours has


def driver(target: str) -> dict[str, Any]:
    """What is known of the device, once it has run a kernel; RuntimeError with the remedy where it cannot."""
    lacks = targets.missing(target)
    if lacks is not None:
        raise RuntimeError(f"{lacks} To see this command without a GPU: python -m benchmarks gpu --emulated")
    found = targets.properties(target)
    if target == "cuda":
        found["driver"] = ".".join(map(str, toolchain.numba_cuda().cudadrv.driver.get_version()))
    x = np.array([-1, 0, 2], np.float32)
    try:
        y = targets.to_host(relu.forward(targets.to_device(x, target), variant="cuda"))
    except Exception as error:
        raise RuntimeError(
            f"{found['name']} (driver for CUDA {found.get('driver', 'none')}) does not run a kernel of ours: "
            f"{type(error).__name__}: {' '.join(str(error).split())[:300]}. A driver older than the toolkit does not "
            "know its code: update the driver, or pip install 'formula-convnet[cuda12]' in place of [cuda]"
        ) from error
    if y.tolist() != [0, 0, 2]:
        raise WrongResultError(f"{found['name']}: relu of -1, 0, 2 is {y.tolist()}")
    return found


def verified(operations: Iterable[str], target: str, quick: bool) -> dict[str, Any]:
    """Hold every CUDA variant of the operations to the reference, where they are timed; what it was held to."""
    outcome = verify.run(operations, quick=quick, target=target, tell=lambda what: tell(f"verifying {what}"))
    for row in outcome.rows:
        for failure in row.failures:
            raise WrongResultError(f"{row.key}: {failure.property}: {failure.message}; nothing is timed")
    problems = sum(sum(row.held.values()) for row in outcome.rows)
    return {"passes": len(outcome.rows), "problems": problems, "quick": quick, "seconds": outcome.seconds}


def sanitized(operations: Iterable[str], limit: float) -> dict[str, str]:
    """tool -> its verdict, of NVIDIA's sanitizer around a verification; empty where it is not installed.

    A tool that is not done after `limit` seconds is stopped, and its verdict says so.
    """
    if shutil.which(SANITIZER) is None:
        return {}
    only = [word for op in operations for word in ("--op", op)]
    command = [sys.executable, "-m", "convnet", "verify", "--target", "cuda", "--quick", *only]
    return {tool: _sanitized(tool, command, limit) for tool in TOOLS}


def _sanitized(tool: str, command: list[str], limit: float) -> str:
    tell(f"{SANITIZER} {tool}, at most {limit:g} s")
    options = ["--tool", tool, "--error-exitcode", str(FAULT)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # a session of its own: the sanitizer starts the command in processes that would outlive it
    with subprocess.Popen([SANITIZER, *options, *command], cwd=ROOT, start_new_session=True, **pipes) as running:
        try:
            out, err = running.communicate(timeout=limit)
        except BaseException as stopped:  # a key pressed, too
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            if isinstance(stopped, subprocess.TimeoutExpired):
                return f"stopped after {limit:g} s without a verdict"
            raise
    said = [line for line in out.splitlines() if line.startswith("=========")]
    if running.returncode == FAULT:
        raise WrongResultError(f"{SANITIZER} {tool} objects; nothing is timed:\n" + "\n".join(said[:40]))
    if running.returncode:
        raise RuntimeError(f"{SANITIZER} {tool} ended with {running.returncode}: {(err or out)[-500:]}")
    return "no errors"
