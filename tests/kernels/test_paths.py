"""Which lines and blocks run is found in the compiled code itself, by a mark in every block."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kernels.algebra.coverage import mark, watched
from kernels.verify import paths

ROOT = Path(__file__).resolve().parents[2]
TEXT = """
define i32 @_ZN7kernelsB1(i1 %c) {
  br i1 %c, label %a, label %b

a:
  %x = phi i32 [ 0, %0 ]
  ret i32 0

b:
  ret i32 1
}
"""


def test_every_block_has_a_mark_but_those_that_report_an_error():
    text, places = mark(TEXT, np.zeros(8, np.uint8))
    assert list(places) == [0, 1]
    lines = text.splitlines()
    assert "store i8 1" in lines[lines.index("a:") + 2]  # after the phi
    assert lines[lines.index("b:") + 1] == "  ret i32 1"


def test_a_tail_is_reached_by_a_length_that_has_one():
    from kernels import relu

    def reached(size):
        found = {}
        with watched(found):
            relu.forward(np.ones(size, np.float32))
        return sum(len(k.reached) for k in found.values())

    assert reached(64) != reached(67)


@pytest.mark.parametrize("by_a_link", [False, True])
def test_verify_reaches_every_line_of_a_small_operation(tmp_path, by_a_link):
    (tmp_path / "link").symlink_to(ROOT)
    root = tmp_path / "link" if by_a_link else ROOT
    code = "import sys; sys.argv[1:] = ['--op', 'add']; from kernels.verify import paths; paths.main()"
    environment = {**os.environ, "PYTHONPATH": str(root), "NUMBA_DEBUGINFO": "1"}
    environment["FORMULA_CONVNET_CACHE"] = str(tmp_path / "cache")  # compiled from that place
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "add: 7 of 7 lines of source" in done.stdout


def test_an_unreached_line_is_named():
    kernel = paths.Reached("k", {0}, {0: frozenset({"add/cpu.py:1"}), 1: frozenset({"add/cpu.py:2"})})
    text, missing = paths.describe("add", [kernel])
    assert text == "add: 1 of 2 lines of source; 1 of 2 blocks of 1 compiled kernels"
    assert missing == ["add/cpu.py:2"]
