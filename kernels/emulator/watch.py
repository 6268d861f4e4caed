"""A launch that can be stopped: compiled code does not hear Ctrl-C, so it runs in a thread beside one that does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from kernels.emulator import machine as m

PATIENCE = 30.0  # seconds of processor time without a barrier or the end of a block, then the kernel counts as endless
BLOCK_PATIENCE = 50.0  # the same for one block, whatever barriers it passes
_GRACE = 5.0  # seconds that a stopped launch may take to end


def run_watched(machine: m.Machine, run: Callable[[], int], timed: bool = True) -> int:
    """Return what `run` returns; let it end early at Ctrl-C, or if timed and the machine makes no progress."""
    done: Future[int] = Future()

    def work() -> None:
        try:
            done.set_result(run())
        except BaseException as error:  # told in the caller's thread
            done.set_exception(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    clocks = {m.EPOCH: _Clock(PATIENCE), m.FIRST_EPOCH: _Clock(BLOCK_PATIENCE)}
    try:
        while thread.is_alive():
            thread.join(1.0)
            late = [clock.is_late(int(machine.state[entry])) for entry, clock in clocks.items()]
            if timed and any(late):
                _stop(machine)
    except BaseException:
        _stop(machine)
        thread.join(_GRACE)
        raise
    return done.result()


class _Clock:
    """Processor time since a number last changed."""

    def __init__(self, patience: float) -> None:
        self.patience, self.value, self.since = patience, 0, 0.0

    def is_late(self, value: int) -> bool:
        """Return whether the number has been this one for too long; 0 is before the start."""
        if value != self.value:
            self.value, self.since = value, time.process_time()
        return value > 0 and time.process_time() - self.since > self.patience


def _stop(machine: m.Machine) -> None:
    """Let the next jump back be one too many."""
    machine.state[m.LIMIT] = -1
