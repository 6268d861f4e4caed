"""A question asked in a forked process: whatever it does to its memory, and however it ends, there is an answer."""

from __future__ import annotations

import faulthandler
import os
import pickle
import resource
import signal
import time
from collections.abc import Callable
from typing import NamedTuple

HARD = 3600  # seconds of processor time, after which any child ends


class Answer(NamedTuple):
    """What became of a mutant, and by what it was noticed."""

    result: str
    by: str


def allow(seconds: int) -> None:
    """End this process if it computes for so much longer; to be called again before the next piece of work."""
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    resource.setrlimit(resource.RLIMIT_CPU, (int(used) + seconds, HARD))


class Child:
    """A process that computes an answer."""

    def __init__(self, ask: Callable[[], Answer]) -> None:
        self.read, write = os.pipe()
        self.start = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.read)
            _answer(ask, write)
        os.close(write)

    def answer(self) -> Answer:
        """Wait, and return the answer; if the process died, the mutant was noticed by that."""
        with os.fdopen(self.read, "rb") as pipe:
            content = pipe.read()
        _, status = os.waitpid(self.pid, 0)
        if content:
            return pickle.loads(content)
        if os.WIFSIGNALED(status):
            how = signal.Signals(os.WTERMSIG(status))
            return Answer("killed", "it does not end" if how is signal.SIGXCPU else f"the process ended by {how.name}")
        return Answer("killed", f"the process ended with {os.WEXITSTATUS(status)}")


def _answer(ask: Callable[[], Answer], write: int) -> None:
    faulthandler.disable()  # that it dies is an answer
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nothing, stream)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answer = ask()
    except BaseException as error:
        answer = Answer("failed", f"{type(error).__name__}: {error}"[:300])
    with os.fdopen(write, "wb") as pipe:
        pipe.write(pickle.dumps(answer))
    os._exit(0)
