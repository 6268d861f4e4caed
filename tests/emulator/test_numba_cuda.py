"""Our class NumbaCuda, which serves the target "cuda", on numba-cuda's own host code and the emulated driver."""

import json
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")


@pytest.fixture(scope="module")
def told():
    command = [sys.executable, "-W", "ignore", "-m", "tests.emulator.numba_cuda_script"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    return {r["case"]: r["result"] for r in results}


def test_the_target_is_there_and_numba_cuda_serves_it(told):
    assert told["availability"] == [None, "NumbaCuda"]


def test_the_device_is_described_and_runs_a_kernel(told):
    found = told["properties"]
    assert found["compute_capability"] == [8, 0]
    assert {"name", "multiprocessors", "clock_khz", "memory_clock_khz", "memory_bus_bits", "l2_bytes"} < set(found)
    assert found["driver"].count(".") == 1


def test_copies_parts_and_shapes_are_the_same_memory(told):
    x = np.arange(48.0)
    copied, part, overlaps = told["memory"]
    assert copied == x.tolist()
    assert part == x[8:28].reshape(2, 10).tolist()
    assert overlaps == [True, False, False]


def test_every_pass_of_a_convolution_is_exact_on_integers(told):
    assert told["convolution"] == [True] * 4


def test_events_measure_launches(told):
    assert told["clock"]
