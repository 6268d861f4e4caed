"""The pictures of the slides that do not move; their numbers are computed by our kernels."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.output.drawing import INK, SECOND, new
from kernels import conv2d, maxpool2d, sigmoid, softmax

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EDGES = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], float)


def draw(name: str, kind: str) -> bytes:
    """Return a picture by its name, "png" or "svg"."""
    if name not in PICTURES:
        raise ValueError(f"slides: there is no picture {name!r}; choose one of: {', '.join(PICTURES)}")
    return _draw(name, kind)


@cache
def _draw(name: str, kind: str) -> bytes:
    import matplotlib

    out = BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure = PICTURES[name]()
        figure.savefig(out, format=kind, dpi=200, metadata={"Date": None} if kind == "svg" else {"Software": None})
    return out.getvalue()


def digit() -> np.ndarray:
    """Return the handwritten digit of notebook 1, (8,8), 0 to 16."""
    from sklearn.datasets import load_digits

    return load_digits().images[5].astype(float)


def correlate(x: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Return formula (1) for one image and one kernel."""
    return conv2d.forward(x[None, :, :, None], k[:, :, None, None])[0, :, :, 0]


def edges() -> Figure:
    """Draw a digit, and what two kernels make of it."""
    x = digit()
    figure, axes = new(9, 3, 1, 3)
    shown = (
        ("image x", x),
        ("k: left minus right", correlate(x, EDGES)),
        ("k: top minus bottom", correlate(x, EDGES.T)),
    )
    for ax, (title, numbers) in zip(axes[0], shown, strict=True):
        image = title == "image x"
        limit = np.abs(numbers).max()
        drawn = ax.imshow(numbers, cmap="gray" if image else "RdBu_r", vmin=0 if image else -limit, vmax=limit)
        ax.set(title=title, xlabel="j", ylabel="i")
        figure.colorbar(drawn, ax=ax, shrink=0.7)
    return figure


def learn(rate: float, start: np.ndarray, steps: int) -> tuple[np.ndarray, list[float]]:
    """Return (kernel found, losses) of notebook 2's descent to the kernel that filtered the digit."""
    image, secret = digit()[None, :, :, None] / 16, EDGES[:, :, None, None]
    wish, found, losses = conv2d.forward(image, secret), start.reshape(3, 3, 1, 1).astype(float), []
    for _ in range(steps):
        error = conv2d.forward(image, found) - wish
        losses.append(float(np.mean(error**2)))
        found = found - rate * conv2d.backward_weights(image, 2 * error / error.size, found.shape)[0]
    return found[:, :, 0, 0], losses


def rates() -> Figure:
    """Draw the loss of notebook 2 for three learning rates."""
    figure, axes = new(8, 3.2)
    for rate, colour, dashes in ((0.05, "#56b4e9", ":"), (0.2, INK, "-"), (0.5, SECOND, "--")):
        axes[0, 0].semilogy(learn(rate, np.zeros((3, 3)), 60)[1], dashes, color=colour, label=f"rate {rate}")
    axes[0, 0].set(xlabel="step", ylabel="loss", title="one rate is slow, one is good, one diverges")
    axes[0, 0].legend(frameon=False)
    return figure


def slope() -> Figure:
    """Draw the sigmoid and its slope."""
    z = np.linspace(-8, 8, 200)
    y = sigmoid.forward(z)
    figure, axes = new(7, 3)
    axes[0, 0].plot(z, y, color=INK, label="f")
    axes[0, 0].plot(z, sigmoid.backward(np.ones_like(y), y), "--", color=SECOND, label="its slope f (1 - f)")
    axes[0, 0].set(xlabel="x", title="the slope is 1/4 at most, and nearly 0 far out")
    axes[0, 0].legend(frameon=False)
    return figure


def pooling() -> Figure:
    """Draw max pooling: who won in each window, and where the gradient goes."""
    x = np.array([[1, 7, 2, 0], [3, 5, 2, 2], [0, 0, 9, 4], [0, 6, 8, 1]], float)[None, :, :, None]
    y, argmax = maxpool2d.forward(x, 2)
    dy = np.array([[10, 20], [30, 40]], float)[None, :, :, None]
    dx = maxpool2d.backward(dy, argmax, x.shape, size=2)
    figure, axes = new(9, 2.8, 1, 4)
    for ax, (title, numbers) in zip(axes[0], (("x", x), ("y", y), ("dy", dy), ("dx", dx)), strict=True):
        _grid(ax, numbers[0, :, :, 0], title, dx[0, :, :, 0] != 0 if title in ("x", "dx") else None)
    return figure


