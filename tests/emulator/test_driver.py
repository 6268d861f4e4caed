"""numba-cuda's own host code on the emulated driver: its arrays, launches, streams and exceptions."""

import json
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")


@pytest.fixture(scope="module")
def told():
    command = [sys.executable, "-W", "ignore", "-m", "tests.emulator.driver_script"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    return {r["case"]: r["result"] for r in results}


def test_arrays_of_the_device_of_the_host_and_their_slices_are_written(told):
    x = np.arange(100)
    there, here, part = told["arrays"]
    assert there == here == (3 * x).tolist()
    assert part == np.where((x >= 10) & (x < 20), 3 * x, x).tolist()


def test_a_write_beyond_device_memory_is_a_fault_of_its_line_and_thread(told):
    assert told["fault"] == ["KernelFault", "out-of-bounds", "_beyond", 2, 31, 0, 0]


def test_an_exception_of_a_debug_kernel_reaches_the_host(told):
    assert told["exception"] == "ZeroDivisionError"


def test_freed_memory_is_free_and_too_much_is_refused(told):
    assert told["memory"] == [8000, 0, "CudaAPIError"]


def test_events_measure_time(told):
    assert told["events"]


def test_threads_of_the_host_launch_and_copy_in_turns(told):
    assert told["threads"] == []


def test_more_threads_than_the_launch_bounds_are_refused_as_the_driver_does(told):
    written, kind, text = told["bounds"]
    assert (written, kind) == (64.0, "CUDAError")
    assert text.startswith("CUDA_ERROR_INVALID_VALUE: ")
    assert "96 threads, and the kernel's launch_bounds allow 64" in text
