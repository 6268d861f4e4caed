"""A sample of `python -m tests.kills`, which kills trainings at random moments."""

import os
import subprocess
import sys

from tests.command import ROOT


def test_killed_trainings_end_with_the_same_files():
    command = [sys.executable, "-m", "tests.kills", "--kills", "3", "--task", "train"]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "train: 3 kills" in done.stdout
