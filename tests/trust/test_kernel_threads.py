"""Kernels called from many Python threads, and in forked processes: the same bits as from one thread."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from kernels import conv2d, maxpool2d
from kernels.scheduler import runs_on_one_thread

ROOT = Path(__file__).resolve().parents[2]


def arrays(seed):
    rng = np.random.default_rng(seed)
    return rng.random((8, 28, 28, 8), np.float32), rng.random((3, 3, 8, 16), np.float32)


def results(x, k):
    y = conv2d.forward(x, k)
    return y, *conv2d.backward_weights(x, y, k.shape), conv2d.backward_data(y, k, x.shape), *maxpool2d.forward(y, 2)


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_eight_threads_get_the_bits_of_one():
    given = [arrays(seed) for seed in range(8)]
    wanted = [results(*g) for g in given]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(10):
            assert all(map(same, pool.map(lambda g: results(*g), given), wanted))


def in_a_fork(work) -> int:
    """The exit code of a forked child that runs `work`; killed after 20 seconds, which counts as a hang."""
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        try:
            os._exit(0 if work() else 1)
        except BaseException:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_and_its_child_get_the_same_bits():
    x, k = arrays(0)
    wanted = results(x, k)

    def child():
        right = runs_on_one_thread() and same(results(x, k), wanted)
        return right and in_a_fork(lambda: same(results(x, k), wanted)) == 0

    assert in_a_fork(child) == 0
    assert not runs_on_one_thread()
    assert same(results(x, k), wanted)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_while_other_threads_compute_leaves_a_child_that_computes():
    x, k = arrays(1)
    wanted = results(x, k)
    running = True

    def go_on():
        while running:
            results(x, k)

    with ThreadPoolExecutor(3) as pool:
        for _ in range(3):
            pool.submit(go_on)
        try:
            assert [in_a_fork(lambda: same(results(x, k), wanted)) for _ in range(5)] == [0] * 5
        finally:
            running = False


THREADS = """
import sys, numpy as np
from concurrent.futures import ThreadPoolExecutor
from kernels import conv2d, targets
x, k = np.ones((8, 28, 28, 8), np.float32), np.ones((3, 3, 8, 16), np.float32)
wanted = conv2d.forward(x, k)
with ThreadPoolExecutor(4) as pool:
    same = [np.array_equal(y, wanted) for y in pool.map(lambda _: conv2d.forward(x, k), range(200))]
print(targets.threading_layer(), all(same))
"""


def run(code, **settings):
    env = {**os.environ, "PYTHONPATH": str(ROOT), **settings}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)


def test_numbas_fallback_threads_are_not_aborted_by_concurrent_calls():
    assert run(THREADS, NUMBA_THREADING_LAYER="workqueue").stdout == "workqueue True\n"


def test_starting_threads_leaves_other_librarys_settings_alone():
    """OpenMP's default number of threads, which PyTorch shares, and multiprocessing's choice of a start method."""
    done = run(
        """
import ctypes, multiprocessing
from numba.np.ufunc import omppool
openmp = ctypes.CDLL(omppool.__file__)
openmp.omp_set_num_threads(7)
import numpy as np
from kernels import conv2d
conv2d.forward(np.ones((8, 28, 28, 8), np.float32), np.ones((3, 3, 8, 16), np.float32))
print(openmp.omp_get_max_threads())
multiprocessing.set_start_method("spawn")
"""
    )
    assert (done.stdout, done.stderr) == ("7\n", "")


def test_pytorch_keeps_its_number_of_threads():
    pytest.importorskip("torch")
    done = run(
        """
import torch
torch.set_num_threads(5)
import numpy as np
from kernels import conv2d
conv2d.forward(np.ones((8, 28, 28, 8), np.float32), np.ones((3, 3, 8, 16), np.float32))
print(torch.get_num_threads())
"""
    )
    assert done.stdout == "5\n", done.stderr
