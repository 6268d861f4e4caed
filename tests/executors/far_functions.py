"""What tests let workers do: they import it by name."""

import os
import signal
from pathlib import Path


def square(n):
    """Return n squared."""
    return n * n


def fail(n):
    """Raise for 3."""
    if n == 3:
        raise ValueError("three is too many")
    return n


def note_and_die_once(n, folder):
    """Leave a line that it was here; the first worker that gets 5 is killed."""
    with (Path(folder) / "calls.txt").open("a") as file:
        file.write(f"{n}\n")
    killed = Path(folder) / "killed"
    if n == 5 and not killed.exists():
        killed.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return n * n


def die(n):
    """Kill every worker that is asked."""
    os.kill(os.getpid(), signal.SIGKILL)
