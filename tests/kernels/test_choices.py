"""The table of choices is complete, has a reason for each, and names the loops that the kernels take."""

import subprocess
import sys

from kernels import choices
from kernels.conv2d import cpu, tiles_correlate


def test_every_number_that_a_cpu_kernel_decides_by_has_its_value_and_a_reason():
    table = choices.list_choices()
    assert [f"{c.file}:{c.line} {c.name}" for c in table if not c.reason] == []
    found = {(c.file, c.name): c.value for c in table}
    assert found["kernels/conv2d/tiles_correlate.py", "PANEL_BYTES"] == tiles_correlate.PANEL_BYTES
    assert len(found) == len(table) > 80


def test_a_comment_behind_another_number_is_no_reason():
    comments = {1: ("of the first", False), 3: ("above", True)}
    assert choices._reason(2, comments) == ""
    assert choices._reason(4, comments) == "above"


def test_a_layer_is_described_by_the_loops_that_compute_it(monkeypatch):
    assert "forward: kernels/conv2d/tiles_correlate.py" in choices.describe_layer((1, 28, 28, 64), (3, 3, 64, 64))
    assert "backward_weights: kernels/conv2d/tiles_depthwise.py" in choices.describe_layer((1, 8, 8, 9), (5, 5, 1, 9))
    monkeypatch.setattr(cpu, "forward_way", lambda *_, **__: "narrow")
    assert "forward: kernels/conv2d/tiles_narrow.py" in choices.describe_layer((1, 28, 28, 64), (3, 3, 64, 64))


def test_a_wrong_shape_is_one_line():
    command = [sys.executable, "-m", "kernels.choices", "--layer", "1,28,28", "3,3,1,1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "four positive numbers with commas between, got 1,28,28" in done.stderr
