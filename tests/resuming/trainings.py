"""A small training that ends at a given batch as if its process had been killed, and goes on in a fresh model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import convnet
from convnet import layers, model_file, optimizers
from convnet.callbacks import BackupAndRestore, Callback
from convnet.data.cohort.augment import Augmented
from convnet.layers.naming import unnumbered
from convnet.utils import next_seed, set_random_seed

COUNT, SIZE, EPOCHS = 30, 8, 4
BATCHES = -(-COUNT // SIZE)
rng = np.random.default_rng(5)
X, Y = rng.random((COUNT, 6, 6, 1), np.float32), np.arange(COUNT) % 3


class Killed(BaseException):
    """The end of a process: nothing catches it."""


class Kill(Callback):
    """Raise Killed after a number of batches, or at a hook of an epoch."""

    def __init__(self, after: int) -> None:
        self.after = after

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count down."""
        self.after -= 1
        if self.after == 0:
            raise Killed


def build(optimizer: Any = "adam", metrics: Sequence[Any] = ("accuracy",)) -> Any:
    """Return a fresh model that draws from several streams, as a new process would make it."""
    model = convnet.Sequential(
        [
            layers.Input((6, 6, 1)),
            layers.RandomTranslation(0.2, 0.2),
            layers.Conv2D(3, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.GaussianNoise(0.1),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizers.get(optimizer), "sparse_categorical_crossentropy", list(metrics))
    return model


@dataclass
class Training:
    """What is trained: each time from fresh objects.

    optimizer, callbacks, data, model  make new ones
    """

    folder: Path
    optimizer: Callable[[], Any] = optimizers.Adam
    callbacks: Callable[[], list[Callback]] = list
    data: Callable[[], Any] = lambda: Augmented(X, seed=1)
    targets: Any = field(default_factory=lambda: Y)
    model: Callable[[Any], Any] = build
    save_freq: Any = "epoch"
    arguments: dict[str, Any] = field(default_factory=dict)

    def run(self, kill: int = 0, seed: int = 3) -> tuple[bytes, Any] | None:
        """Train, in a process as it were; return the model's file and the History, None if it was killed."""
        set_random_seed(seed)
        with unnumbered():  # layers have the names that they have in a new process
            model = self.model(self.optimizer())
        backup = BackupAndRestore(self.folder, self.save_freq)
        given = {"batch_size": SIZE, "epochs": EPOCHS, "validation_data": (X, Y), "verbose": 0, **self.arguments}
        try:
            history = model.fit(self.data(), self.targets, callbacks=[*self.callbacks(), Kill(kill), backup], **given)
        except Killed:
            return None
        return model_file.to_bytes(model), history

    def check_same_bits(self, *kills: int) -> None:
        """Compare a training that was killed after these numbers of batches with an undisturbed one."""
        wanted, history = self.run()  # type: ignore[misc]
        assert not self.folder.exists()
        following = next_seed()
        for seed, kill in enumerate(kills, 3):  # what a later process draws before it goes on is of no account
            assert self.run(kill, seed) is None
            assert (self.folder / "training.safetensors").exists()
        found, again = self.run(seed=99)  # type: ignore[misc]
        assert next_seed() == following
        assert found == wanted
        assert again.epoch == history.epoch
        assert str(again.history) == str(history.history)  # NaN equals NaN
