"""One trial each of what can go wrong: a function of a generator and a folder of its own; AssertionError if it does."""

import contextlib
import copy
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import convnet
from convnet import layers
from convnet.diagnosis import run_log
from convnet.model_file import ModelFileError
from convnet.output.atomic import write_together

ROOT = Path(__file__).resolve().parents[2]
X = np.random.default_rng(0).random((64, 16, 16, 1), np.float32)
Y = np.arange(64) % 2
FOUND = {"images": [{"path": "x", "input": "ab", "frame": 0, "label": "a"}] * 5, "failed": []}

Trial = Callable[[np.random.Generator, Path], None]


def small(seed: int) -> convnet.Sequential:
    """A model with a convolution, statistics of a batch and masks, trained by nothing yet."""
    convnet.set_random_seed(seed)
    stack = [layers.Input((16, 16, 1)), layers.Conv2D(4, 3), layers.BatchNormalization(), layers.MaxPooling2D(2)]
    model = convnet.Sequential([*stack, layers.Flatten(), layers.Dropout(0.3), layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def ask_from_threads(rng: np.random.Generator, folder: Path) -> None:
    """Each of many threads gets the answer to its own question, of whatever kind."""
    model = small(0)

    def answer(question: tuple[int, int]) -> object:
        kind, n = question
        x = X[n : n + 1 + n % 7] * (n + 1)
        if kind == 0:
            return model.predict(x).tobytes()
        if kind == 1:
            return model(x).tobytes()
        if kind == 2:
            return model.evaluate(x, Y[: len(x)], verbose=0)
        return str(model.explain(x, 0, 1))

    questions = [(int(rng.integers(4)), int(rng.integers(32))) for _ in range(100)]
    wanted = [answer(q) for q in questions]
    with ThreadPoolExecutor(int(rng.integers(2, 17))) as pool:
        assert list(pool.map(answer, questions)) == wanted


def train_in_threads(rng: np.random.Generator, folder: Path) -> None:
    """Trainings side by side, each with a seed of its own, have the bits of each alone; a paused one goes on alike."""

    def run(seed: int) -> list[np.ndarray]:
        model = small(seed)
        model.fit(X, Y, batch_size=16, epochs=2, verbose=0)
        model = copy.deepcopy(model)
        model.fit(X, Y, batch_size=16, epochs=4, initial_epoch=2, verbose=0)
        return model.get_weights()

    def unbroken(seed: int) -> list[np.ndarray]:
        model = small(seed)
        model.fit(X, Y, batch_size=16, epochs=4, verbose=0)
        return model.get_weights()

    seeds = [int(s) for s in rng.integers(1000, size=4)]
    wanted = [unbroken(s) for s in seeds]
    with ThreadPoolExecutor(4) as pool:
        assert all(map(same, pool.map(run, seeds), wanted))


def read_while_training(rng: np.random.Generator, folder: Path) -> None:
    """What another thread reads of a model in training is the answer of one finished step."""
    x, model = X[:3], small(0)
    right = {model.predict(x).tobytes()}
    for at in range(0, 64, 8):
        model.train_on_batch(X[at : at + 8], Y[at : at + 8])
        right.add(model.predict(x).tobytes())
    model, done, seen = small(0), threading.Event(), set()

    def read() -> None:
        while not done.is_set():
            seen.add(model.predict(x).tobytes())

    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(read) for _ in range(3)]
        model.fit(X, Y, batch_size=8, epochs=1, shuffle=False, verbose=0)
        done.set()
        for job in jobs:
            job.result(timeout=60)
    assert seen <= right


def fork_among_threads(rng: np.random.Generator, folder: Path) -> None:
    """A child forked at any moment, other threads predicting and training, answers rightly and soon."""
    model, trained, done = small(0), small(1), threading.Event()
    wanted = model.predict(X)

    def go_on(work: Callable[[], object]) -> None:
        while not done.is_set():
            work()

    with ThreadPoolExecutor(3) as pool:
        pool.submit(go_on, lambda: model.predict(X[:5]))
        pool.submit(go_on, lambda: trained.fit(X, Y, verbose=0))
        try:
            for _ in range(5):
                child = os.fork()
                if child == 0:
                    signal.alarm(60)
                    right = np.array_equal(model.predict(X), wanted) and np.isfinite(trained.predict(X)).all()
                    os._exit(0 if right else 1)
                assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        finally:
            done.set()


def end_training_by_a_signal(rng: np.random.Generator, folder: Path) -> None:
    """Whenever a signal comes, the model file is whole or absent, and a card beside it is its own."""
    arrays = {}
    for split, n in (("train", 32), ("val", 16), ("test", 8)):
        arrays[f"{split}_images"] = rng.integers(0, 255, (n, 28, 28), dtype=np.uint8)
        arrays[f"{split}_labels"] = (np.arange(n) % 2)[:, None]
    np.savez(folder / "x.npz", **arrays)
    out = folder / "m.safetensors"
    command = [sys.executable, "-m", "convnet", "train", "--npz", "x.npz", "--network", "formula", "--shift", "0"]
    command += ["--epochs", str(rng.integers(1, 300)), "--out", out.name]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    number = [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL][rng.integers(4)]
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(float(rng.uniform(1, 8)))
    process.send_signal(number)
    process.wait(60)
    card = out.with_suffix(".card.json")
    if out.exists():
        assert convnet.load(out).metadata["classes"]
        if card.exists():
            assert json.loads(card.read_text())["model"]["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert out.exists() or not card.exists()


def fill_the_disk(rng: np.random.Generator, folder: Path) -> None:
    """Where the disk is full from any byte on, files are whole, old or absent, and the run log has whole lines."""
    import resource

    run_log.record(folder / "runs.jsonl", "m", FOUND)
    write_together({folder / "a": b"old", folder / "b": b"old"})
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(rng.integers(1, 5000)), resource.RLIM_INFINITY))
        with contextlib.suppress(OSError):
            write_together({folder / "a": b"new" * 700, folder / "b": b"new" * 700})
        with contextlib.suppress(OSError):
            run_log.record(folder / "runs.jsonl", "m", FOUND)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes()
    assert {p.name for p in folder.iterdir()} == {"a", "b", "runs.jsonl"}
    lines = [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]
    assert len(lines) in (5, 10)


def read_hostile_models(rng: np.random.Generator, folder: Path) -> None:
    """A model file with damage anywhere is one clear error, or a model."""
    path = folder / "m.safetensors"
    small(0).save(path)
    content = path.read_bytes()
    for _ in range(30):
        damaged = bytearray(content[: rng.integers(1, len(content) + 1)])
        for at in rng.integers(len(damaged), size=rng.integers(1, 9)):
            damaged[at] = rng.integers(256)
        path.write_bytes(damaged)
        with contextlib.suppress(ModelFileError):
            convnet.load(path)


def read_hostile_images(rng: np.random.Generator, folder: Path) -> None:
    """Mutated DICOM files go through the workers (tests/fuzz)."""
    command = [
        sys.executable,
        "-m",
        "tests.fuzz",
        "--files",
        "30",
        "--models",
        "10",
        "--seed",
        str(rng.integers(10**6)),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


TRIALS: tuple[Trial, ...] = (
    ask_from_threads,
    train_in_threads,
    read_while_training,
    fork_among_threads,
    end_training_by_a_signal,
    fill_the_disk,
    read_hostile_models,
    read_hostile_images,
)
