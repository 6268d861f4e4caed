"""A process that has compiled the functions of one number for the CPU compiles them for a GPU as well."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

ROOT = Path(__file__).resolve().parents[2]
BOTH = """
import numpy as np
from kernels import targets, unary

x = np.linspace(-2, 2, 8)
for function in ("tanh", "gelu"):
    cpu = unary.forward(x, function)
    gpu = targets.to_host(unary.forward(targets.to_device(x, "cuda-emulated"), function, variant="cuda"))
    assert np.allclose(cpu, gpu, rtol=1e-14), (function, cpu, gpu)
print("both")
"""


def test_an_empty_cache_is_no_hindrance(tmp_path):
    """Loaded from the cache, a CPU kernel is not typed in this process, and would hide what typing leaves behind."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "FORMULA_CONVNET_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", BOTH], env=env, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "both", done.stderr[-2000:]
