"""Train a small network on handwritten digits and write its lesson page, which the site shows in a frame."""

from pathlib import Path

import numpy as np
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
LESSON = ROOT / "docs" / "pages" / "live" / "lesson.html"


def write(*_) -> None:
    """Write the page, unless it is newer than all code that makes it."""
    code = [path for folder in ("convnet", "kernels") for path in (ROOT / folder).rglob("*") if path.suffix != ".pyc"]
    if LESSON.exists() and LESSON.stat().st_mtime > max(p.stat().st_mtime for p in code if p.is_file()):
        return
    LESSON.parent.mkdir(parents=True, exist_ok=True)
    make().save(LESSON)


def make():
    """Return the lesson of a network of two convolutions after twelve epochs, on a digit that it did not see."""
    from sklearn.datasets import load_digits

    import convnet
    from convnet import layers

    convnet.set_random_seed(0)
    digits = load_digits()
    x = np.kron(digits.images, np.ones((2, 2))).astype(np.float32)[..., None] / 16
    model = convnet.Sequential(
        [
            convnet.Input((16, 16, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(8, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ],
        name="digits",
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    recorder = convnet.callbacks.Recorder()
    model.fit(x[:1500], digits.target[:1500], epochs=12, verbose=0, callbacks=[recorder])
    return convnet.explain.lesson(model, x[1500], int(digits.target[1500]), recorder=recorder)


def setup(app: Sphinx) -> dict:
    app.connect("config-inited", write, priority=401)
    return {"parallel_read_safe": True}
