"""The command line as a user meets it: a process, its exit code, and what it prints."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def convnet(
    *arguments: object, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """`convnet ARGUMENTS` of these sources; env: in the place of this process's environment."""
    return subprocess.run(
        [sys.executable, "-m", "convnet", *map(str, arguments)],
        env={**(os.environ if env is None else env), "PYTHONPATH": str(ROOT)},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
