"""Pictures of what is inside of a model: filters, feature maps, gradients, receptive fields, training, attribution.

Each returns a Matplotlib figure (`figure.savefig("name.png")`; a notebook shows it). Colours can be told apart by
colour-blind eyes: blue and red about 0, viridis from 0 on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.engine.plan import Plan
from convnet.explain.maps.score import check_image
from convnet.output.drawing import INK, SECOND, new
from convnet.terms.receptive import fields

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from convnet.engine.graph import Call
    from convnet.layers.base import Layer
    from convnet.model import Model

ABOUT_ZERO, FROM_ZERO = "RdBu_r", "viridis"


def plot_filters(layer: Layer, channels: int = 8, filters: int = 16) -> Figure:
    """A convolution's kernel (P,Q,C,F): a column a filter, a row an input channel; the first of each, on one scale."""
    kernel: Any = getattr(getattr(layer, "kernel", None), "value", np.empty(0))
    if kernel.ndim != 4:
        name = getattr(layer, "name", repr(layer))
        raise ValueError(f"plot_filters: {name} has no kernel (P,Q,C,F): name a built Conv2D")
    _at_least_one("plot_filters", channels=channels, filters=filters)
    _, _, C, F = kernel.shape
    rows, columns = min(C, channels), min(F, filters)
    if C == 1:  # one channel: several rows of filters
        rows = -(-min(F, 64) // columns)
    figure, axes = new(0.62 * columns + 1.4, 0.62 * rows + 0.9, rows, columns)
    limit = float(np.abs(kernel).max()) or 1.0
    for (row, column), ax in np.ndenumerate(axes):
        f = row * columns + column if C == 1 else column
        c = 0 if C == 1 else row
        if f < F:
            _picture(ax, kernel[:, :, c, f], ABOUT_ZERO, -limit, limit)
            if C == 1 or row == rows - 1:
                ax.set_xlabel(f"f={f}", fontsize=7)
            if C > 1 and column == 0:
                ax.set_ylabel(f"c={c}", fontsize=7)
        else:
            ax.axis("off")
    _scale(figure, axes, "weight")
    drawn = f"{min(F, 64) if C == 1 else columns} of {F} filters, {1 if C == 1 else rows} of {C} channels"
    figure.suptitle(f"{layer.name}: k[p,q,c,f], {drawn}", fontsize=10)
    return figure


def plot_feature_maps(model: Model, image: np.ndarray, layer: Layer | str | None = None, maps: int = 32) -> Figure:
    """What a layer (by default the first convolution) makes of an image (H,W,C): the image, then a map a filter."""
    _at_least_one("plot_feature_maps", maps=maps)
    image = check_image("plot_feature_maps", model, image)
    call, plan = _at(model, image, layer, "plot_feature_maps")
    found = plan.of(call.output)[0]
    columns = min(9, found.shape[2] + 1)
    count = min(found.shape[2], maps)
    rows = -(-(count + 1) // columns)
    figure, axes = new(0.95 * columns + 1.2, 1.1 * rows + 0.6, rows, columns)
    low, high = min(0.0, float(found.min())), float(found.max()) or 1.0
    for n, ax in enumerate(axes.flat):
        if n == 0:
            ax.imshow(_grey(image), cmap="gray")
            _bare(ax, "the image")
        elif n <= count:
            one = found[:, :, n - 1]
            _picture(
                ax, one, FROM_ZERO if low == 0 else ABOUT_ZERO, low if low == 0 else -max(high, -low), max(high, -low)
            )
            ax.set_xlabel(f"f={n - 1}" + (" (all 0)" if not one.any() else ""), fontsize=7)
        else:
            ax.axis("off")
    _scale(figure, axes, "y[n,i,j,f]", axes.flat[1])
    height, width, total = found.shape
    figure.suptitle(f"{call.layer.name}: {count} of {total} maps of {height}x{width}", fontsize=10)
    return figure


def plot_gradients(model: Model, x: np.ndarray, y: Any) -> Figure:
    """The compiled loss's gradient for one image x (H,W,C) of class y: at the image, and its size at every layer."""
    from convnet.terms.explain import backward_plan

    image = check_image("plot_gradients", model, x)
    graph = model.graph(image.shape)
    plan = backward_plan(graph, image[None], model.require_compiled("plot_gradients")[0], np.asarray(y)[None])
    figure, axes = new(10.5, 3.3, 1, 3)
    axes[0, 0].imshow(_grey(image), cmap="gray")
    _bare(axes[0, 0], "the image x")
    dx = plan.dx[0].sum(axis=2)
    limit = float(np.abs(dx).max()) or 1.0
    shown = _picture(axes[0, 1], dx, ABOUT_ZERO, -limit, limit)
    axes[0, 1].set_xlabel("dL/dx: red, brighter means a larger loss")
    figure.colorbar(shown, ax=axes[0, 1], shrink=0.8)
    names, sizes, weights = [], [], []
    for parameter, gradient in plan.gradients.items():
        if parameter.value.ndim > 1:
            names.append(parameter.name)
            sizes.append(float(np.sqrt(np.mean(gradient.astype(float) ** 2))))
            weights.append(float(np.sqrt(np.mean(parameter.value.astype(float) ** 2))))
    order = [names.index(p.name) for p in model.parameters if p.name in names]
    places = np.arange(len(order))
    ax = axes[0, 2]
    ax.barh(places - 0.2, [weights[n] for n in order], 0.4, color=INK, label="weights")
    ax.barh(
        places + 0.2, [sizes[n] for n in order], 0.4, color=SECOND, label="their gradient", hatch="///", edgecolor="w"
    )
    ax.set_yticks(places, [names[n] for n in order], fontsize=8)
    ax.invert_yaxis()
    if any(sizes):
        ax.set_xscale("log")
    ax.set_xlabel("root mean square")
    ax.legend(fontsize=8, frameon=False)
    figure.suptitle(f"loss {float(plan.loss):.4g}, and where it comes from", fontsize=10)
    return figure


def plot_receptive_field(model: Model, image: np.ndarray, i: int, j: int, layer: Layer | str | None = None) -> Figure:
    """The pixels of an image (H,W,C) that output (i,j) of a layer can see; by default the last layer that has such."""
    from matplotlib.patches import Rectangle

    image = check_image("plot_receptive_field", model, image)
    graph = model.graph(image.shape)
    known = {id(call): field for call, field in zip(graph.calls, fields(graph), strict=True) if field is not None}
    images = [c for c in graph.calls if id(c) in known and len(c.output.sample_shape) == 3]
    call = _named(images, layer, "plot_receptive_field")
    field, (height, width, _) = known[id(call)], call.output.sample_shape
    if not (0 <= i < height and 0 <= j < width):
        raise ValueError(f"plot_receptive_field: {call.layer.name} has {height}x{width} outputs, got ({i}, {j})")
    plan = Plan(graph, 1, rewritten=False)
    plan.run(image[None])
    figure, axes = new(7.6, 3.9, 1, 2)
    (top, bottom), (left, right) = field.rows(i), field.columns(j)
    axes[0, 0].imshow(_grey(image), cmap="gray")
    edge: dict[str, Any] = {"fill": False, "ec": SECOND, "lw": 2}
    axes[0, 0].add_patch(Rectangle((left - 0.5, top - 0.5), right - left + 1, bottom - top + 1, clip_on=False, **edge))
    axes[0, 0].set(xlabel="column", ylabel="row", title=f"sees rows {top}..{bottom}, columns {left}..{right}")
    axes[0, 1].imshow(plan.of(call.output)[0].mean(axis=2), cmap=FROM_ZERO)
    axes[0, 1].add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, **edge))
    axes[0, 1].set(xlabel="j", ylabel="i", title=f"{call.layer.name}, mean over filters; output ({i}, {j})")
    for ax in axes[0]:
        ax.title.set_fontsize(9)
    size, step = ("{}x{}".format(*pair) for pair in (field.size, field.step))
    figure.suptitle(f"receptive field {size}, a step of one output is {step} pixels", fontsize=10)
    return figure