def _grid(ax: Any, numbers: np.ndarray, title: str, marked: np.ndarray | None) -> None:
    rows, columns = numbers.shape
    shade = np.zeros(numbers.shape) if marked is None else marked.astype(float)
    ax.imshow(shade, cmap="Blues", vmin=0, vmax=2.5)
    for place, number in np.ndenumerate(numbers):
        ax.text(place[1], place[0], f"{number:g}", ha="center", va="center", fontsize=13)
    for n in range(1, max(rows, columns)):
        thick = 2 if n % 2 == 0 else 0.5
        ax.axhline(n - 0.5, color="#666666", lw=thick)
        ax.axvline(n - 0.5, color="#666666", lw=thick)
    ax.set(title=title, xticks=[], yticks=[])


def probabilities() -> Figure:
    """Draw three scores, their probabilities, and the gradient of the cross-entropy."""
    scores = np.log([[1.0, 2.0, 5.0]])
    p = softmax.forward(scores)[0]
    figure, axes = new(9, 3, 1, 3)
    shown = (("scores z", scores[0]), ("softmax(z)", p), ("dz, if class 0 is true", p - [1, 0, 0]))
    for ax, (title, numbers) in zip(axes[0], shown, strict=True):
        bars = ax.bar(range(3), numbers, color=[SECOND, INK, INK])
        ax.bar_label(bars, [f"{v:.3f}" for v in numbers])
        ax.axhline(0, color="0.3", lw=0.8)
        ax.margins(y=0.15)
        ax.set(title=title, xlabel="class", xticks=range(3))
    return figure


def lesion() -> Figure:
    """Draw four images of the simulated CT study, two of them with a lesion."""
    from convnet.data import phantom

    study = phantom.Study(train=40, val=2, test=2)
    hu, labels = study.images("train")
    hu = hu.reshape(len(hu), 28, 28)
    center, width = study.window
    figure, axes = new(9, 2.8, 1, 4)
    for column, (label, number) in enumerate([(0, 0), (1, 0), (0, 1), (1, 1)]):
        image = hu[np.flatnonzero(labels == label)[number]]
        axes[0, column].imshow(image, cmap="gray", vmin=center - width / 2, vmax=center + width / 2)
        axes[0, column].set(xticks=[], yticks=[], title=phantom.CLASSES[label])
    return figure


def tile() -> Figure:
    """Draw how many multiply-adds a load feeds, for three ways to arrange the loops."""
    figure, axes = new(7, 3)
    shapes = {"no tile": 1 / 3, "2 x 2": 4 / 4, "4 x 3": 12 / 7, "6 x 4": 24 / 10}
    bars = axes[0, 0].bar(list(shapes), list(shapes.values()), color=[SECOND, INK, INK, INK])
    axes[0, 0].bar_label(bars, [f"{v:.2f}" for v in shapes.values()])
    axes[0, 0].margins(y=0.12)
    axes[0, 0].set(xlabel="tile: pixels x vectors of filters", ylabel="multiply-adds for each load or store")
    return figure


def race() -> Figure:
    """Draw two warps, of which the second is late."""
    figure, axes = new(8, 2.4)
    ax = axes[0, 0]
    for warp, colour in ((0, INK), (1, SECOND)):
        late = 1.4 * warp
        ax.barh([warp, warp], [1, 1], left=[late, late + 1], color=[colour, "#dddddd"])
        ax.text(late + 0.5, warp, "writes s", ha="center", va="center", color="white")
        ax.text(late + 1.5, warp, "reads s", ha="center", va="center")
    ax.annotate("reads what is not yet written", (1.5, 0.42), (2.2, 0.35), arrowprops={"arrowstyle": "->"})
    ax.set_yticks([0, 1], ["threads 0-31", "threads 32-63"])
    ax.set(xlabel="time (one of many possible orders)", xticks=[])
    ax.invert_yaxis()
    return figure


PICTURES: dict[str, Callable[[], Figure]] = {
    f.__name__: f for f in (edges, rates, slope, pooling, probabilities, lesion, tile, race)
}
