"""Start and ask a peer in another Python (protocol.py)."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT
from benchmarks.quiet import wait_until_asleep

STEERING = ("OPENBLAS_", "OMP_", "MKL_", "GOMP_")  # variables that would slow or speed one library only


class Child:
    """One peer; `ask` sends a request and waits for its answer. RuntimeError, with its last words, where it died."""

    def __init__(self, python: str, module: str, threads: int, root: Path = ROOT) -> None:
        self.name = module.split("_")[-1]
        env = {k: v for k, v in os.environ.items() if not k.startswith(STEERING)}
        counts = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
        env |= {"PYTHONPATH": str(root), "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": ""}
        env |= {"KERAS_BACKEND": "tensorflow", "JAX_PLATFORMS": "cpu", **dict.fromkeys(counts, str(threads))}
        self.stderr = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed with the child)
        try:
            self.process = subprocess.Popen(
                [python, "-m", f"benchmarks.{module}"],
                cwd=root, env=env, text=True, bufsize=1,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stderr,
            )  # fmt: skip
        except OSError as error:
            raise RuntimeError(f"{python} cannot be started: {error}") from None
        if hasattr(os, "sched_setaffinity"):  # JAX knows no number of threads, only processors
            os.sched_setaffinity(self.process.pid, sorted(os.sched_getaffinity(0))[:threads])
        self.version = self._answer()["version"]

    def ask(self, do: str, **arguments: Any) -> Any:
        """The one value of the answer: seconds, or bytes; its threads are asleep again when it comes."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died; _answer says of what
            self.process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        answer = self._answer()
        wait_until_asleep(self.process.pid)
        return next(iter(answer.values()))

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        self.process.wait()
        self.stderr.seek(0)
        last = self.stderr.read().strip().splitlines()[-1:] or ["it said nothing"]
        raise RuntimeError(f"{self.process.args[0]}, {self.name}: the peer ended: {last[0]}")  # type: ignore[index]

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.stderr.close()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
