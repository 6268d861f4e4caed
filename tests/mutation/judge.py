"""Run the tests that a mutant has to face, in a copy of the tree."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.mutation.operators import Mutant
from tests.mutation.targets import ROOT, commands, for_cuda

LIMIT = 1800  # seconds of computing for a process; a mutant that never ends is caught too, on a busy machine as well
LEFT_OUT = shutil.ignore_patterns(".git", "__pycache__", ".hypothesis", ".pytest_cache", ".venv", "shared", "*.dcm")
NO_TESTS = (4, 5)  # what pytest returns where there is no such test
PYTEST = ["pytest", "-x", "-q", "--tb=line", "-p", "no:cacheprovider"]


def judge(mutant: Mutant, under: Iterable[str] = ()) -> tuple[str, str]:
    """Run the mutant's tests until one fails."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
        (tree / mutant.path).write_text(mutant.source, encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
        if not for_cuda(mutant.path):  # of those, the cache holds nothing
            environment["XDG_CACHE_HOME"] = folder
        modules = [[*PYTEST, *arguments] for arguments in commands(mutant.path)]
        if not for_cuda(mutant.path):
            modules.insert(0, ["tests.mutation.by_verify", mutant.path])
        for module in modules:
            command = [*under, sys.executable, "-m", *module]
            done = subprocess.run(
                command, cwd=tree, env=environment, capture_output=True, text=True, preexec_fn=_limit, check=False
            )
            if module[0] == "pytest" and done.returncode in NO_TESTS:
                return "not tested", done.stderr.strip()[-200:]
            if done.returncode != 0:
                failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
                return "killed", failed[0][:200] if failed else f"the process ended with {done.returncode}"
    return "survived", ""


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT, LIMIT))
