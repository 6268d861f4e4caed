"""The command line on what a user gets wrong, and on Ctrl-C: an exit code, one line, and nothing left behind."""

import subprocess
import sys

import pytest

from tests.command import ROOT, convnet


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train"], "what data? Give a FOLDER of images"),
        (["train", "folder"], "is not a folder"),
        (["train", "--npz", "no.npz"], "no.npz"),
        (["train", "--npz", "no.npz", "--window", "40", "400"], "--window and --slices go with a FOLDER"),
        (["crossvalidate", "--npz", "no.npz", "--slices", "coronal"], "--window and --slices go with a FOLDER"),
        (["train", "folder", "--label-column", "diagnosis"], "go with --labels TABLE"),
        (["audit", "folder", "--patient-column", "case"], "go with --labels TABLE"),
        (["train", "folder", "--npz", "no.npz"], "not both"),
        (["train", "--npz", "no.npz", "--out", "nowhere/m.safetensors"], "there is no folder nowhere"),
        (["train", "nofolder", "--labels", "no.csv"], "nofolder"),
        (["evaluate", "no.safetensors", "--npz", "no.npz"], "no.safetensors: no such model file"),
        (["diagnose", "no.safetensors", "x.dcm"], "no such model file"),
        (["inspect", "no.dcm"], "no.dcm"),
        (["trian"], "No such command 'trian'"),
        (["train", "--epochs", "many"], "--epochs"),
        (["train", "--network", "nonesuch"], "nonesuch"),
        (["demo", "--out", "."], "exists and is not empty"),
    ],
)
def test_a_users_error_is_exit_code_2_and_one_line_and_leaves_nothing_behind(arguments, message, tmp_path):
    (tmp_path / "kept").write_text("x")
    done = convnet(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]


SWALLOWED = """
import signal, sys, time
from convnet import cli

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it

class Closed:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
        time.sleep(0)  # here Python raises it, and drops it

@cli.app.command()
def work():
    Closed()
    for _ in range(1000):
        time.sleep(0.001)
    print("finished all the same")

sys.argv = ["convnet", "work"]
cli.main()
"""


def test_ctrl_c_that_falls_into_a_destructor_still_ends_the_command():
    done = subprocess.run([sys.executable, "-c", SWALLOWED], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert done.stdout == ""
    assert done.stderr.strip() == "convnet: interrupted"
