"""MPI: any number of processes and threads give the same bytes; what goes wrong in one of them ends all, in a line."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
MPIEXEC = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
pytestmark = pytest.mark.skipif(
    find_spec("mpi4py") is None or MPIEXEC is None,
    reason="needs mpi4py and mpiexec: pip install 'formula-convnet[mpi]'",
)
SCRIPT = """
import os, signal, sys
import numpy as np
import convnet
from convnet import callbacks, layers
from convnet.distribute import MPI

shards = MPI(6, patience=PATIENCE)
convnet.set_random_seed(SEED)
body = [layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization(), layers.MaxPooling2D(), layers.Flatten()]
tail = [layers.Dropout(0.25), layers.GaussianNoise(0.1), layers.Dense(3, activation="softmax")]
model = convnet.Sequential([layers.Input((8, 8, 1)), *body, *tail])
model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"], distribute=shards)
rng = np.random.default_rng(0)
x, y = rng.standard_normal((50, 8, 8, 1)).astype("float32"), rng.integers(0, 3, 50)


class Misbehave(callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if shards.rank == shards.size - 1 and epoch == 1:
            BREAK


checkpoint = callbacks.ModelCheckpoint(sys.argv[1] + ".best", save_best_only=True)
backup = [callbacks.BackupAndRestore(sys.argv[1] + ".backup", delete_checkpoint=False)]
history = model.fit(x, y, batch_size=16, epochs=3, verbose=0, validation_data=(x[:20], y[:20]),
                    callbacks=[checkpoint, callbacks.CSVLogger(sys.argv[1] + ".csv"), Misbehave(), *backup])
if shards.rank == 0:
    model.save(sys.argv[1])
    print(history.history)
"""


def job(folder, size, out, *, threads=1, seed="3", trouble="pass", patience=60, script=SCRIPT):
    """Run the script in so many processes."""
    file = folder / "script.py"
    file.write_text(script.replace("SEED", seed).replace("BREAK", trouble).replace("PATIENCE", str(patience)))
    return start(folder, size, [str(file), str(folder / out)], threads)


def start(folder, size, arguments, threads=1):
    environment = {**os.environ, "NUMBA_NUM_THREADS": str(threads), "PYTHONPATH": str(ROOT)}
    environment |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    environment |= {"OMPI_MCA_rmaps_base_oversubscribe": "1", "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}
    command = [str(MPIEXEC), "-n", str(size), sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def test_any_number_of_processes_and_threads_give_the_same_files(tmp_path):
    files = {}
    for size, threads in ((1, 2), (2, 1), (3, 2)):
        done = job(tmp_path, size, f"{size}.safetensors", threads=threads)
        assert done.returncode == 0, done.stderr
        names = (f"{size}.safetensors", f"{size}.safetensors.best", f"{size}.safetensors.csv")
        files[size] = [(tmp_path / name).read_bytes() for name in names], done.stdout
    assert files[1] == files[2] == files[3]
    assert files[1][1].count("\n") == 1


def test_a_job_that_was_killed_goes_on_with_another_number_of_processes_to_the_same_bytes(tmp_path):
    killed = job(tmp_path, 2, "a.safetensors", trouble="os.kill(os.getpid(), signal.SIGKILL)")
    assert killed.returncode != 0
    assert not (tmp_path / "a.safetensors").exists()
    assert (tmp_path / "a.safetensors.backup/training.safetensors").exists()
    again = job(tmp_path, 3, "a.safetensors")
    assert again.returncode == 0, again.stderr
    whole = job(tmp_path, 1, "b.safetensors")
    assert whole.returncode == 0, whole.stderr
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_an_error_in_one_process_ends_all_and_is_said_once(tmp_path):
    done = job(tmp_path, 3, "a.safetensors", trouble="raise ValueError('the third one fell over')")
    assert done.returncode != 0
    assert done.stderr.count("ValueError: the third one fell over") == 1
    assert "has waited" not in done.stderr


def test_a_process_that_hangs_ends_all_after_the_patience(tmp_path):
    done = job(tmp_path, 2, "a.safetensors", trouble="os.kill(os.getpid(), signal.SIGSTOP)", patience=8)
    assert done.returncode != 0
    assert "error: process 0 has waited 8 s for another one, which hangs or has ended" in done.stderr


def test_processes_that_would_train_something_else_are_told_what_differs(tmp_path):
    done = job(tmp_path, 2, "a.safetensors", seed="shards.rank")
    assert done.returncode != 0
    (line,) = [text for text in done.stderr.splitlines() if text.startswith("error: ")]
    assert "process 1 is about to train something else than process 0: they differ in" in line
    assert "the parameters" in line


def test_more_processes_than_shards_are_refused(tmp_path):
    done = job(tmp_path, 2, "a.safetensors", script=SCRIPT.replace("MPI(6, ", "MPI(1, "))
    assert done.returncode != 0
    assert "MPI: 2 processes for 1 shards: give shards=2 or more" in done.stderr


def test_the_command_train_gives_the_same_model_under_mpiexec(tmp_path):
    rng, arrays = np.random.default_rng(0), {}
    for split, n in (("train", 40), ("val", 20), ("test", 10)):
        labels = np.arange(n)[:, None] % 2
        images = rng.integers(0, 120, (n, 28, 28))
        images[labels[:, 0] == 1, 8:18, 8:18] += 90
        arrays |= {f"{split}_images": images.astype(np.uint8), f"{split}_labels": labels.astype(np.uint8)}
    np.savez(tmp_path / "tiny.npz", **arrays)
    made = []
    for size, shards in ((1, ["--shards", "8"]), (2, [])):
        options = ["--npz", "tiny.npz", "--epochs", "2", "--out", f"{size}.safetensors", *shards]
        done = start(tmp_path, size, ["-m", "convnet", "train", *options])
        assert done.returncode == 0, done.stderr
        made.append((tmp_path / f"{size}.safetensors").read_bytes())
        assert done.stdout.count("wrote ") == 1
        assert done.stderr.count("recipe: ") == 1
    assert len(set(tmp_path.glob("*.card.html"))) == 2
    assert made[0] == made[1]


def test_an_executor_beside_mpiexec_is_refused(tmp_path):
    done = start(tmp_path, 2, ["-m", "convnet", "train", "pictures", "--executor", "local:2"])
    assert done.returncode != 0
    assert "--executor: the processes that mpiexec started train each model together" in done.stderr
