"""SIGTERM and SIGHUP end a command as Ctrl-C does: training keeps its best parameters, and drafts are removed."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
received: list[int] = []  # by this process, at most one


def end_like_interrupt() -> None:
    """Turn those signals into KeyboardInterrupt; one that the process was started to ignore (nohup) stays ignored."""
    for number in ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, frame: FrameType | None) -> None:
    received.append(number)
    for other in ENDING:  # what has been computed is being written: once is enough
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt


class Held:
    """While it is entered, these signals wait: what must be finished first is; then `deliver` lets them act.

    Only those that would end the process, by default or like Ctrl-C, and only in the main thread, which gets them.
    """

    def __init__(self) -> None:
        self.waiting: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Held:
        if threading.current_thread() is threading.main_thread():
            for number in ENDING:
                if signal.getsignal(number) in (signal.SIG_DFL, _end):
                    self._before[number] = signal.signal(number, self._wait)
        return self

    def _wait(self, number: int, frame: FrameType | None) -> None:
        self.waiting = self.waiting or number

    def __exit__(self, *_: Any) -> None:
        self._release()

    def deliver(self) -> None:
        """If a signal waits, hold none any longer and let it act."""
        if self.waiting is not None:
            self._release()

    def _release(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        waiting, self.waiting, self._before = self.waiting, None, {}
        if waiting is not None:
            signal.raise_signal(waiting)


def exit_code(code: int) -> int:
    """Return 128 + n if signal n ended the command, else the code."""
    return 128 + received[0] if received else code
