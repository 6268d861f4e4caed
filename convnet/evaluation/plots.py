"""Plots of an evaluation: reliability, precision and recall, and the learning curve against cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.evaluation import side_by_side
from convnet.output.drawing import INK, SECOND, new
from convnet.output.words import count

if TYPE_CHECKING:
    from matplotlib.figure import Figure


POOLED = {
    "multilabel": "predicted probability, all findings together",
    "ordinal": "predicted probability of a higher grade, all steps together",
}


def reliability(result: dict[str, Any]) -> Figure:
    """Plot observed frequency against predicted probability in ten bins, with Wilson's intervals and image counts."""
    figure, axes = new(4.4, 5.2, 2, 1)
    bins = result["calibration"]["bins"]
    said, was = (np.array([b[name] for b in bins]) for name in ("said", "was"))
    low, high = (np.array([b[name] for b in bins]) for name in ("low", "high"))
    top, bottom = axes[:, 0]
    top.plot([0, 1], [0, 1], color="0.6", ls="--", lw=1)
    top.errorbar(said, was, yerr=[was - low, high - was], fmt="o-", color=INK, lw=1.5, ms=4, capsize=2)
    two = len(result["classes"]) == 2
    name = result.get("positive", result["classes"][-1])
    label = f"predicted probability of '{name}'" if two else "predicted probability of the most probable class"
    label = POOLED.get(result.get("task", ""), label)
    top.set(xlim=(0, 1), ylim=(0, 1), ylabel="observed frequency", title=f"ECE {result['calibration']['ece']:.3f}")
    bottom.bar(said, [b["n"] for b in bins], width=0.06, color=INK)
    bottom.set(xlim=(0, 1), xlabel=label, ylabel=side_by_side.PLURAL.get(result.get("level", ""), "images"))
    return figure


def precision_recall(y: np.ndarray, p: np.ndarray, classes: tuple[str, ...], positive: int | None = None) -> Figure:
    """Plot PPV against sensitivity for the positive class (or every class), with the share of the class as a floor."""
    from sklearn.metrics import average_precision_score, precision_recall_curve

    figure, axes = new(4.4, 4.2)
    ax = axes[0, 0]
    single = len(classes) == 2 and y.ndim == 1
    shown = [positive] if positive is not None else [1] if single else range(len(classes))
    for c in shown:
        truth = y[:, c] == 1 if y.ndim == 2 else y == c
        if not 0 < truth.sum() < len(y):
            continue
        precision, recall, _ = precision_recall_curve(truth, p[:, c])
        area = average_precision_score(truth, p[:, c])
        (line,) = ax.plot(recall, precision, lw=1.8, label=f"'{classes[c]}': area {area:.3f}")
        ax.axhline(truth.mean(), color=line.get_color(), ls=":", lw=1)
    ax.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="sensitivity (recall)", ylabel="PPV (precision)")
    ax.set_title(f"precision and recall, {count(len(y), 'image')}")
    if ax.lines:
        ax.legend(fontsize=8, frameon=False, loc="lower left")
    else:
        ax.text(0.5, 0.5, "not defined: a class is missing", ha="center", fontsize=9)
    return figure


def agreement(y: np.ndarray, p: np.ndarray, result: dict[str, Any]) -> Figure:
    """Plot values against predictions, the means of equal bins with their intervals, and the line of agreement."""
    figure, axes = new(4.6, 4.4)
    ax, line = axes[0, 0], result["calibration"]
    low, high = float(min(y.min(), p.min())), float(max(y.max(), p.max()))
    ax.plot([low, high], [low, high], color="0.6", ls="--", lw=1, label="agreement")
    ax.plot(p, y, ".", color=SECOND, ms=3, alpha=0.5)
    bins = [b for b in line["bins"] if b["low"] is not None]
    said, was = (np.array([b[name] for b in bins]) for name in ("said", "was"))
    edges = np.array([[b["was"] - b["low"], b["high"] - b["was"]] for b in bins]).reshape(-1, 2).T
    ax.errorbar(said, was, yerr=edges, fmt="o-", color=INK, lw=1.5, ms=4, capsize=2, label="means, 95% intervals")
    if (half := (result["interval"] or {}).get("half_width")) is not None:
        ax.fill_between([low, high], [low - half, high - half], [low + half, high + half], color=INK, alpha=0.1, lw=0)
    mae = result["figures"]["MAE"]["value"]
    ax.set(xlabel="predicted", ylabel="measured", title=f"{count(result['n'], 'image')}, mean absolute error {mae:.4g}")
    ax.legend(fontsize=8, frameon=False, loc="upper left")
    return figure


def cases_curve(result: dict[str, Any]) -> Figure:
    """Plot AUC on the images held out against the number of cases: each fold, the mean, and the answer in words."""
    figure, axes = new(5.4, 4.0)
    ax, at, means = axes[0, 0], [], []
    for of in result["by_share"]:
        rows = [r for r in result["rows"] if r["share"] == of["share"] and r["ensemble"]["auc"] is not None]
        ax.plot([r["cases"] for r in rows], [r["ensemble"]["auc"] for r in rows], "o", color=SECOND, ms=4, alpha=0.6)
        if of["ensemble"]["auc"]["mean"] is not None:
            at.append(of["cases"])
            means.append(of["ensemble"]["auc"]["mean"])
    ax.plot(at, means, "o-", color=INK, lw=1.8, ms=6, label="mean over folds")
    ax.set_xscale("log", base=2)
    ax.set_xticks(at, [str(n) for n in at])
    ax.minorticks_off()
    ax.set(xlabel="cases trained and chosen on", ylabel="AUC on folds held out")
    ax.grid(alpha=0.25)
    ax.legend(fontsize=8, frameon=False, loc="lower right")
    ax.set_title("Would more cases help?\n" + result["more"]["answer"], fontsize=9)
    return figure
