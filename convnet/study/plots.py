"""The PNG figures: confusion matrix, ROC, filters, feature maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.evaluation.side_by_side import PLURAL
from convnet.output.drawing import INK, new

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from convnet.model import Model


def confusion(result: dict[str, Any]) -> Figure:
    """Plot counts by true and predicted class, shaded by the share of the true class."""
    counts, classes = np.array(result["confusion"]), result["classes"]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(3.4, 0.55 * len(classes) + 1.6)
    figure, axes = new(side, side)
    ax = axes[0, 0]
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (i, j), count in np.ndenumerate(counts):
        ax.text(j, i, str(count), ha="center", va="center", color="white" if shares[i, j] > 0.5 else "black")
    slanted = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if max(map(len, classes)) > 3 else {}
    ax.set_xticks(range(len(classes)), classes, **slanted)
    ax.set_yticks(range(len(classes)), classes)
    ax.set(xlabel="predicted", ylabel="true")
    figure.suptitle(
        f"{_count(result['n'], result.get('level', 'image'))}, accuracy {np.trace(counts) / max(counts.sum(), 1):.3f}",
        fontsize=11,
    )
    return figure


def roc(
    y: np.ndarray, probabilities: np.ndarray, classes: tuple[str, ...], positive: int | None = None, of: str = "image"
) -> Figure:
    """Plot the ROC curve of the positive class, or of every class against the rest, of images or of groups."""
    from sklearn.metrics import roc_auc_score, roc_curve

    if positive is None and len(classes) == 2 and y.ndim == 1:
        positive = 1
    figure, axes = new(4.4, 4.2)
    ax = axes[0, 0]
    for c in range(len(classes)) if positive is None else (positive,):
        truth = y[:, c] == 1 if y.ndim == 2 else y == c
        if 0 < truth.sum() < len(y):
            false, true, _ = roc_curve(truth, probabilities[:, c])
            area = roc_auc_score(truth, probabilities[:, c])
            color = INK if positive is not None else None
            ax.plot(false, true, lw=1.8, color=color, label=f"'{classes[c]}': AUC {area:.3f}")
    ax.plot([0, 1], [0, 1], color="0.6", ls="--", lw=1)
    ax.set(xlabel="1 - specificity", ylabel="sensitivity", title=f"ROC, {_count(len(y), of)}", aspect="equal")
    if len(ax.lines) > 1:
        ax.legend(fontsize=8, frameon=False, loc="lower right")
    else:
        ax.text(0.5, 0.3, "not defined: a class is missing", ha="center", fontsize=9)
    return figure


def _count(n: int, of: str) -> str:
    return f"{n} {of}" if n == 1 else f"{n} {PLURAL.get(of, of + 's')}"


def filters(model: Model) -> Figure:
    """Plot the first convolution's kernels, averaged over their channels: blue negative, red positive."""
    from convnet.layers import Conv2D

    layer = next((call.layer for call in model.training_graph().calls if isinstance(call.layer, Conv2D)), None)
    if layer is None:
        raise ValueError(f"{model.name}: it has no convolution whose filters could be plotted")
    kernels = layer.kernel.value.mean(axis=2)
    figure, axes = _grid(np.moveaxis(kernels, -1, 0), "RdBu_r", symmetric=True)
    figure.suptitle(f"{layer.name}: {kernels.shape[-1]} filters of {kernels.shape[0]}x{kernels.shape[1]}", fontsize=10)
    return figure


def feature_maps(model: Model, image: np.ndarray) -> Figure:
    """Plot an image (H,W,C), and what each filter of the first convolution makes of it."""
    from convnet.data.dicom.colour import luminance
    from convnet.engine.plan import Plan
    from convnet.layers import Conv2D

    graph = model.graph(image.shape)
    call = next((call for call in graph.calls if isinstance(call.layer, Conv2D)), None)
    if call is None:
        raise ValueError(f"{model.name}: it has no convolution whose maps could be plotted")
    plan = Plan(graph, 1, rewritten=False)
    plan.run(image[None])
    maps = plan.of(call.output)[0]
    shown = luminance(image) if image.shape[2] == 3 else image[..., 0]
    figure, axes = _grid(np.moveaxis(maps, -1, 0), "gray", first=shown)
    silent = int(np.sum(maps.reshape(-1, maps.shape[-1]).max(axis=0) <= 0))
    title = f"the image, and {maps.shape[-1]} maps of {call.layer.name}"
    figure.suptitle(f"{title}; {silent} of them are zero everywhere" if silent else title, fontsize=10)
    return figure


def pipeline_steps(steps: list[Any]) -> Figure:
    """Draw the pixel pipeline: each stage with what was done, and the range of values that black to white stands for.

    From the window on every picture is on the network's own scale, 0 black and 1 white: what looks black is black to
    the network. Stages before are in other units, and are drawn over their own range, as their titles say.
    """
    from textwrap import fill

    figure, axes = new(2.3 * len(steps), 3.4, 1, len(steps))
    waveform = steps[-1].array.ndim == 3 and len(steps[-1].array) == 1
    for number, (ax, step) in enumerate(zip(axes[0], steps, strict=True), 1):
        picture = step.array.astype(float)
        low, high = shown_range(steps, number - 1)
        ax.set_title(f"{number}. {step.name}\nblack {low:.4g}, white {high:.4g}", fontsize=9)
        ax.set_xlabel(fill(step.what, 34), fontsize=6)
        if waveform:
            curves(ax, picture[0].T if picture.ndim == 3 else picture)
            continue
        ax.imshow(np.clip(picture / high, 0, 1) if picture.ndim == 3 else picture, cmap="gray", vmin=low, vmax=high)
        ax.set_xticks([])
        ax.set_yticks([])
    return figure


def shown_range(steps: list[Any], index: int) -> tuple[float, float]:
    """Return the values that are drawn black and white: 0 and 1 from the window on, else the stage's own range."""
    array = steps[index].array
    if "window" in [step.name for step in steps[: index + 1]]:
        return 0.0, 1.0
    low, high = (0.0, float(array.max())) if array.ndim == 3 else (float(array.min()), float(array.max()))
    return low, high if high > low else low + 1.0


def curves(ax: Any, leads: np.ndarray) -> None:
    """Draw the leads (leads, T) one below the other, half the range of all apart."""
    span = float(np.nanmax(leads) - np.nanmin(leads)) or 1.0
    for row, lead in enumerate(leads):
        ax.plot(lead - np.nanmedian(lead) - row * span / 2, lw=0.4, color=INK)
    ax.set_yticks([])
    ax.tick_params(labelsize=6)


def _grid(
    pictures: np.ndarray, cmap: str, symmetric: bool = False, first: np.ndarray | None = None
) -> tuple[Figure, np.ndarray]:
    shown = ([first] if first is not None else []) + list(pictures)
    columns = min(len(shown), 8 if first is None else 11)
    rows = -(-len(shown) // columns)
    figure, axes = new(0.85 * columns, 0.85 * rows + 0.6, rows, columns)
    limit = float(np.abs(pictures).max()) or 1.0
    for ax in axes.flat:
        ax.axis("off")
    for i, (ax, picture) in enumerate(zip(axes.flat, shown, strict=False)):
        own = first is not None and i == 0
        limits = {"vmin": -limit, "vmax": limit} if symmetric else {}
        ax.imshow(picture, cmap="gray" if own else cmap, **limits)
    return figure, axes
