"""The picture of the README: one output of a trained network, term by term, and what the network is worth.

convnet demo && python -m benchmarks.picture convnet-demo benchmarks/overview.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from convnet import load
from convnet.data import cohort
from convnet.engine.plan import Plan
from convnet.layers import Conv2D
from convnet.output import drawing
from convnet.study.metadata import read_classes, read_preparation
from convnet.study.outputs import predict_probabilities
from kernels import conv2d

PIXEL = (13, 15)  # the output (i, j) that is taken apart


def main(demo: str, out: str) -> None:
    """Draw the picture from a finished demo folder."""
    folder = Path(demo)
    model = load(folder / "model.safetensors")
    data = cohort.load_folder(folder / "dicom", folder / "dicom" / "labels.csv", **vars(read_preparation(model)))
    x, y = data.split("test")
    image = x[y == 1][0]
    graph = model.graph(image.shape)
    call = next(c for c in graph.calls if isinstance(c.layer, Conv2D))
    plan = Plan(graph, 1, rewritten=False)
    p = plan.run(image[None])[0]
    maps = plan.of(call.output)[0]
    kernel, bias = call.layer.get_weights()
    f = int(np.argmax(maps[PIXEL]))  # the filter that answers most at this pixel
    check = conv2d.forward(image[None].astype(np.float32), kernel, bias, variant="reference")[0, *PIXEL, f]
    figure, axes = drawing.new(13.5, 3.5, 1, 4)
    _image(axes[0, 0], image[..., 0])
    _terms(axes[0, 1], image[..., 0], kernel[..., 0, f], float(bias[f]), float(maps[(*PIXEL, f)]), float(check))
    _map(axes[0, 2], maps[..., f], p, read_classes(model))
    _roc(axes[0, 3], folder, y, predict_probabilities(model, x))
    drawing.save(figure, out)


def _image(ax, image: np.ndarray) -> None:
    ax.imshow(image, cmap="gray")
    i, j = PIXEL
    ax.add_patch(_frame(j - 0.5, i - 0.5, 3))
    ax.set_title("x: a simulated CT, 28x28, lesion present\nthe window of output (13, 15)", fontsize=9)
    ax.axis("off")


def _terms(ax, image: np.ndarray, k: np.ndarray, b: float, kernels_value: float, reference: float) -> None:
    """The nine products of formula (1) as a table, and their sum."""
    i, j = PIXEL
    window = image[i : i + 3, j : j + 3]
    products = window * k
    limit = np.abs(products).max()
    ax.imshow(products, cmap="RdBu_r", vmin=-2 * limit, vmax=2 * limit)
    for (p, q), value in np.ndenumerate(products):
        ax.text(q, p, f"{window[p, q]:.3f}\n× {k[p, q]:+.3f}\n= {value:+.3f}", ha="center", va="center", fontsize=8)
    ax.axis("off")
    ax.set_title("formula (1), term by term: x(i+p, j+q) · k(p, q)", fontsize=9)
    total = float(np.sum(products.astype(float))) + b
    sums = f"sum {total - b:+.4f} + bias {b:+.4f} = {total:.6f}"
    both = f"reference {reference:.6f}, fast kernel {kernels_value:.6f}"
    ax.text(1, 2.75, f"{sums}\n{both}", ha="center", va="top", fontsize=8)


def _map(ax, feature_map: np.ndarray, p: np.ndarray, classes: tuple[str, ...]) -> None:
    ax.imshow(feature_map, cmap="gray")
    i, j = PIXEL
    ax.add_patch(_frame(j - 0.5, i - 0.5, 1))
    answer = ", ".join(f"{c} {v:.2f}" for c, v in zip(classes, p, strict=True))
    ax.set_title(f"y: that filter's map (ReLU), 26x26\nthe network's answer: {answer}", fontsize=9)
    ax.axis("off")


def _roc(ax, folder: Path, y: np.ndarray, p: np.ndarray) -> None:
    import json

    from sklearn.metrics import roc_curve

    result = json.loads((folder / "results.json").read_text())
    false, true, _ = roc_curve(y == 1, p[:, 1])
    ax.plot(false, true, color=drawing.INK, lw=1.8, label=f"the listing's CNN: AUC {result['auc']:.3f}")
    d = np.linspace(-6, 6, 400)
    ideal = result["ideal_observer_auc"]
    curve = _equal_variance_roc(d, ideal)
    ax.plot(*curve, color=drawing.SECOND, lw=1.5, ls="--", label=f"ideal observer: AUC {ideal:.3f}")
    ax.plot([0, 1], [0, 1], color="0.7", lw=0.8)
    ax.set(xlabel="1 - specificity", ylabel="sensitivity", aspect="equal")
    ax.set_title(f"{len(y)} test images", fontsize=9)
    ax.legend(fontsize=7, frameon=False, loc="lower right")


def _equal_variance_roc(thresholds: np.ndarray, auc: float) -> tuple[np.ndarray, np.ndarray]:
    """The ideal observer's scores are normal with one variance, d' = sqrt(2) * Phi^-1(AUC) apart."""
    from scipy.stats import norm

    d_prime = np.sqrt(2) * norm.ppf(auc)
    return norm.sf(thresholds), norm.sf(thresholds - d_prime)


def _frame(x: float, y: float, side: float):
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), side, side, fill=False, edgecolor=drawing.SECOND, lw=1.8)


if __name__ == "__main__":
    main(*sys.argv[1:])
