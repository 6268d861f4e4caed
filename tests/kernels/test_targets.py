"""Where kernels run, and on which threads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kernels import targets

ROOT = Path(__file__).resolve().parents[2]


def test_a_target_that_is_not_there_is_an_error_that_says_what_there_is():
    targets.require("cpu")
    with pytest.raises(ValueError, match="target 'cuda' is not available: this version has kernels for cpu only"):
        targets.require("cuda")


def test_numbas_fall_back_threads_are_warned_of_with_the_remedy():
    code = """
import numba, numpy as np, convnet
model = convnet.Sequential([convnet.layers.Flatten(), convnet.layers.Dense(2)])
model.compile("sgd", "mse")
x = np.zeros((4, 3), np.float32)
f = numba.njit(parallel=True)(lambda a: a + 1)
f(np.zeros(100000))
model.fit(x, x[:, :2], verbose=0)
"""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_THREADING_LAYER": "workqueue"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert "slow fall-back threads ('workqueue')" in done.stderr
    assert "libgomp" in done.stderr
