"""The process that opens untrusted files: its end is one file's error, never the run's.

A worker is started once and reads file after file. It is ended when a file takes too long, when it has no memory left
or crashes; the next file gets a new one. It may write no file, sees no terminal, and answers by `messages` alone.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from convnet.data import limits as bounds
from convnet.data.dicom.header import by_parser
from convnet.data.errors import DicomError
from convnet.data.limits import Limits
from convnet.data.reading import messages

BOOT = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from convnet.data.reading.worker import main; main()"


class Worker:
    """One process, started when it is first needed. Used by one thread at a time."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.process: subprocess.Popen[bytes] | None = None
        self.deadline = float("inf")
        self.overdue = False
        self.busy = self.abandoned = False
        self.peak = 0  # bytes: the most memory that a process of this worker has reported

    def start(self) -> None:
        """Start the process; it imports what it needs while we go on."""
        path = [os.path.abspath(entry) for entry in sys.path]  # "" is this folder
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-c", BOOT, json.dumps(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get("CONVNET_TRACEBACK") else subprocess.DEVNULL,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        )
        self.ready = False
        messages.send(self._pipe("stdin"), asdict(self.limits))

    def call(self, function: Callable[..., Any], path: object, *arguments: Any, limit: str = "memory") -> Iterator[Any]:
        """Run `function(path, *arguments)` in the worker; yield the items of a generator, or its one result.

        function: one of a module's own, by name; limit: what bounds the bytes of all that it yields. Raises
        DicomError: the function's, or what became of the process.
        """
        name, left = f"{function.__module__}:{function.__qualname__}", float(getattr(self.limits, limit))
        self.busy = True
        try:
            if self.process is None or self.process.poll() is not None or self.abandoned:
                self.stop()
                self.start()
            stream = self._pipe("stdout")
            if not self.ready:  # importing does not count as the file's time
                messages.receive(stream)
                self.ready = True
            self.deadline = time.monotonic() + self.limits.seconds
            messages.send(self._pipe("stdin"), [name, str(path), list(arguments)])
            while True:
                (kind, content), taken = messages.receive(stream, left)
                if kind == "done":
                    self.peak, self.busy = max(self.peak, content), False
                    return
                if kind == "refused":
                    self.busy = False
                    raise DicomError(path, content)
                if kind == "spent":
                    self.stop()
                    raise self._spent(path)
                left -= taken
                self.deadline = float("inf")  # the caller's own time is not the file's
                yield content
                self.deadline = time.monotonic() + self.limits.seconds
        except (messages.Broken, OSError):
            raise DicomError(path, self._ended()) from None
        except MemoryError:
            self.stop()
            raise self._spent(path, limit) from None
        except GeneratorExit:  # nobody wants the rest
            self.stop()
            raise
        finally:
            self.deadline = float("inf")

    def _spent(self, path: object, limit: str = "memory") -> DicomError:
        most = bounds.size(getattr(self.limits, limit))
        what = f"needs more memory to read than the limit of {most}" if limit == "memory" else f"unfolds to over {most}"
        return bounds.refuse(path, what, limit)

    def _ended(self) -> str:
        """Return why the process has ended, in words."""
        overdue, self.overdue = self.overdue, False
        code = self.stop()
        if overdue:
            seconds = f"{self.limits.seconds:g} s"
            return f"was not read within {seconds}: raise it with --limit seconds=... if you trust the file"
        return f"ended the process that was reading it ({f'signal {-code}' if code < 0 else f'exit code {code}'})"

    def stop(self) -> int:
        """End the process -> its exit code."""
        self.busy = self.abandoned = False
        if self.process is None:
            return 0
        process, self.process = self.process, None
        with suppress(OSError):
            process.stdin.close()  # type: ignore[union-attr]
        try:
            code = process.wait(0.2)  # it ends by itself when its input does
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        process.stdout.close()  # type: ignore[union-attr]
        return code

    def abandon(self) -> None:
        """End the process at once; a thread that reads from it sees its end."""
        self.abandoned = True
        if (process := self.process) is not None:
            process.kill()

    def check(self, now: float) -> None:
        """End the process if its file is overdue; the thread that reads from it then sees its end."""
        process = self.process
        if now > self.deadline and process is not None:
            self.overdue, self.deadline = True, float("inf")
            process.kill()

    def _pipe(self, name: str) -> BinaryIO:
        return getattr(self.process, name)


class Watch:
    """A thread that ends overdue workers."""

    def __init__(self, workers: list[Worker]) -> None:
        self.workers, self.over = workers, threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True, name="convnet-watch")
        self.thread.start()

    def _run(self) -> None:
        while not self.over.wait(0.05):
            for worker in self.workers:
                worker.check(time.monotonic())

    def stop(self) -> None:
        """End the thread."""
        self.over.set()
        self.thread.join()


# --- in the process itself


def main() -> None:
    """Answer requests until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run, which then closes our input
    source, out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)  # what a decoder prints does not become an answer
    try:
        limits = Limits(**messages.receive(source)[0])
        prepare()
        bounds.apply(limits)
        bounds.confine(limits)
        messages.send(out, "ready")
        while True:
            (name, path, arguments), _ = messages.receive(source)
            answer(out, name, path, arguments)
    except (messages.Broken, BrokenPipeError):
        os._exit(0)


def answer(out: BinaryIO, name: str, path: str, arguments: list[Any]) -> None:
    """Run one function and send what it gives: items, then how it ended."""
    try:
        module, _, function = name.partition(":")
        result = getattr(importlib.import_module(module), function)(path, *arguments)
        for item in result if isinstance(result, Iterator) else (result,):
            messages.send(out, ("item", item))
        messages.send(out, ("done", peak()))
    except DicomError as error:
        messages.send(out, ("refused", error.reason))
    except MemoryError:
        messages.send(out, ("spent", None))
    except BrokenPipeError:
        raise
    except Exception as error:  # the file's text is not repeated: it may name a patient
        if by_parser(error):
            messages.send(out, ("refused", f"its header is damaged (the parser met {type(error).__name__})"))
            return
        if os.environ.get("CONVNET_TRACEBACK"):
            import traceback

            traceback.print_exc()
        fault = f"cannot be read: {type(error).__name__} (a fault in convnet; CONVNET_TRACEBACK=1 shows where)"
        messages.send(out, ("refused", fault))


def prepare() -> None:
    """Import what reading needs, before memory is bounded and before a file's time starts."""
    import PIL.Image  # noqa: F401
    import pydicom.pixels  # noqa: F401
    import scipy.ndimage  # noqa: F401

    import convnet.data.dicom
    import convnet.data.reading.examine
    import convnet.data.reading.image_file
    import convnet.data.reading.tasks  # noqa: F401


def peak() -> int:
    """Return the most memory this process has had, in bytes; 0 if the system does not report it.

    Linux: VmHWM, since ru_maxrss also remembers the process that started this one.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, IndexError):
        pass
    try:
        import resource
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
