"""Mistakes in what Numba's simulator alone runs: its mode is a whole process's, so they face its suite in a copy."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.mutation.child import Answer
from tests.mutation.operators import Mutant
from tests.mutation.targets import ROOT

TESTS = "tests/emulator/test_simulator.py"


def is_simulated(mutant: Mutant) -> bool:
    """Return whether the mistake lies under a module's `if simulated():`."""
    branches = [s for s in ast.parse(mutant.source).body if isinstance(s, ast.If)]
    bodies = [s.body for s in branches if ast.unparse(s.test) == "simulated()"]
    return any(body[0].lineno <= mutant.line <= (body[-1].end_lineno or 0) for body in bodies)


def face(mutant: Mutant) -> Answer:
    """Run the simulator's suite in a copy of the sources with the mistake in it."""
    with TemporaryDirectory() as folder:
        for part in ("kernels", "convnet", "tests"):
            shutil.copytree(ROOT / part, Path(folder, part), ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        Path(folder, mutant.path).write_text(mutant.source, encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider", TESTS]
        env = {**os.environ, "PYTHONPATH": folder}
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return Answer("survived", "")
    return Answer("killed", TESTS) if done.returncode == 1 else Answer("failed", done.stdout.strip()[-200:])