def plot_attribution(image: np.ndarray, heat: np.ndarray, title: str = "") -> Figure:
    """A map (H,W) of `grad_cam` or `occlusion` beside and over its image (H,W,C)."""
    image, heat = np.asarray(image), np.asarray(heat, float)
    if image.ndim != 3 or heat.shape != image.shape[:2]:
        raise ValueError(
            f"plot_attribution: the map {heat.shape} must have the image's rows and columns, {image.shape}"
        )
    signed = heat.min() < 0
    limit = float(np.abs(heat).max()) or 1.0
    how = (
        {"cmap": ABOUT_ZERO, "vmin": -limit, "vmax": limit} if signed else {"cmap": FROM_ZERO, "vmin": 0, "vmax": limit}
    )
    figure, axes = new(8.4, 3.1, 1, 3)
    axes[0, 0].imshow(_grey(image), cmap="gray")
    shown = axes[0, 1].imshow(heat, **how)
    axes[0, 2].imshow(_grey(image), cmap="gray")
    axes[0, 2].imshow(heat, alpha=0.45, **how)
    for ax, label in zip(axes[0], ("the image", "the map", "both"), strict=True):
        _bare(ax, label)
    meaning = "for the class (red), against it (blue)" if signed else "for the class"
    figure.colorbar(shown, ax=axes[0, 1], shrink=0.85).set_label(meaning, fontsize=8)
    figure.suptitle(title, fontsize=10)
    return figure


