"""The same bits for any number of threads, whatever the cores: `numba.set_num_threads` in one process.

A kernel that takes the number from the environment, instead of `numba.get_num_threads()`, sees the largest one always.

As a program: reads what to run from stdin, writes a digest of every pass's results for each number of threads to
stdout, both JSON.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np

COUNTS = (1, 2, 3, 7)
QUICK = (1, 3)
SAYS = "with 1, 2, 3 and 7 threads, the same bits (quick: with 1 and 3)"
ROOT = Path(__file__).resolve().parents[2]


class Runs:
    """One process with as many threads as the largest count; it begins when asked, and then compiles a kernel once."""

    def __init__(self, job: dict[str, Any]) -> None:
        counts = [c for c in COUNTS if c in QUICK or not job["quick"]]
        self.job = {**job, "counts": counts}
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kernels.verify.threads"],
            env={**os.environ, "NUMBA_NUM_THREADS": str(max(counts)), "PYTHONPATH": path},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def digests(self) -> dict[int, dict[str, str]]:
        """Return {threads: {"operation variant pass dtype": digest}}."""
        output, errors = self.process.communicate(json.dumps(self.job))
        if self.process.returncode != 0:
            last = errors.strip().splitlines()[-1:] or ["no message"]
            raise RuntimeError(f"verify: the runs with several numbers of threads ended with: {last[0]}")
        found = json.loads(output.strip().splitlines()[-1])
        return {int(count): digests for count, digests in found.items()}

    def stop(self) -> None:
        """End the process if it still runs."""
        self.process.kill()
        self.process.communicate()


def disagreement(found: dict[int, dict[str, str]], key: str) -> str | None:
    """Describe which numbers of threads give other bits than one thread does; None if all agree."""
    odd = [str(count) for count in found if found[count][key] != found[COUNTS[0]][key]]
    return f"{' and '.join(odd)} threads give other bits than 1 thread" if odd else None


def digest_each(job: dict[str, Any]) -> dict[int, dict[str, str]]:
    """Return `digest_all` for each number of threads."""
    found = {}
    for count in job["counts"]:
        numba.set_num_threads(count)
        found[count] = digest_all(job)
    return found


def digest_all(job: dict[str, Any]) -> dict[str, str]:
    """Return a digest of the results of every pass that a job names, by operation, variant, pass and dtype."""
    from kernels.verify.implementation import FromFile, Registered
    from kernels.verify.operations import load_all
    from kernels.verify.problems import case

    found = {}
    for name, variants in job["operations"].items():
        op = load_all()[name]
        op.fixed = job["fixed"]
        geometries = op.large[:1] if job["quick"] else op.large
        for dtype in op.dtypes:
            for variant in variants:
                impl = FromFile(op, Path(job["kernel"])) if job["kernel"] else Registered(op, variant)
                chosen = [op.draw(np.random.default_rng(0))] if job["small"] else geometries
                problems = [case(op, impl, g, dtype, "random", 4, large=not job["small"]) for g in chosen]
                for part in filter(impl.has, op.passes):
                    found[f"{name} {variant} {part} {dtype.__name__}"] = _digest(op, impl, part, problems)
    return found


def _digest(op: Any, impl: Any, name: str, problems: list) -> str:
    digest = hashlib.sha256()
    for p in problems:
        args, settings = op.arguments(name, p)
        try:
            given = impl.call(name, args, settings)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # said elsewhere, with its counterexample
            digest.update(type(error).__name__.encode())
            continue
        for a in given if isinstance(given, tuple) else (given,):
            digest.update(np.asarray(a).tobytes())
    return digest.hexdigest()


if __name__ == "__main__":
    print(json.dumps(digest_each(json.load(sys.stdin))))
