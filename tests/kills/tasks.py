"""What is trained and killed: the commands, and a script, on a study of 60 images of 12 x 12 pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

RECIPE = ["--npz", "study.npz", "--size", "12", "--network", "gap"]
RECIPE += ["--epochs", "60", "--patience", "60", "--dropout", "0.3"]


def make_study(folder: Path) -> None:
    """Write the study that the commands read."""
    rng, found = np.random.default_rng(0), {}
    for split, count in (("train", 40), ("val", 20), ("test", 10)):
        y = np.arange(count) % 2
        pixels = rng.integers(0, 128, (count, 12, 12)) + 100 * y[:, None, None]
        found |= {f"{split}_images": pixels.astype(np.uint8), f"{split}_labels": y[:, None]}
    np.savez(folder / "study.npz", **found)


def run_command(*arguments: str) -> None:
    """Run `convnet` with these arguments."""
    import sys

    from convnet.cli import main

    sys.argv = ["convnet", *arguments]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise


def train_one() -> None:
    """Train one model, with augmentation, averages, mixup and a falling learning rate."""
    more = ["--rotate", "10", "--average", "0.9", "--mixup", "0.2", "--schedule", "cosine"]
    run_command("train", *RECIPE, *more, "--out", "m.safetensors", "--resume")


def train_several() -> None:
    """Train an ensemble of five."""
    run_command("train", *RECIPE, "--runs", "5", "--epochs", "30", "--out", "m.safetensors", "--resume")


def crossvalidate() -> None:
    """Train two models on each of three folds."""
    more = ["--runs", "2", "--folds", "3", "--epochs", "20"]
    run_command("crossvalidate", *RECIPE, *more, "--json", "result.json", "--resume")


def script() -> None:
    """Train as a user of Keras writes it, with a backup every third batch."""
    import convnet
    from convnet import callbacks, layers, optimizers

    convnet.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    x, y = rng.random((100, 12, 12, 1), np.float32), np.arange(100) % 3
    model = convnet.Sequential(
        [
            layers.Input((12, 12, 1)),
            layers.RandomRotation(0.1),
            layers.Conv2D(8, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizers.Nadam(use_ema=True, global_clipnorm=1.0), "sparse_categorical_crossentropy", ["accuracy"])
    used = [
        callbacks.EarlyStopping(patience=59, restore_best_weights=True),
        callbacks.ReduceLROnPlateau(patience=2),
        callbacks.ModelCheckpoint("best.safetensors", save_best_only=True),
        callbacks.BackupAndRestore("backup", save_freq=3),
    ]
    model.fit(x, y, batch_size=8, epochs=60, validation_split=0.2, callbacks=used, verbose=0)
    model.save("m.safetensors")


TASKS: dict[str, Callable[[], None]] = {
    "train": train_one,
    "train --runs 5": train_several,
    "crossvalidate --runs 2 --folds 3": crossvalidate,
    "a script, a backup every 3 batches": script,
}
