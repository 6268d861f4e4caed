"""A model used before a process is divided gives the right numbers in every process afterwards."""

import importlib.util
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

APPLICATION = """
import json, numpy as np, convnet
from convnet import layers as L
convnet.set_random_seed(0)
model = convnet.Sequential([L.Input((28, 28, 1)), L.Conv2D(8, 3, activation="relu"), L.MaxPooling2D(2), L.Flatten(),
                            L.Dense(2, activation="softmax")])
def image(n):
    return np.random.default_rng(n).random((32, 28, 28, 1), np.float32)
WANTED = [model.predict(image(n)).tobytes() for n in range(4)]
model.predict(np.zeros((32, 28, 28, 1), np.float32))  # a child with stale buffers would answer with these

def right(n):
    return model.predict(image(n % 4)).tobytes() == WANTED[n % 4]

def wsgi(environ, start):
    start("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(right(int(environ["PATH_INFO"][1:]))).encode()]

async def asgi(scope, receive, send):
    import asyncio
    if scope["type"] != "http":
        return
    answer = await asyncio.to_thread(right, int(scope["path"][1:]))
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the application, which is also on this process's path."""
    made = tmp_path_factory.mktemp("application")
    (made / "application_of_tests.py").write_text(APPLICATION)
    return made


def environment(folder, **more):
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]), **more}


POOL = """
import multiprocessing, sys
import application_of_tests as application
if __name__ == "__main__":
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        print(pool.map_async(application.right, range(8)).get(timeout=60))
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_of_processes_gives_the_right_numbers(folder, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} on this system")
    program = folder / "pool.py"
    program.write_text(POOL)
    done = subprocess.run(
        [sys.executable, str(program), method],
        env=environment(folder, PYTHONWARNINGS="ignore::DeprecationWarning"),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.stdout.strip() == str([True] * 8), done.stderr


SERVERS = {
    "gunicorn": ["gunicorn", "--workers=2", "--threads=4", "--bind=127.0.0.1:{port}", "application_of_tests:wsgi"],
    "gunicorn --preload": [
        *("gunicorn", "--preload", "--workers=2", "--bind=127.0.0.1:{port}", "application_of_tests:wsgi"),
    ],
    "uvicorn": ["uvicorn", "--port={port}", "--log-level=warning", "application_of_tests:asgi"],
}


@contextmanager
def serving(folder, command):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    arguments = [a.format(port=port) for a in command]
    server = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        env=environment(folder),
        cwd=folder,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert server.poll() is None, "the server ended"
                time.sleep(0.1)
        yield port
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_gives_every_caller_the_right_answer(folder, name):
    if importlib.util.find_spec(SERVERS[name][0]) is None:
        pytest.skip(f"{SERVERS[name][0]} is not installed")
    with serving(folder, SERVERS[name]) as port, ThreadPoolExecutor(8) as callers:

        def ask(n):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{n}", timeout=60) as answer:
                return json.load(answer)

        assert list(callers.map(ask, range(160))) == [True] * 160


def test_a_fork_while_a_model_is_trained_leaves_a_child_that_predicts_and_trains(folder):
    code = """
import os, sys, threading, numpy as np, signal
from application_of_tests import model, image
x, y = image(0), np.arange(32) % 2
model.compile("adam", "sparse_categorical_crossentropy")
thread = threading.Thread(target=lambda: model.fit(x, y, batch_size=4, epochs=10**6, verbose=0), daemon=True)
thread.start()
codes = []
for _ in range(10):
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        first, second = model.predict(x), model.predict(x)
        model.train_on_batch(x, y)
        os._exit(0 if np.array_equal(first, second) and np.isfinite(first).all() else 1)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(codes)
sys.stdout.flush()
os._exit(0)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == str([0] * 10), done.stderr
