"""A worker does not share its caller's processor while the process may use another one."""

import os
import subprocess
import sys

import pytest

from kernels import processors

linux = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2, reason="needs Linux and two processors"
)
ASK = """
import ctypes, os, sys
import numba, numpy as np
from kernels import conv2d

numba.set_num_threads(2)
x, k = np.ones((8, 40, 40, 16), np.float32), np.ones((3, 3, 16, 16), np.float32)
before = set(os.listdir("/proc/self/task"))
y = conv2d.forward(x, k)
workers = [int(t) for t in set(os.listdir("/proc/self/task")) - before]
here = ctypes.CDLL(None).sched_getcpu
if sys.argv[1] == "alone":
    os.sched_setaffinity(0, {here()})
moved = False
for _ in range(50):  # the caller may happen to leave for another processor itself
    for worker in workers:
        os.sched_setaffinity(worker, {here()})
    kept = [os.sched_getaffinity(worker) for worker in workers]
    assert (conv2d.forward(x, k) == y).all()
    moved = moved or kept != [os.sched_getaffinity(worker) for worker in workers]
print(len(workers), moved)
"""


def has_moved(how: str) -> bool:
    """Return whether a worker that was bound to its caller's processor has left it."""
    given = {**os.environ, "NUMBA_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", ASK, how], env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    workers, moved = done.stdout.split()
    assert int(workers) >= 1
    return moved == "True"


@linux
def test_a_worker_leaves_the_processor_of_its_caller():
    assert has_moved("free")


@linux
def test_a_worker_stays_where_its_caller_may_use_no_other():
    assert not has_moved("alone")


@pytest.mark.parametrize("name", processors.BOUND)
def test_workers_stay_where_the_user_binds_them(name, monkeypatch):
    monkeypatch.setenv(name, "0-1")
    assert not processors.can_move()


def test_workers_stay_on_other_systems(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not processors.can_move()