# --- pieces


def _at_least_one(what: str, **counts: Any) -> None:
    for name, count in counts.items():
        if not isinstance(count, (int, np.integer)) or count < 1:
            raise ValueError(f"{what}: {name} must be an integer >= 1, got {count!r}")


def _at(model: Model, image: np.ndarray, layer: Layer | str | None, what: str) -> tuple[Call, Plan]:
    """The call of the layer and a plan that has run on the image."""
    graph = model.graph(image.shape)
    images = [c for c in graph.calls if len(c.output.sample_shape) == 3]
    plan = Plan(graph, 1, rewritten=False)
    plan.run(image[None])
    first = next((c for c in images if type(c.layer).__name__ == "Conv2D"), None)
    return (first if layer is None and first is not None else _named(images, layer, what)), plan


def _named(calls: list[Call], layer: Layer | str | None, what: str) -> Call:
    """The last of the calls whose layer is meant; of all where none is named."""
    found = [c for c in calls if layer is None or layer in (c.layer, c.layer.name)]
    if not found:
        there = ", ".join(dict.fromkeys(c.layer.name for c in calls)) or "none"
        raise ValueError(f"{what}: no layer {getattr(layer, 'name', layer)!r} has maps; those that have: {there}")
    return found[-1]


def _grey(image: np.ndarray) -> np.ndarray:
    """What imshow takes: (H,W), or (H,W,3) in 0..1; of other channels the mean."""
    if image.shape[2] == 3 and image.min() >= 0 and image.max() <= 1:
        return image
    return image.mean(axis=2)


def _picture(ax: Axes, numbers: np.ndarray, colours: str, low: float, high: float) -> Any:
    shown = ax.imshow(numbers, cmap=colours, vmin=low, vmax=high)
    _bare(ax, "")
    return shown


def _bare(ax: Axes, label: str) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_xlabel(label, fontsize=8)


def _scale(figure: Figure, axes: np.ndarray, label: str, of: Axes | None = None) -> None:
    """One colour bar for all pictures."""
    shown = (of or axes.flat[0]).images[0]
    figure.colorbar(shown, ax=list(axes.flat), shrink=0.9, aspect=30).set_label(label, fontsize=8)
