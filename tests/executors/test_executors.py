"""Executors: the results of a run without one, byte for byte and in order, whatever becomes of a worker."""

import os
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convnet.data.cohort import load_folder
from convnet.data.reading import far_readers
from convnet.executors import ExecutorError, open_executor, ordered, run_ordered
from tests.executors import far_functions

ROOT = Path(__file__).resolve().parents[2]
MPIEXEC = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
PATHS = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
ENVIRONMENT = {**os.environ, "PYTHONPATH": PATHS, "OMPI_ALLOW_RUN_AS_ROOT": "1"}
ENVIRONMENT |= {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}
COMMANDS = {
    "audit": ["audit", "pictures", "--json", "{out}.json"],
    "crossvalidate": ["crossvalidate", "pictures", "--epochs", "2", "--folds", "2", "--json", "{out}.json"],
    "train": ["train", "pictures", "--epochs", "2", "--runs", "2", "--out", "{out}.safetensors"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of pictures of two classes, one of them damaged, and what each command makes of it alone."""
    place, rng = tmp_path_factory.mktemp("executors"), np.random.default_rng(0)
    for name in ("a", "b"):
        (place / "pictures" / name).mkdir(parents=True)
        for n in range(30):
            pixels = rng.integers(0, 120, (28, 28))
            pixels[8:18, 8:18] += 90 * (name == "b")
            Image.fromarray(pixels.astype(np.uint8)).save(place / "pictures" / name / f"{n}.png")
    (place / "pictures/a/7.png").write_bytes(b"\x89PNG damaged")
    for name in COMMANDS:
        run(place, name, name)
    return place


def run(place, name, out, *more, launcher=(sys.executable, "-m", "convnet")):
    words = [word.format(out=out) for word in COMMANDS[name]] + ["--no-cache"] * (name != "audit")
    command = [*map(str, launcher), *words, *more]
    done = subprocess.run(command, cwd=place, env=ENVIRONMENT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return done.stdout.replace(f"{out}.", "OUT.").replace(f"{out}-", "OUT-")


def contents(place, out):
    """Return the bytes of every file of a run; a card says when it was made."""
    return {p.name.removeprefix(out): p.read_bytes() for p in place.glob(f"{out}*") if ".card" not in p.name}


@pytest.fixture(scope="module")
def dask():
    """The address of a scheduler with two workers."""
    pytest.importorskip("distributed", reason="needs Dask: pip install 'formula-convnet[dask]'")
    processes = []

    def start(module, *arguments):
        command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments, "--no-dashboard"]
        process = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        return process

    scheduler = start("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
    address = next(line.split()[-1] for line in scheduler.stderr if "Scheduler at:" in line)
    for process in processes:
        threading.Thread(target=process.stderr.read, daemon=True).start()
    for _ in range(2):
        worker = start("dask_worker", address, "--nthreads", "1", "--nworkers", "1")
        next(line for line in worker.stderr if "Registered to:" in line)
        threading.Thread(target=worker.stderr.read, daemon=True).start()
    yield address
    for process in reversed(processes):
        process.terminate()
        process.wait()


@pytest.mark.parametrize("name", COMMANDS)
def test_two_local_processes_give_the_same_files(folder, name):
    run(folder, name, f"local-{name}", "--executor", "local:2")
    assert contents(folder, f"local-{name}") == contents(folder, name) != {}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_dask_cluster_gives_the_same_files(folder, dask, name):
    run(folder, name, f"dask-{name}", "--executor", f"dask:{dask}")
    assert contents(folder, f"dask-{name}") == contents(folder, name) != {}


@pytest.mark.skipif(find_spec("mpi4py") is None or MPIEXEC is None, reason="needs mpi4py and mpiexec")
@pytest.mark.parametrize("name", ["audit", "train"])
def test_processes_under_mpi_give_the_same_files(folder, name):
    launcher = (MPIEXEC, "-n", "3", sys.executable, "-m", "mpi4py.futures", "-m", "convnet")
    run(folder, name, f"mpi-{name}", "--executor", "mpi", launcher=launcher)
    assert contents(folder, f"mpi-{name}") == contents(folder, name) != {}


@pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray: pip install 'formula-convnet[ray]'")
def test_ray_gives_the_same_files(folder):
    run(folder, "audit", "ray-audit", "--executor", "ray")
    assert contents(folder, "ray-audit") == contents(folder, "audit")


@pytest.mark.parametrize("kind", ["local", "dask"])
def test_a_worker_that_is_killed_costs_no_job_and_its_result_comes_once(tmp_path, request, kind):
    text = "local:2" if kind == "local" else f"dask:{request.getfixturevalue('dask')}"
    with open_executor(text) as executor:
        jobs = run_ordered(executor, far_functions.note_and_die_once, range(40), lambda n: (n, str(tmp_path)))
        assert list(jobs) == [(n, n * n) for n in range(40)]
    assert (tmp_path / "killed").exists()
    assert set((tmp_path / "calls.txt").read_text().split()) == {str(n) for n in range(40)}


def test_a_job_that_kills_every_worker_is_given_up():
    with (
        open_executor("local:1") as executor,
        pytest.raises(ExecutorError, match="the executor lost its workers: A process in the process pool was"),
    ):
        list(run_ordered(executor, far_functions.die, range(2)))


def test_what_a_job_raises_is_raised_in_its_place():
    with ThreadPoolExecutor(1) as executor:
        found = run_ordered(executor, far_functions.fail, range(100), at_once=8)
        assert [next(found) for _ in range(3)] == [(0, 0), (1, 1), (2, 2)]
        with pytest.raises(ValueError, match="three is too many"):
            next(found)


class Counting(Executor):
    """Runs a call when it is asked for its result, and counts those that wait."""

    def __init__(self):
        self.waiting = self.most = 0

    def submit(self, function, /, *arguments, **named):
        counting, self.waiting = self, self.waiting + 1
        self.most = max(self.most, self.waiting)

        class Lazy(Future):
            def result(self, timeout=None):
                counting.waiting -= 1
                return function(*arguments, **named)

        return Lazy()


def test_a_bounded_number_of_jobs_waits_at_an_executor():
    executor = Counting()
    found = run_ordered(executor, far_functions.square, iter(range(500)), at_once=9)
    assert [square for _, square in found] == [n * n for n in range(500)]
    assert executor.most == 9


def test_a_job_that_is_known_already_is_not_submitted():
    executor = Counting()
    pairs = run_ordered(executor, far_functions.square, range(4), lambda n: None if n % 2 else (n,))
    assert list(pairs) == [(0, 0), (1, None), (2, 4), (3, None)]


def test_any_executor_of_the_standard_library_reads_a_cohort(folder):
    here = load_folder(folder / "pictures", None, size=28, cache=False)
    with ThreadPoolExecutor(2) as executor:
        far = load_folder(folder / "pictures", None, size=28, cache=False, executor=executor)
    np.testing.assert_array_equal(far.x, here.x)
    assert (far.paths, far.splits, far.skipped) == (here.paths, here.splits, here.skipped)


def test_limits_hold_in_the_workers(folder):
    from convnet.data.limits import parse_limits

    limits = parse_limits(["values=700"])  # of 784
    with ThreadPoolExecutor(2) as executor, pytest.raises(ValueError, match="no image"):
        load_folder(folder / "pictures", None, size=28, cache=False, limits=limits, executor=executor)


def test_a_worker_that_does_not_see_the_files_is_named_as_the_reason(folder, monkeypatch):
    monkeypatch.setattr(far_readers.os.path, "exists", lambda path: False)
    with ThreadPoolExecutor(1) as executor, pytest.raises(ExecutorError, match=r"a worker does not see .*shared file"):
        load_folder(folder / "pictures", None, size=28, cache=False, executor=executor)


def test_a_worker_of_another_version_is_refused(monkeypatch):
    found = iter(["1.0", "0.9"])  # here, then in the worker
    monkeypatch.setattr(ordered, "version", lambda name: next(found))
    with ThreadPoolExecutor(1) as executor, pytest.raises(ExecutorError, match=r"convnet 0\.9, this process 1\.0"):
        list(run_ordered(executor, far_functions.square, [1]))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("local:0", "expected a number of processes, such as local:4"),
        ("local", "expected local:N"),
        ("slurm:4", "expected local:N"),
        ("mpi", "start it with processes to work on: mpiexec -n 4 python -m mpi4py.futures -m convnet"),
        ("dask:tcp://127.0.0.1:1", "no Dask scheduler answers there within 1 s"),
    ],
)
def test_an_executor_that_cannot_be_had_is_one_line(text, said, monkeypatch):
    monkeypatch.setattr("convnet.executors.opening.PATIENCE", 1)
    start = time.monotonic()
    with pytest.raises(ExecutorError, match=said), open_executor(text):
        pass
    assert time.monotonic() - start < 60
