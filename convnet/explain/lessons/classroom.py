"""A lesson's classroom: images that the page itself trains on, and what the engine makes of the same steps.

The page computes in double precision. The engine takes the steps twice, in double precision, which the page must
meet to its last digits, and in single precision, whose distance from the other is the engine's own rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.explain.lessons.pack import pack
from convnet.explain.lessons.trace import trace

if TYPE_CHECKING:
    from convnet.explain.lessons.subject import Subject
    from convnet.model import Model

BATCHED = {"batchnorm", "dropout"}  # one image's numbers depend on the others, or on a random number
BOUND = 1e-12  # of a loss in double precision over these steps; seen: 4e-15


@dataclass(frozen=True)
class Classroom:
    """What the page trains on.

    make            a new network of this dtype ("float32", "float64"), compiled with Adam and cross-entropy
    x_train, y_train, x_test, y_test
                    images (N,H,W,C) and class numbers; training sees only the first two
    starts          {name: parameters}, as `get_weights` returns them: where training may start
    steps, batch    how many steps the engine takes beforehand, of how many images each
    shown           numbers of the test images that the page offers to look at
    """

    make: Callable[[str], Model]
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    starts: dict[str, list[np.ndarray]]
    shown: tuple[int, ...]
    steps: int = 100
    batch: int = 32

    def batches(self) -> list[np.ndarray]:
        """Return the training images of each step: all of them, shuffled, over and over."""
        order = np.random.default_rng(0).permutation(len(self.x_train))
        return list(np.resize(order, (self.steps, self.batch)))

    def train(self, start: str, dtype: str) -> tuple[Model, list[float]]:
        """Take the steps with the engine; return the network and each step's loss before its update."""
        model = self.make(dtype)
        model.set_weights([w.astype(dtype) for w in self.starts[start]])
        x = self.x_train.astype(dtype)
        losses = [model.train_on_batch(x[chosen], self.y_train[chosen]) for chosen in self.batches()]
        return model, [float(np.ravel(loss)[0]) for loss in losses]


def pack_classroom(classroom: Classroom, s: Subject) -> dict[str, Any]:
    """Return what the page needs as plain JSON; ValueError if it cannot train this network image by image."""
    from convnet.optimizers import Adam

    chain = [s.values[0], *(step.output for step in s.trace.steps)]
    if [list(step.inputs) for step in s.trace.steps] != [[value] for value in chain[:-1]]:
        raise ValueError("lesson: a classroom shows a network as one chain of layers, and this one has branches")
    if found := sorted({step.operation for step in trace(s.model, s.image, training=True).steps} & BATCHED):
        raise ValueError(f"lesson: a page trains image by image, which {', '.join(found)} does not allow")
    model = classroom.make("float32")
    if not isinstance(model.optimizer, Adam):
        raise ValueError(f"lesson: a classroom trains with Adam, got {type(model.optimizer).__name__}")
    adam = model.optimizer
    settings = {"lr": adam.learning_rate, "beta1": adam.beta_1, "beta2": adam.beta_2, "epsilon": adam.epsilon}
    starts = classroom.starts.items()
    places = [(s.model.parameters.index(p), p.value.shape) for p in s.parameters]
    return {
        "train": {"x": pack(classroom.x_train.astype(np.float32)), "y": classroom.y_train.tolist()},
        "test": {"x": pack(classroom.x_test.astype(np.float32)), "y": classroom.y_test.tolist()},
        "shown": list(classroom.shown),
        "own": _find_own(classroom, s),
        "batches": [chosen.tolist() for chosen in classroom.batches()],
        "adam": {name: float(value) for name, value in settings.items()},
        "bound": BOUND,
        "starts": {name: [pack(weights[i].reshape(shape)) for i, shape in places] for name, weights in starts},
        "engine": {name: _engine(classroom, name) for name in classroom.starts},
    }


def _find_own(classroom: Classroom, s: Subject) -> int:
    """Return which of the shown images is the page's own; ValueError if none is."""
    for n, at in enumerate(classroom.shown):
        if np.array_equal(classroom.x_test[at].astype(s.image.dtype), s.image[0]):
            return n
    raise ValueError("lesson: the page's own image must be one of those that its classroom shows")


def _engine(classroom: Classroom, start: str) -> dict[str, Any]:
    """Return each step's loss in both precisions, and the share of test images that are right at the end."""
    found: dict[str, Any] = {}
    for dtype in ("float32", "float64"):
        model, found[dtype] = classroom.train(start, dtype)
        right = model.predict(classroom.x_test.astype(dtype), verbose=0).argmax(axis=1) == classroom.y_test
        found[f"right_{dtype}"] = int(right.sum())
    return found
