"""Kernels run without SciPy's linear algebra in memory, and Numba code that needs SciPy's BLAS still finds it."""

import subprocess
import sys

KERNEL = """
import sys
import numpy as np
from kernels import relu
relu.forward(np.ones(3, np.float32))
print("scipy.linalg" in sys.modules)
"""
USERS = """
import numba
@numba.njit
def products(a):
    return np.dot(a, a), np.cov(a)
square, spread = products(np.eye(3))
print(square.sum(), spread.shape, "scipy.linalg.cython_blas" in sys.modules)
"""


def printed(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_kernel_runs_without_scipys_linear_algebra_in_memory():
    assert printed(KERNEL) == ["False"]


def test_numba_code_of_the_users_finds_the_blas_when_it_needs_it():
    assert printed(KERNEL + USERS) == ["False", "3.0 (3, 3) True"]


def test_where_scipy_is_loaded_already_nothing_changes():
    assert printed("import scipy.linalg.cython_blas" + KERNEL + USERS) == ["True", "3.0 (3, 3) True"]
