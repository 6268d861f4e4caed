"""What was computed is kept: signals, closed and full outputs, full disks, kills, and special files in the way."""

import contextlib
import errno
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import convnet
from convnet.callbacks import TerminateOnNaN
from convnet.data.cohort import load_npz
from convnet.diagnosis import run_log
from convnet.output import atomic
from convnet.output.atomic import write_atomically, write_json, write_together
from convnet.study.recipe import Recipe
from convnet.study.train import train

ROOT = Path(__file__).resolve().parents[2]
needs_limits = pytest.mark.skipif(sys.platform == "win32", reason="no resource limits on this system")


@pytest.fixture(scope="module")
def npz(tmp_path_factory):
    rng, arrays = np.random.default_rng(0), {}
    for split, n in (("train", 64), ("val", 32), ("test", 16)):
        arrays[f"{split}_images"] = rng.integers(0, 255, (n, 28, 28), dtype=np.uint8)
        arrays[f"{split}_labels"] = (np.arange(n) % 2)[:, None]
    path = tmp_path_factory.mktemp("npz") / "x.npz"
    np.savez(path, **arrays)
    return path


def command(npz, out, *more, epochs=10**6):
    return [
        *(sys.executable, "-m", "convnet", "train", "--npz", str(npz), "--network", "formula", "--shift", "0"),
        *("--epochs", str(epochs), "--patience", str(10**6), "--out", str(out), *map(str, more)),
    ]


