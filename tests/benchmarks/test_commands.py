"""The commands, each as a user starts it, on the smallest case."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks import builds_command, cold_command, emulated_beside, results, tasks
from benchmarks.cli import app
from benchmarks.protocol import peak_memory
from kernels import registry

ROOT = Path(__file__).resolve().parents[2]
OWN = """
import numpy as np
from kernels import conv2d

def forward(x, k, b=None, *, stride, padding, dilation, groups):
    settings = dict(stride=stride, padding=padding, dilation=dilation, groups=groups)
    return conv2d.forward(x, k, b, **settings, variant="cpu_naive") + np.float32({error})
"""


def benchmarks(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"})


def in_process(*arguments: str) -> str:
    """What a command prints that succeeds, in this process: its kernels for GPUs are compiled once for all tests."""
    done = CliRunner().invoke(app, [*arguments], env={"COLUMNS": "200"}, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_kernels_on_one_tiny_case(tmp_path):
    done = benchmarks("kernels", "--quick", "--only", "tiny", "--json", str(tmp_path / "a.json"))
    assert done.returncode == 0, done.stderr
    found = results.read(tmp_path / "a.json")
    assert [e["pass"] for e in found["records"]] == ["forward", "backward_data", "backward_weights"]
    assert found["machine"]["versions"]["numba"]
    again = benchmarks("compare", str(tmp_path / "a.json"), str(tmp_path / "a.json"))
    assert "0 faster, 0 slower, 3 undecided" in again.stdout


def test_a_users_own_kernel_stands_on_the_ladder_and_a_wrong_one_is_refused(tmp_path):
    mine = tmp_path / "my_conv.py"
    mine.write_text(OWN.format(error=0))
    done = benchmarks("ladder", "--quick", "--only", "tiny", "--kernel", str(mine))
    assert done.returncode == 0, done.stderr
    assert "my_conv" in done.stdout
    mine.write_text(OWN.format(error=1))
    done = benchmarks("ladder", "--quick", "--only", "tiny", "--kernel", str(mine))
    assert done.returncode == 1
    assert "my_conv, before timing: wrong result" in done.stderr


def test_the_ladders_of_the_other_operations_have_every_rung_and_pass(tmp_path):
    done = benchmarks("ladder", "--quick", "--ops", "--only", "listing 1st", "--json", str(tmp_path / "a.json"))
    assert done.returncode == 0, done.stderr
    rungs = [(e["case"].split(",")[0], e["pass"], e["variant"]) for e in results.read(tmp_path / "a.json")["records"]]
    passes = {"maxpool2d": ("forward", "backward"), "dense": ("forward", "backward_data", "backward_weights")}
    assert rungs == [(op, p, v) for op, ps in passes.items() for p in ps for v in registry.variants(op, "cpu")]


def test_the_rung_of_fewer_multiplications_stands_beside_the_direct_one_and_is_counted_by_what_it_executes(tmp_path):
    file = tmp_path / "a.json"
    done = benchmarks("ladder", "--winograd", "--quick", "--only", "listing conv2, 1 image", "--json", str(file))
    assert done.returncode == 0, done.stderr
    found = results.read(file)["records"]
    assert [(e["pass"], e["variant"]) for e in found] == [(p, v) for p in tasks.PASSES for v in ("cpu", "cpu_winograd")]
    channels = 32 * 64
    # 11 x 11 outputs are 3 x 3 squares of 4 x 4, 13 x 13 inputs 4 x 4; each has 36 products a channel and filter
    assert [e["flops"] for e in found[1::2]] == [2 * 36 * squares * channels for squares in (9, 16, 9)]
    assert {e["formula"] for e in found[1::2]} == {e["flops"] for e in found[::2]} == {2 * 11 * 11 * 9 * channels}
    assert all(0 < e["ulp"] < 100 for e in found)


def test_two_ladders_at_once_are_a_users_error():
    done = benchmarks("ladder", "--winograd", "--ops")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "give one of them" in done.stderr


def test_a_training_step_on_the_emulated_gpu_is_counted_kernel_by_kernel(tmp_path):
    pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")
    in_process("emulated", "--quick", "--batch", "1", "--json", str(tmp_path / "a.json"))
    (record,) = results.read(tmp_path / "a.json")["records"]
    adam = record["kernels"]["adam.cuda._update"]
    weights = 225_034  # of the listing, packed in multiples of 16: p, g, m and v are read, p, m and v written
    assert adam["launches"] == 1
    assert 7 * 4 * weights <= adam["bytes"] < 7 * 4 * (weights + 8 * 16)
    assert adam["bytes"] == 32 * adam["sectors"]


def test_a_users_error_is_one_line(tmp_path):
    done = benchmarks("compare", str(tmp_path / "none.json"), str(tmp_path / "none.json"))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_the_most_memory_in_use_is_this_processs_own():
    assert 10 * 2**20 < peak_memory() < 2**36


def test_cold_names_the_child_that_failed(tmp_path, monkeypatch):
    monkeypatch.setattr(cold_command.sys, "executable", "false")
    with pytest.raises(RuntimeError, match="import: it said nothing"):
        cold_command.run(1, {})


def test_builds_asks_both_checkouts_in_turn_and_pairs_their_answers(tmp_path, monkeypatch):
    """Without a model and without compiling: who is asked, where, and what is made of the answers."""
    asked = []

    class Answer:
        def __init__(self, python, module, threads, root):
            self.root = root

        def ask(self, do, **arguments):
            asked.append((do, self.root.name))
            return 3.0 if self.root == ROOT else 2.0

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(builds_command, "Child", Answer)
    monkeypatch.setattr(cold_command, "seconds_of", lambda do, model, cache, root: 8.0 if root == ROOT else 10.0)
    with pytest.raises(ValueError, match="is no checkout of formula-convnet"):
        builds_command.run(tmp_path, 1, 1, 1, {})
    (tmp_path / "convnet").mkdir()
    (tmp_path / "convnet" / "__init__.py").touch()
    document, (table,) = builds_command.run(tmp_path, 2, 1, 1, {})
    assert asked == [(do, name) for do in ("train", "image") for _ in range(3) for name in (ROOT.name, tmp_path.name)]
    assert [len(e["samples"]) for e in document["records"]] == [2, 2, 2, 2, 1, 1]
    assert table.markdown().count("1.500 (1.500 to 1.500)") == 2
    assert "0.800 (0.800 to 0.800)" in table.markdown()


def test_the_emulator_is_timed_beside_another_checkouts_in_turn(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="is no checkout of formula-convnet"):
        emulated_beside.run(tmp_path, 1, {})
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "__init__.py").touch()
    asked = []
    answers = {ROOT: (3_000_000, [1.0]), tmp_path: (3_000_000, [2.0])}
    monkeypatch.setattr(emulated_beside, "_ask", lambda root, calls: asked.append(root) or answers[root])
    _, (table,) = emulated_beside.run(tmp_path, 1, {})
    assert asked == [ROOT, tmp_path] * emulated_beside.ROUNDS
    assert "3.0 M/s | 1.5 M/s | 2.00 (2.00 to 2.00)" in table.markdown()


def test_the_emulators_child_times_and_checks_a_convolution():
    count, samples = emulated_beside._ask(ROOT, 1)
    assert count == 22 * 22 * 64 * 9 * 64
    assert len(samples) == 1
    assert samples[0] > 0


def test_cold_starts_each_process_with_the_cache_it_is_about(monkeypatch):
    """Without the minute that compiling takes: who is started, and what cache it finds."""
    caches = []
    monkeypatch.setattr(cold_command, "seconds_of", lambda do, model, cache: caches.append((do, cache.name)) or 1.0)
    document, (table,) = cold_command.run(2, {})
    filled = [("train", "cache 0")] * 3 + [("predict", "cache 0")] * 3
    assert caches == [("import", "cache 0")] * 3 + [("train", "cache 0")] + filled
    assert [len(e["samples"]) for e in document["records"]] == [2, 1, 2, 2]
    assert "import convnet" in table.markdown()


def test_streaming_reads_a_small_cohort_in_every_way(tmp_path):
    shown = in_process("streaming", "--files", "100", "--folder", str(tmp_path / "study"))
    for step in ("read and decode all", "the same again", "32 at random", "in one worker"):
        assert step in shown
