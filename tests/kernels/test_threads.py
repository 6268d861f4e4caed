"""OpenMP is loaded with threads that soon sleep, and nobody else's settings are touched."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import os, sys
from kernels import threads
threads.load_openmp()
print("GOMP_SPINCOUNT" in os.environ, "numba.np.ufunc.omppool" in sys.modules)
"""


def run(**settings: str) -> str:
    clean = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    env = {**clean, "PYTHONPATH": str(ROOT), **settings}
    return subprocess.run([sys.executable, "-c", CODE], env=env, capture_output=True, text=True, check=True).stdout


def test_openmp_is_loaded_and_the_environment_is_as_before():
    assert run().split() == ["False", "True"]


def test_a_setting_of_the_users_stands():
    assert run(GOMP_SPINCOUNT="7").split() == ["True", "False"]
    assert run(OMP_WAIT_POLICY="active").split() == ["False", "False"]
