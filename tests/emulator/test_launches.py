"""Launches that no GPU accepts are refused; a kernel without an end ends at Ctrl-C, and is reported without it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from numba import cuda, float32

from kernels.emulator import KernelFault, run, watch
from kernels.emulator.occupancy import refuse
from tests.emulator.kernels import endless

ROOT = Path(__file__).resolve().parents[2]


def takes_shared(x):
    memory = cuda.shared.array(0, float32)
    memory[cuda.threadIdx.x] = x[cuda.threadIdx.x]
    x[cuda.threadIdx.x] = memory[cuda.threadIdx.x] + float32(1)


def declares_much(x):
    memory = cuda.shared.array(12_289, float32)
    memory[cuda.threadIdx.x] = x[cuda.threadIdx.x]
    x[cuda.threadIdx.x] = memory[cuda.threadIdx.x]


@cuda.jit(launch_bounds=32)
def is_bounded(x):
    x[cuda.threadIdx.x] += 1


@pytest.mark.parametrize(
    ("kernel", "grid", "block", "options", "message"),
    [
        (is_bounded, 1, 64, {}, "a block has 64 threads, and the kernel's launch_bounds allow 32"),
        (takes_shared, (1, 65_536), 1, {"shared": 4}, r"grid.y is 65536, but a GPU takes at most 65,535"),
        (takes_shared, 1, (1, 1, 65), {"shared": 4}, r"block.z is 65, but a GPU takes at most 64"),
        (takes_shared, 1, 32, {"shared": 101_377, "cc": (8, 6)}, "101,377 bytes of shared memory.* has 101,376"),
        (declares_much, 1, 32, {}, "49,156 bytes, and at most 49,152 may be declared"),
    ],
)
def test_a_launch_that_no_gpu_accepts_is_refused(kernel, grid, block, options, message):
    x = np.ones(64, np.float32)
    with pytest.raises(ValueError, match=message):
        run(kernel, grid, block, (x,), **options)
    np.testing.assert_array_equal(x, np.ones(64))


def test_the_largest_shared_memory_is_accepted():
    x = np.ones(32, np.float32)
    run(takes_shared, 1, 32, (x,), shared=101_376, cc=(8, 6))
    np.testing.assert_array_equal(x, np.full(32, 2))


def test_more_registers_than_a_gpu_has_are_refused():
    assert not refuse((8, 0), 256, 255, 0, 0)
    assert "1024 threads of 255 registers take 262,144" in refuse((8, 0), 1024, 255, 0, 0)


ENDLESS = """
import sys, threading, _thread
import numpy as np
from numba import cuda
from kernels.emulator import run


@cuda.jit
def waits(flag, y):
    while cuda.atomic.add(flag, 0, 0) == 0:
        pass
    y[0] = 1


y = np.zeros(1, np.int32)
run(waits, 1, 1, (np.ones(1, np.int32), y))
print("compiled", y[0], flush=True)
run(waits, 1, 1, (np.zeros(1, np.int32), y))
"""


def test_an_endless_kernel_ends_at_ctrl_c(tmp_path):
    """Compiled code does not hear a signal by itself."""
    (tmp_path / "waits.py").write_text(ENDLESS)
    process = subprocess.Popen(
        [sys.executable, tmp_path / "waits.py"],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "compiled 1\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert errors.strip().endswith("KeyboardInterrupt")


def waits_at_barriers(x):
    while x[0] == float32(0):
        cuda.syncthreads()


def test_an_endless_kernel_that_passes_barriers_is_reported_too(monkeypatch):
    monkeypatch.setattr(watch, "BLOCK_PATIENCE", 0.5)
    with pytest.raises(KernelFault) as caught:
        run(waits_at_barriers, 1, 32, (np.zeros(2, np.float32),))
    assert caught.value.kind == "endless"


def test_an_array_that_is_no_argument_cannot_be_uninitialised():
    with pytest.raises(ValueError, match=r"uninitialised names \['y'\], but the arguments are \['x'\]"):
        run(takes_shared, 1, 32, (np.zeros(32, np.float32),), shared=128, uninitialised=("y",))


def test_an_endless_kernel_is_reported_without_ctrl_c(monkeypatch):
    monkeypatch.setattr(watch, "PATIENCE", 0.5)
    with pytest.raises(KernelFault, match="of time without a barrier"):
        run(endless, 1, 1, (np.zeros(2, np.float32),))
