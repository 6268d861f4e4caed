"""The helper that compiles what a program needs last: the same numbers, nothing twice, and no harm to the program."""

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numba
import numpy as np
import pytest

import convnet
from kernels import ahead, turns
from kernels.relu import cpu as relu
from tests.test_cache import ROOT, run, start

pytestmark = pytest.mark.skipif(
    not turns.AVAILABLE or len(os.sched_getaffinity(0)) < 2, reason="a helper needs locks on files and a second core"
)

# a program that calls relu, then adam; `compiled` names what it compiled itself
PROGRAM = """
import os, sys
from functools import partial
import numpy as np
from kernels import ahead, jit
from kernels.adam import cpu as adam
from kernels.relu import cpu as relu
compiled, helpers, start = [], [], ahead._Helper.start
jit.on_compile.append(compiled.append)
def note(self, name):
    start(self, name)
    helpers.append(self)
ahead._Helper.start = note
x, y, state = np.array([-1, 2], np.float32), np.empty(2, np.float32), [np.ones(2, np.float32) for _ in range(4)]
runs = [partial(relu.forward, x, out=y), partial(adam.update, *state, step=1)]
{before}
with ahead.helped(lambda: runs):
    runs[0]()
    {between}
    runs[1]()
try:
    left = os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    left = None
process = helpers[0].process if helpers else None
print([*y.tolist(), round(float(state[0][0]), 4)], len(set(compiled)), process and process.returncode, left)
"""
NUMBERS = "[0.0, 2.0, 0.9997]"


def program(cache: Path, before: str = "", between: str = "pass", **settings: str) -> tuple[str, str]:
    code = PROGRAM.replace("{before}", before).replace("{between}", between)
    return run(ROOT, cache, code, **{ahead.SWITCH: "1", **settings})


def test_the_helper_compiles_what_comes_last_and_the_program_does_not(tmp_path):
    assert program(tmp_path, between="helpers[0].process.wait()") == (f"{NUMBERS} 1 0 None", "")
    assert not [file for file in tmp_path.rglob("*") if file.name.startswith("tmp")]
    assert program(tmp_path) == (f"{NUMBERS} 0 None None", "")  # all is kept: no helper is started


def test_a_helper_that_is_killed_leaves_the_work_to_the_program(tmp_path):
    assert program(tmp_path, between="helpers[0].process.kill()") == (f"{NUMBERS} 2 -9 None", "")


@pytest.mark.parametrize(("script", "code"), [("#!/bin/sh\nexit 3\n", "3"), ("#!/no/such/shell\n", "None")])
def test_a_helper_that_fails_or_cannot_be_started_leaves_the_work_to_the_program(tmp_path, script, code):
    broken = tmp_path / "python"
    broken.write_text(script)
    broken.chmod(0o700)
    wait = "helpers[0].process and helpers[0].process.wait()"
    assert program(tmp_path / "cache", f"sys.executable = {str(broken)!r}", wait) == (f"{NUMBERS} 2 {code} None", "")


def test_the_helper_ends_with_a_program_that_is_killed(tmp_path):
    code = PROGRAM.replace("{before}", "").replace("{between}", "print(helpers[0].process.pid, flush=True); os.abort()")
    out, _ = start(ROOT, tmp_path, code, **{ahead.SWITCH: "1"}).communicate()
    end = time.monotonic() + 60
    while is_running(int(out)):
        assert time.monotonic() < end
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    """Return True for a process that is neither gone nor a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_without_a_cache_folder_or_a_second_core_or_leave_there_is_no_helper(tmp_path, monkeypatch):
    monkeypatch.setenv(ahead.SWITCH, "1")
    assert ahead.is_wanted()
    monkeypatch.setenv(ahead.SWITCH, "0")
    assert not ahead.is_wanted()
    monkeypatch.delenv(ahead.SWITCH)
    for owner, name, value in (
        (os, "sched_getaffinity", lambda _: {0}),
        (ahead, "folder", lambda: None),
        (sys, "executable", "/usr/bin/blender"),
        (turns, "AVAILABLE", False),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, value)
            assert not ahead.is_wanted(), name


HOLD = (
    "import sys, time; from kernels.turns import turn\nwith turn(sys.argv[1], 'a'): print(flush=True); time.sleep(99)"
)


def test_a_lock_is_waited_for_until_its_holder_dies_and_not_forever(tmp_path, monkeypatch):
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        monkeypatch.setattr(turns, "LONGEST", 0.0)
        assert turns._wait(str(tmp_path), "b")
        assert not turns._wait(str(tmp_path), "a")
        holder.kill()
        monkeypatch.undo()
        assert turns._wait(str(tmp_path), "a")


@pytest.mark.parametrize("array", [np.ones((2, 3)), np.ones((2, 3)).T, np.ones((2, 3, 4))[:, 1], np.ones(2, np.uint8)])
def test_the_helper_sees_the_types_of_arrays_and_none_of_their_numbers(array):
    for writeable in (True, False):
        array.flags.writeable = writeable
        told = ahead.pickle.loads(ahead.describe(partial(relu.forward, array, out=array))).args[0]
        assert told.shape == array.shape
        assert numba.typeof(told) == numba.typeof(array)
        assert not told.any()


def test_all_calls_of_a_training_step_can_be_told(monkeypatch):
    """On the listing's layers: without this the helper would have nothing to do, and nobody would notice."""
    calls: list = []

    class Enough(Exception):
        pass

    def note(runs):
        calls.extend(runs())
        raise Enough

    monkeypatch.setattr(ahead, "helped", note)
    layers = convnet.layers
    model = convnet.Sequential(
        [
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(8, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    with pytest.raises(Enough):
        model.fit(np.zeros((4, 8, 8, 1), np.float32), np.zeros(4, int), verbose=0)
    assert len(calls) >= 10
    assert [call for call in calls if ahead.describe(call) is None] == []
    assert any(getattr(call.func, "__self__", None) is model.optimizer for call in calls)