def start(*arguments, **options):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **options.pop("env", {})}
    return subprocess.Popen(*arguments, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def wait_for(process, words):
    for line in process.stdout:
        if words in line:
            return
    raise AssertionError(process.stderr.read())


# --- signals


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_training_with_the_best_parameters_and_its_exit_code(npz, tmp_path, name):
    out, number = tmp_path / "m.safetensors", getattr(signal, name)
    process = start(command(npz, out))
    wait_for(process, "Epoch")
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert f"ended by {name}" in errors
    assert convnet.load(out).metadata["classes"]
    assert out.with_suffix(".card.html").exists()


def test_a_signal_keeps_the_runs_that_are_finished(npz, tmp_path):
    out = tmp_path / "m.safetensors"
    process = start([*command(npz, out, "--runs", 1000, epochs=1)])
    wait_for(process, "seed 1")
    assert (tmp_path / "m-1.safetensors").exists(), "a member is written as soon as it is finished"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert convnet.load(tmp_path / "m-1.safetensors").metadata["classes"]


def test_a_closed_stdout_does_not_end_training(npz, tmp_path):
    out = tmp_path / "m.safetensors"
    process = start(command(npz, out, epochs=30))
    wait_for(process, "Epoch")
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert convnet.load(out).metadata["epochs_run"] == 30


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_full_stdout_does_not_end_training(npz, tmp_path):
    out = tmp_path / "m.safetensors"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with open("/dev/full", "w") as full:
        done = subprocess.run(command(npz, out, epochs=2), env=env, stdout=full, timeout=90, check=False)
    assert done.returncode == 0
    assert out.exists()


@needs_limits
def test_a_full_disk_at_out_names_the_file_and_the_model_is_kept_in_the_state_folder(npz, tmp_path):
    code = f"""
import resource, signal, sys
from pathlib import Path
from convnet.commands import train
from convnet.output import atomic
real = atomic._write_draft
def full(place, data):
    if place.parent == Path({str(tmp_path / "out")!r}):
        raise OSError(28, "No space left on device")
    return real(place, data)
atomic._write_draft = full
from convnet.cli import main
main()
"""
    (tmp_path / "out").mkdir()
    arguments = [sys.executable, "-c", code, *command(npz, tmp_path / "out" / "m.safetensors", epochs=1)[3:]]
    _, errors = (process := start(arguments, env={"XDG_STATE_HOME": str(tmp_path / "state")})).communicate(timeout=90)
    assert process.returncode == 2
    assert str(tmp_path / "out" / "m.safetensors") in errors
    (kept,) = (tmp_path / "state" / "formula-convnet" / "kept").iterdir()
    assert str(kept) in " ".join(errors.split())
    assert convnet.load(kept).metadata["classes"]
    assert not list((tmp_path / "out").iterdir())


# --- divergence


class Diverge(convnet.callbacks.Callback):
    def on_epoch_begin(self, epoch):
        if epoch == 2:
            self.model.set_weights([w * np.float32("nan") for w in self.model.get_weights()])


def test_a_diverged_epoch_keeps_the_good_ones_before_it_and_says_so(npz):
    with pytest.warns(RuntimeWarning, match=r"diverged in epoch 3.*epoch [12], the best before it, is kept"):
        trained = train(load_npz(npz), Recipe("formula", epochs=60, shift=0.0), verbose=0, callbacks=[Diverge()])
    assert all(np.isfinite(w).all() for w in trained.model.get_weights())
    assert trained.history.epoch == [0, 1, 2], "no later epoch can be better"


def test_a_training_that_diverges_at_once_says_so(npz):
    recipe = Recipe("listing", epochs=2, shift=0.0, learning_rate=1e30)
    with pytest.raises(ValueError, match=r"diverged in epoch 1: .* Lower the learning rate"):
        train(load_npz(npz), recipe, verbose=0)


def test_terminate_on_nan_ends_training_at_the_batch():
    model = convnet.Sequential([convnet.layers.Input((4,)), convnet.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.full((64, 4), np.nan, np.float32)
    seen = []

    class Count(convnet.callbacks.Callback):
        def on_train_batch_end(self, batch, logs):
            seen.append(batch)

    model.fit(x, np.zeros(64), batch_size=8, epochs=5, verbose=0, callbacks=[TerminateOnNaN(), Count()])
    assert seen == [0]


def test_json_never_holds_what_is_no_json(tmp_path):
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(tmp_path / "x.json", {"value": float("nan")})
    assert not list(tmp_path.iterdir())


# --- files


def test_a_file_that_is_no_file_is_written_to_and_never_replaced(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="pipe") as error:
        write_atomically(tmp_path / "pipe", b"x")
    assert error.value.errno == errno.ENXIO, "nobody reads it: said at once, not waited for"
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_atomically(tmp_path / "pipe", b"x")
    assert os.read(reader, 9) == b"x"
    os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    write_atomically(Path(os.devnull), b"x")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_a_killed_writers_draft_is_removed_by_the_next_and_a_living_ones_is_not(tmp_path):
    path = tmp_path / "m"
    dead, alive = (tmp_path / f".m.{name}.draft" for name in ("dead", "alive"))
    dead.write_bytes(b"half")
    with alive.open("wb") as file:
        atomic.fcntl.flock(file, atomic.fcntl.LOCK_EX)
        write_atomically(path, b"whole")
        assert sorted(p.name for p in tmp_path.iterdir()) == [alive.name, "m"]


@pytest.mark.parametrize("step", range(8))
def test_a_kill_between_files_that_belong_together_leaves_no_old_one_beside_a_new_one(tmp_path, step, monkeypatch):
    model, card = tmp_path / "model", tmp_path / "card"
    write_together({model: b"old", card: b"old"})

    class Killed(BaseException):
        pass

    done = []

    def then_killed(real):
        def run(*arguments, **options):
            if len(done) == step:
                raise Killed
            done.append(real)
            return real(*arguments, **options)

        return run

    monkeypatch.setattr(os, "replace", then_killed(os.replace))
    monkeypatch.setattr(atomic, "_write_draft", then_killed(atomic._write_draft))
    monkeypatch.setattr(Path, "unlink", then_killed(Path.unlink))
    with contextlib.suppress(Killed):
        write_together({model: b"new", card: b"new"})
    monkeypatch.undo()
    found = {path.name: path.read_bytes() for path in (model, card) if path.exists()}
    assert "model" in found
    assert found.get("card") in (None, found["model"])


def test_an_error_in_one_of_several_files_changes_none(tmp_path):
    write_together({tmp_path / "model": b"old", tmp_path / "card": b"old"})
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_together({tmp_path / "model": b"new", tmp_path / "card": b"new", tmp_path / "folder": b"new"})
    assert {p.read_bytes() for p in tmp_path.iterdir() if p.is_file()} == {b"old"}
    assert len(list(tmp_path.iterdir())) == 3


# --- the run log

FOUND = {"images": [{"path": "x", "input": "ab", "frame": 0, "label": "a"}], "failed": []}


@needs_limits
def test_a_full_disk_cuts_no_line_of_the_run_log_and_is_an_error(tmp_path):
    import resource

    path = tmp_path / "runs.jsonl"
    run_log.record(path, "m", FOUND)
    whole, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 100, limits[1]))
        with pytest.raises(OSError, match=str(path)):
            run_log.record(path, "m", FOUND)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert path.read_bytes() == whole


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are Unicode on this system")
def test_a_name_that_is_no_utf8_costs_no_other_file_its_json(tmp_path):
    name = os.fsdecode(b"b\xff.dcm")
    write_json(tmp_path / "x.json", {"images": ["a.dcm", name]})
    assert json.loads((tmp_path / "x.json").read_bytes())["images"] == ["a.dcm", name]
    failed = {"images": FOUND["images"], "failed": [{"path": name, "reason": f"no DICOM, as {name}"}]}
    run_log.record(tmp_path / "runs.jsonl", "m", failed)
    assert len([json.loads(line) for line in (tmp_path / "runs.jsonl").read_text("utf-8").splitlines()]) == 2


def test_a_line_that_was_cut_off_spoils_no_other(tmp_path):
    path = tmp_path / "runs.jsonl"
    run_log.record(path, "m", FOUND)
    with path.open("a") as file:
        file.write('{"time": "20')
    run_log.record(path, "m", FOUND)
    first, cut, last = path.read_text().splitlines()
    assert json.loads(first)["result"] == json.loads(last)["result"]
    assert cut == '{"time": "20'


def test_runs_that_append_at_once_lose_nothing(tmp_path):
    path = tmp_path / "runs.jsonl"
    many = {"images": FOUND["images"] * 20, "failed": []}
    threads = [threading.Thread(target=lambda: [run_log.record(path, "m", many) for _ in range(5)]) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len([json.loads(line) for line in path.read_text().splitlines()]) == 8 * 5 * 20
