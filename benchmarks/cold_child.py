"""What a fresh process does for `cold`: train the listing for two steps and keep it, or predict one image with it."""

from __future__ import annotations

import sys


def train(path: str) -> None:
    import convnet
    from benchmarks.keras_like import KerasLike
    from benchmarks.protocol import data

    model = KerasLike(convnet).model
    model.fit(*data(32, 2), batch_size=32, verbose=0)
    model.save(path)


def predict(path: str) -> None:
    import convnet
    from benchmarks.keras_like import KerasLike
    from benchmarks.protocol import data

    model, x = KerasLike(convnet).model, data(1, 1)[0]
    model.build(x.shape)
    model.load_weights(path)
    model.predict(x, verbose=0)


def bare(path: str) -> None:
    import convnet  # noqa: F401


if __name__ == "__main__":
    {"train": train, "predict": predict, "import": bare}[sys.argv[1]](sys.argv[2])
