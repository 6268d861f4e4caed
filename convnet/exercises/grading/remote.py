"""The functions of a submission, called in its own process: it gets arguments, and what it returns is compared here.

An exit code, a printed line or a changed grader in that process mean nothing: only results count. They are read as
plain numbers (wire.py), and the answers are in this process alone, which the other can neither see nor signal.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import scipy

import convnet
import kernels
from convnet.exercises.grading import wire
from convnet.exercises.printing import Printed
from kernels import registry
from kernels.verify.properties import Broken

WORKER = Path(__file__).with_name("worker.py")
SPACES = ("--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--ipc")
ISOLATED = (
    "its own process, user, network, mount, PID and IPC namespaces (Linux), read-only files without the submissions, "
    "the kernels and the grader, no sockets, no new processes, limits on memory, processor time, files and time"
)
TRUSTED = "none but a process, limits on memory and processor time, and a time limit: submissions are trusted"


class GradingError(OSError):
    """The grader itself failed: this is no student's fault, and nobody gets a score."""


class StudentError(Exception):
    """An error in a student's process, with the line of the student's file."""

    def __init__(self, text: str, line: int | None = None) -> None:
        super().__init__(text)
        self.described, self.line = text + (f" (line {line})" if line else ""), line


@dataclass(frozen=True)
class Limits:
    """What one submission may use: seconds in all, bytes of memory, of its own files, and of one result."""

    seconds: float = 60.0
    memory: int = 4 * 2**30
    files: int = 64 * 2**20
    result: int = 64 * 2**20


class Remote:
    """A submission in a process of its own; `confined` with all that ISOLATED says, else as TRUSTED says."""

    factor = None
    exact_dtype = False

    def __init__(self, file: Path, limits: Limits, *, confined: bool, needs_kernels: bool = False) -> None:
        self.limits, self.printed, self.error = limits, Printed(), None
        self.until = time.monotonic() + limits.seconds
        to_read, self.to = os.pipe()
        self.back, to_write = os.pipe()
        self.folder = tempfile.mkdtemp(prefix="exercise-")
        settings = {
            "file": os.path.abspath(file), "name": file.name, "folder": self.folder,
            "confined": confined, "most": limits.result,
            "requests": to_read, "answers": to_write, **places(needs_kernels),
            "limits": {"seconds": int(limits.seconds) + 1, "memory": limits.memory, "files": limits.files},
        }  # fmt: skip
        command = [sys.executable, "-I", "-B", str(WORKER), json.dumps(settings)]
        self.process = subprocess.Popen(
            ["unshare", *SPACES, *command] if confined else command,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=(to_read, to_write),
            start_new_session=True, cwd="/", env=_environment(self.folder),
        )  # fmt: skip
        for end in (to_read, to_write):
            os.close(end)
        os.set_blocking(self.to, False)
        self.reading = threading.Thread(target=self._drain, daemon=True)
        self.reading.start()
        self.defines: tuple[str, ...] = ()
        self._wait_until_ready()
        try:
            self.defines = tuple(map(str, self._receive()["defines"]))
        except StudentError as error:
            self.error = error

    def __enter__(self) -> Remote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait_until_ready(self) -> None:
        """Wait for the process's first word, before the student's code runs; GradingError if it does not come."""
        try:
            self._receive()
        except StudentError as error:
            self.error = error
            self.close()
            last = self.printed.lines()[-1:] or [""]
            raise GradingError(
                f"a submission's process could not be started: {error} {last[0].strip()}".strip()
            ) from None

    def has(self, name: str) -> bool:
        """Return whether the file defines a function, or could not be run at all, which each call then says."""
        return self.error is not None or name in self.defines

    def call(self, name: str, args: tuple, settings: dict[str, Any]) -> Any:
        """Run a pass in the other process; StudentError if that raises, ends, or takes too long."""
        if self.error is not None:
            raise self.error
        try:
            self._send(wire.pack((name, args, settings)))
            answer = self._receive()
        except StudentError as error:
            if self.process.poll() is not None or (error.line is None and str(error) in (LATE, ENDED)):
                self.error = error
            raise
        if answer["changed"]:
            raise Broken("inputs are never mutated", f"{name} overwrote its argument number {answer['changed'][0] + 1}")
        return answer["result"]

    def close(self) -> None:
        """End the process and all that it started, and remove its folder."""
        for end in (self.to, self.back):
            os.close(end)
        try:
            self.process.wait(0 if self.error else PATIENCE)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.reading.join(1)
        if self.process.stdout is not None:
            self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            if not select.select([], [self.to], [], self._left())[1]:
                raise StudentError(LATE)
            try:
                view = view[os.write(self.to, view[:65536]) :]
            except BrokenPipeError:
                raise StudentError(ENDED) from None

    def _receive(self) -> dict[str, Any]:
        try:
            answer = wire.read_message(self._read, self.limits.result)
        except wire.WireError as error:
            self.error = StudentError(str(error))
            raise self.error from None
        if not isinstance(answer, dict) or not {"result", "error", "defines"} & set(answer):
            raise StudentError("the result cannot be read")
        if "error" in answer:
            line = answer.get("line")
            raise StudentError(str(answer["error"])[:300], line if isinstance(line, int) else None)
        return {"changed": (), "result": None, **answer}

    def _read(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            if not select.select([self.back], [], [], self._left())[0]:
                raise StudentError(LATE)
            part = os.read(self.back, min(count - len(parts), 1 << 20))
            if not part:
                raise StudentError(ENDED)
            parts += part
        return bytes(parts)

    def _left(self) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise StudentError(LATE)
        return left

    def _drain(self) -> None:
        assert self.process.stdout is not None
        with suppress(OSError, ValueError):
            while data := os.read(self.process.stdout.fileno(), 65536):
                self.printed.write(data.decode(errors="replace"))


PATIENCE = 0.5  # seconds for a process to end by itself, once there is nothing more to ask
LATE = "the time limit is over: is there a loop that never ends?"
ENDED = "the process ended before it returned a result"


def _environment(folder: str) -> dict[str, str]:
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL", "NUMBA")}
    path = os.environ.get("PATH", "/usr/bin:/bin")
    return {**threads, "PATH": path, "HOME": folder, "FORMULA_CONVNET_CACHE": folder, "LANG": "C.UTF-8"}


def places(needs_kernels: bool) -> dict[str, list[str]]:
    """Return the folders that a submission may read, and those among them that it may not."""
    packages = {str(Path(module.__file__).parents[1]) for module in (np, scipy) if module.__file__}
    product = [Path(package.__file__).parent for package in (convnet, kernels) if package.__file__]
    keep = {sys.prefix, sys.base_prefix, sys.exec_prefix, *packages}
    hide = [str(product[0]), str(product[1]), "/dev/shm", "/dev/mqueue"]
    if needs_kernels:  # the compiler and the emulator, but no operation
        keep.add(str(product[1].parent))
        hide = [*(str(product[1] / name) for name in (*registry.OPERATIONS, "verify")), str(product[0]), *hide[2:]]
    return {"keep": sorted(keep), "hide": hide}


@cache
def explain_missing_isolation() -> str | None:
    """Return why submissions cannot be isolated here; None if they can be."""
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.py"
        probe.write_text("def forward():\n    return 1.0\n", encoding="utf-8")
        try:
            with Remote(probe, Limits(seconds=20), confined=True) as remote:
                if remote.call("forward", (), {}) == 1.0:
                    return None
                return "the probe gave another result"
        except FileNotFoundError:
            return "there is no `unshare` (of util-linux)"
        except StudentError:
            return " ".join(remote.printed.kept.split())[-300:] or "the namespaces could not be made"
