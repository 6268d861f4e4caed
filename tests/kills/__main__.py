"""`python -m tests.kills --kills 200`: kill -9 at random moments, start again until done, compare every byte.

Exit code 1 if any file differs from that of an undisturbed run, or if a start after a kill fails.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.kills.tasks import TASKS, make_study


def start(name: str, folder: Path) -> int:
    """Start a task in a process of its own, forked from this one, which runs no kernel; return its id."""
    child = os.fork()
    if child:
        return child
    os.chdir(folder)
    log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = 1
    try:
        TASKS[name]()
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def wait(child: int, seconds: float | None) -> int | None:
    """Return the exit status of a process, None if it was killed after these seconds."""
    end = None if seconds is None else time.monotonic() + seconds
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        if end is not None and time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.001)


def written(folder: Path) -> dict[str, bytes]:
    """Return the models and results in a folder, and the names of what must not be left in it."""
    names = [p for p in folder.rglob("*") if p.suffix in (".safetensors", ".json", ".draft") and ".card." not in p.name]
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(names)}


def progress(folder: Path) -> int:
    """Return when the last backup was made, in nanoseconds."""
    return max((p.stat().st_mtime_ns for p in folder.rglob("training.safetensors")), default=0)


def run(name: str, kills: int, rng: random.Random, top: Path) -> tuple[Counter[str], list[str]]:
    """Kill a task this often -> how often what happened, and what went wrong."""
    whole = top / "whole"
    whole.mkdir()
    make_study(whole)
    for _ in range(2):  # the first one may compile
        began = time.monotonic()
        if wait(start(name, whole), None) != 0:
            return Counter(), [f"{name}: {(whole / 'log').read_text()}"]
        lasted = time.monotonic() - began
    wanted, count, wrong = written(whole), Counter[str](), list[str]()
    while count["kills"] < kills and not wrong:
        folder = top / f"killed-{count['completed']}"
        folder.mkdir()
        make_study(folder)
        while True:
            last, before = count["kills"] == kills, progress(folder)
            status = wait(start(name, folder), None if last else rng.uniform(0, lasted))
            if status is not None:
                break
            count["kills"] += 1
            count["in training"] += progress(folder) > before
        count["completed"] += 1
        if status != 0:
            wrong.append(f"{name}: {(folder / 'log').read_text()}")
        elif written(folder) != wanted:
            differ = [n for n in {**wanted, **written(folder)} if written(folder).get(n) != wanted.get(n)]
            wrong.append(f"{name}: other bytes in {', '.join(differ)}")
    return count, wrong


def main() -> None:
    """Kill every task, and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="over all tasks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--task", choices=TASKS, help="only this one")
    given = parser.parse_args()
    import convnet.commands.train
    import convnet.study.train  # imported once, by the parent of all  # noqa: F401

    names = [given.task] if given.task else list(TASKS)
    rng, failed = random.Random(given.seed), False
    for place, name in enumerate(names):
        share = given.kills // len(names) + (place < given.kills % len(names))
        with tempfile.TemporaryDirectory() as top:
            count, wrong = run(name, share, rng, Path(top))
        verdict = "every file byte for byte as undisturbed" if not wrong else wrong[0]
        kills = f"{count['kills']} kills, {count['in training']} of them after a new backup"
        print(f"{name}: {kills}, {count['completed']} trainings completed: {verdict}", flush=True)
        failed |= bool(wrong)
    sys.exit(failed)


main()
