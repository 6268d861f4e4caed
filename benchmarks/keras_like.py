"""The listing in Keras's terms, for convnet and for tf.keras alike: the same lines time both."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.protocol import data


class Clock:
    """Collects the seconds of each epoch; mixed with a library's Callback."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seconds = time.perf_counter() - self.start


class KerasLike:
    """Answers train, image and predict with the model that `library` (convnet or tf.keras) makes."""

    def __init__(self, library: Any, as_input: Any = lambda x: x) -> None:
        layers = library.layers

        class CNN(library.Model):
            def __init__(self) -> None:
                super().__init__()
                self.conv1 = layers.Conv2D(32, (3, 3), activation="relu")
                self.conv2 = layers.Conv2D(64, (3, 3), activation="relu")
                self.pool = layers.MaxPooling2D((2, 2))
                self.flatten = layers.Flatten()
                self.dense1 = layers.Dense(128, activation="relu")
                self.dense2 = layers.Dense(10, activation="softmax")

            def call(self, x: Any) -> Any:
                x = self.pool(self.conv1(x))
                x = self.pool(self.conv2(x))
                return self.dense2(self.dense1(self.flatten(x)))

        self.model = CNN()
        self.model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        self.clock = type("EpochClock", (Clock, library.callbacks.Callback), {})()
        self.as_input, self.data = as_input, {}

    def train(self, batch: int, steps: int) -> float:
        """Seconds a step of `fit`: the second epoch's, in which everything is warm, over its steps."""
        if (batch, steps) not in self.data:
            self.data[batch, steps] = data(batch, steps)
        x, y = self.data[batch, steps]
        self.model.fit(x, y, batch_size=batch, epochs=2, verbose=0, callbacks=[self.clock])
        return self.clock.seconds / steps

    def image(self, calls: int) -> float:
        """Seconds of model(x) for one image."""
        x = self.as_input(data(1, 1)[0])
        return _each(lambda: self.model(x), calls)

    def predict(self, calls: int) -> float:
        """Seconds of model.predict(x) for one image."""
        x = data(1, 1)[0]
        return _each(lambda: self.model.predict(x, verbose=0), calls)


def _each(run: Any, calls: int) -> float:
    run()
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls
