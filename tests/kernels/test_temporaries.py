"""What a pass allocates for itself ends where it says: nothing is read or written beyond."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the guarded memory asks Linux for its pages")

READS_BEYOND = """
import numpy as np
from kernels.jit import jit
from tests import guarded_memory

@jit()
def last(size, place):
    return np.empty(size, np.float32)[place]

guarded_memory.install()
print(last(5, 4), flush=True)
last(5, 5)
print("not noticed")
"""


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_one_number_beyond_an_array_ends_the_process():
    done = run("-c", READS_BEYOND)
    assert done.returncode < 0
    assert done.stdout == "3.3961513649220713e+38\n"  # its bytes are 0x7F


def test_no_pass_reads_beyond_what_it_allocates():
    done = run("-m", "tests.guarded_memory")
    assert done.returncode == 0, f"{done.stdout.splitlines()[-1:]} did not end: {done.stderr[-2000:]}"
    assert "conv2d cpu forward float32" in done.stdout
