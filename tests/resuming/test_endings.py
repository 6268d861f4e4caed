"""Whatever ends a command that keeps backups: one clear line, the right exit code, and the last good backup intact."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from convnet.callbacks.backup import file
from tests.command import ROOT
from tests.kills.tasks import RECIPE, make_study

COMMAND = [*RECIPE[:-4], "--epochs", "500", "--patience", "500", "--out", "m.safetensors", "--resume"]
BACKUP = Path("m.resume/member-1/training.safetensors")


def start(folder, *more, **how):
    """Start a training that ends with the test."""
    return subprocess.Popen(
        [sys.executable, "-m", "convnet", "train", *COMMAND, *more],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=folder, text=True,
        stdout=how.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE, **how,
    )  # fmt: skip


def wait_for_backup(folder, process, epochs=1):
    """Wait until so many epochs are in the backup; return it."""
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        if (folder / BACKUP).exists() and file.read(folder / BACKUP)[1]["place"][0] >= epochs:
            return
        time.sleep(0.02)
    raise AssertionError(process.communicate())


@pytest.fixture
def study(tmp_path):
    make_study(tmp_path)
    return tmp_path


def read_place(folder):
    return file.read(folder / BACKUP)[1]["place"]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_makes_a_backup_of_the_step_it_falls_into(name, study):
    process = start(study)
    wait_for_backup(study, process, 3)
    process.send_signal(getattr(signal, name))
    _, said = process.communicate(timeout=120)
    assert process.returncode == 128 + getattr(signal, name)
    assert said.splitlines()[-1] == f"convnet: ended by {name}"
    assert read_place(study)[0] >= 3


def test_a_script_ends_by_the_signal_after_its_backup(study):
    script = (
        "import numpy as np, convnet\n"
        "from convnet import callbacks, layers\n"
        "m = convnet.Sequential([layers.Input((4,)), layers.Dense(2, activation='softmax')])\n"
        "m.compile('adam', 'sparse_categorical_crossentropy')\n"
        "m.fit(np.ones((64, 4), 'f4'), np.zeros(64), batch_size=1, epochs=10**6, verbose=0,\n"
        "      callbacks=[callbacks.BackupAndRestore('m.resume/member-1')])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=study)
    wait_for_backup(study, process)
    process.terminate()
    assert process.wait(timeout=60) == -signal.SIGTERM
    epoch, batches, _, _ = read_place(study)
    assert epoch >= 1
    assert 0 <= batches <= 64


def limit_files(size):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_full_disk_is_one_line_and_leaves_the_last_backup(study):
    process = start(study)
    wait_for_backup(study, process)
    process.kill()
    process.communicate()
    before = (study / BACKUP).read_bytes()
    full = start(study, preexec_fn=limit_files(len(before) // 2))
    told, said = full.communicate(timeout=120)
    assert "Going on from m.resume/member-1/training.safetensors, after" in told
    assert full.returncode == 2
    (line,) = [text for text in said.splitlines() if text.startswith("convnet: ")]
    assert "training.safetensors: the backup could not be written: File too large; the backup before it is kept" in line
    assert "Traceback" not in said
    assert (study / BACKUP).read_bytes() == before
    assert [p.name for p in (study / BACKUP).parent.iterdir()] == [BACKUP.name]  # no draft is left


def test_a_folder_that_vanishes_is_one_line(study):
    process = start(study)
    wait_for_backup(study, process)
    (study / "m.resume").rename(study / "elsewhere")
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 2
    (line,) = [text for text in said.splitlines() if text.startswith("convnet: ")]
    assert "the backup could not be written: " in line
    assert "m.resume/member-1" in line
    file.read(study / "elsewhere/member-1" / BACKUP.name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only_is_one_line(study):
    (study / BACKUP).parent.mkdir(parents=True)
    (study / BACKUP).parent.chmod(0o500)
    process = start(study)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 2
    assert "the backup could not be written: Permission denied; there is no backup before it" in said


def test_a_file_in_the_folders_place_is_one_line(study):
    (study / "m.resume").write_text("")
    process = start(study)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 2
    assert "m.resume" in said.splitlines()[-1]
    assert "Traceback" not in said


def test_a_closed_pipe_ends_nothing(study):
    reader, writer = os.pipe()
    process = start(study, stdout=writer)
    os.close(writer)
    os.close(reader)
    wait_for_backup(study, process, 3)
    process.terminate()
    assert process.communicate(timeout=120)[1].splitlines()[-1] == "convnet: ended by SIGTERM"
    assert process.returncode == 143


def test_a_changed_study_or_recipe_is_named(study):
    process = start(study)
    wait_for_backup(study, process)
    process.kill()
    process.communicate()
    before = (study / BACKUP).read_bytes()
    for change, message in (("--dropout", "dropout was 0.5, now 0.1"), ("--seed", "seed was 0, now 1")):
        done = start(study, change, "0.1" if change == "--dropout" else "1")
        said = done.communicate(timeout=120)[1]
        assert (done.returncode, message in said, "Traceback" in said) == (2, True, False)
    assert (study / BACKUP).read_bytes() == before
