"""A launch that can be stopped: compiled code does not hear Ctrl-C, so it runs in a thread beside one that does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from kernels.emulator import machine as m

PATIENCE = 30.0  # seconds of processor time without a barrier or the end of a block, then the kernel counts as endless
_GRACE = 5.0  # seconds that a stopped launch may take to end


def run_watched(machine: m.Machine, run: Callable[[], int]) -> int:
    """Return what `run` returns; let it end early at Ctrl-C, or if the machine makes no progress for PATIENCE."""
    done: Future[int] = Future()

    def work() -> None:
        try:
            done.set_result(run())
        except BaseException as error:  # told in the caller's thread
            done.set_exception(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    epoch, since = -1, time.process_time()
    try:
        while thread.is_alive():
            thread.join(1.0)
            if machine.state[m.EPOCH] != epoch:
                epoch, since = int(machine.state[m.EPOCH]), time.process_time()
            elif epoch > 0 and time.process_time() - since > PATIENCE:
                _stop(machine)
    except BaseException:
        _stop(machine)
        thread.join(_GRACE)
        raise
    return done.result()


def _stop(machine: m.Machine) -> None:
    """Let the next jump back be one too many."""
    machine.state[m.LIMIT] = -1
