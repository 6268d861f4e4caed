"""Where kernels run, and on which threads."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import convnet
from kernels import relu, sgd, targets, toolchain

ROOT = Path(__file__).resolve().parents[2]


def test_an_unknown_target_is_an_error_that_says_what_there_is():
    targets.require("cpu")
    with pytest.raises(ValueError, match="there is no target 'tpu'; choose of: cpu, cuda, cuda-emulated, simulated"):
        targets.require("tpu")


def test_without_a_gpu_cuda_is_an_error_that_says_what_is_missing_and_what_to_do(monkeypatch):
    monkeypatch.setattr(toolchain, "has_compiler", lambda: True)
    monkeypatch.setattr(toolchain, "numba_cuda", lambda: SimpleNamespace(is_available=lambda: False))
    message = re.escape(
        "'cuda' needs an NVIDIA GPU and the [cuda] extra: no driver found. Use 'cpu', or 'cuda-emulated' to execute "
        "the compiled kernel on the CPU with every access checked."
    )
    x = np.ones(3, np.float32)
    for call in (
        lambda: targets.require("cuda"),
        lambda: targets.to_device(x, "cuda"),
        lambda: relu.forward(x, variant="cuda"),
        lambda: convnet.Sequential([convnet.layers.Dense(2)]).compile("sgd", "mse", target="cuda"),
    ):
        with pytest.raises(RuntimeError, match=message):
            call()


def test_without_the_extra_the_command_to_install_it_is_told(monkeypatch):
    monkeypatch.setattr(toolchain, "has_compiler", lambda: False)
    for target in ("cuda", "cuda-emulated", "simulated"):
        with pytest.raises(RuntimeError, match=r"not installed \(pip install 'formula-convnet\[cuda\]'\)"):
            targets.require(target)
    assert targets.available()["cpu"] is None


def emulated(*arrays):
    pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")
    return [targets.to_device(a, "cuda-emulated") for a in arrays]


def test_what_goes_to_a_device_comes_back_and_is_a_copy():
    for dtype in (np.float32, np.float64, np.int64, np.uint8):
        for shape in ((), (0, 3), (5,), (2, 3, 4)):
            x = np.arange(int(np.prod(shape)), dtype=dtype).reshape(shape)
            (d,) = emulated(x)
            assert (d.shape, d.dtype, d.ndim, d.size, d.nbytes) == (x.shape, x.dtype, x.ndim, x.size, x.nbytes)
            back = targets.to_host(d)
            np.testing.assert_array_equal(back, x)
            x[...] = 1
            np.testing.assert_array_equal(targets.to_host(d), back)


def test_parts_and_other_shapes_are_the_same_memory():
    (d,) = emulated(np.arange(12, dtype=np.float32))
    part = d.part(4, (2, 3)).reshape(-1, 2)
    assert part.shape == (3, 2)
    targets.copy(part, np.zeros((3, 2), np.float32))
    np.testing.assert_array_equal(targets.to_host(d), [0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 10, 11])
    with pytest.raises(ValueError, match="start=1 is no multiple of 16 bytes"):
        d.part(1, (2,))


def test_a_device_array_never_becomes_a_numpy_array_unasked():
    (d,) = emulated(np.ones(3, np.float32))
    with pytest.raises(TypeError, match=r"in the memory of 'cuda-emulated': copy it with kernels.targets.to_host"):
        np.asarray(d)


def test_arrays_must_be_where_the_variant_runs():
    x = np.ones((2, 3), np.float32)
    (d,) = emulated(x)
    out = np.empty((2, 3), np.float32)
    wrong = [
        (TypeError, "runs on NumPy arrays, but these are on 'cuda-emulated'", lambda: relu.forward(d)),
        (TypeError, "runs on NumPy arrays", lambda: relu.forward(d, variant="reference")),
        (TypeError, r"to_device\(array, 'cuda-emulated'\)", lambda: relu.forward(x, variant="cuda-emulated")),
        (ValueError, "must be in one place", lambda: relu.backward(d, x, variant="cuda")),
        (ValueError, "out must be where the inputs are", lambda: relu.forward(d, variant="cuda", out=out)),
        (ValueError, "overlaps an input", lambda: relu.forward(d, variant="cuda", out=d)),
        (ValueError, "overlap in memory", lambda: sgd.update(d, d, lr=0.1, variant="cuda")),
        (ValueError, "there is no variant 'cuda_fast'", lambda: relu.forward(d, variant="cuda_fast")),
        (ValueError, "must have shape", lambda: relu.backward(d.reshape(6), d, variant="cuda")),
        (ValueError, "does not fit", lambda: targets.copy(d, np.ones((3, 2), np.float32))),
    ]
    for error, message, call in wrong:
        with pytest.raises(error, match=message):
            call()


def test_a_targets_name_stands_for_its_default_variant():
    (d,) = emulated(np.array([-1, 2], np.float32))
    for variant in ("cuda", "cuda-emulated"):
        y = relu.forward(d, variant=variant)
        assert targets.home(y) == "cuda-emulated"
        np.testing.assert_array_equal(targets.to_host(y), [0, 2])


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
