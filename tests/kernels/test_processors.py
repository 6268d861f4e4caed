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
import os, sys, threading
import numba, numpy as np
from kernels import conv2d

numba.set_num_threads(2)
x, k = np.ones((8, 40, 40, 16), np.float32), np.ones((3, 3, 16, 16), np.float32)
first = min(os.sched_getaffinity(0))
y = conv2d.forward(x, k)

def call():
    os.sched_setaffinity(0, {first})  # the caller cannot leave it, and its workers inherit that
    if sys.argv[1] == "alone":
        os.sched_setaffinity(os.getpid(), {first})
    assert (conv2d.forward(x, k) == y).all()
    print(sum(first not in os.sched_getaffinity(int(thread)) for thread in os.listdir("/proc/self/task")))

caller = threading.Thread(target=call)
caller.start()
caller.join()
"""


def count_moved(how: str) -> int:
    """Return how many threads have left the processor of the thread that calls a kernel."""
    given = {**os.environ, "NUMBA_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", ASK, how], env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return int(done.stdout)


@linux
def test_a_worker_leaves_the_processor_of_its_caller():
    assert count_moved("free") == 1


@linux
def test_a_worker_stays_where_the_process_may_use_no_other():
    assert count_moved("alone") == 0


@pytest.mark.parametrize("name", processors.BOUND)
def test_workers_stay_where_the_user_binds_them(name, monkeypatch):
    monkeypatch.setenv(name, "0-1")
    assert not processors.can_move()


def test_only_linux_can_move_workers(monkeypatch):
    for name in processors.BOUND:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert processors.can_move()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not processors.can_move()
