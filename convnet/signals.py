"""SIGTERM and SIGHUP end a command as Ctrl-C does: training keeps its best parameters, and drafts are removed."""

from __future__ import annotations

import signal
from types import FrameType

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


def exit_code(code: int) -> int:
    """Return 128 + n if signal n ended the command, else the code."""
    return 128 + received[0] if received else code
