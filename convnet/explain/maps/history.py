"""A training in pictures: loss and metrics by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convnet.output.drawing import INK, SECOND, new

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from convnet.callbacks import History


def plot_history(history: History, best_epoch: int | None = None) -> Figure:
    """Draw loss, accuracy and AUC by epoch, training and validation; `best_epoch` (from 1 on) is marked."""
    if not getattr(history, "history", None):
        found = type(history).__name__
        raise ValueError(f"plot_history: expects what fit returned, with one epoch or more, got {found}")
    names = [n for n in ("loss", "accuracy", "auc") if n in history.history or f"val_{n}" in history.history]
    figure, axes = new(4.2 * len(names), 3.4, 1, len(names))
    epochs = np.array(history.epoch) + 1
    for ax, name in zip(axes[0], names, strict=True):
        for key, label, color in ((name, "training", INK), (f"val_{name}", "validation", SECOND)):
            if key in history.history:
                ax.plot(epochs, history.history[key], color=color, label=label, lw=1.5)
        if best_epoch:
            ax.axvline(best_epoch, color="0.5", ls=":", lw=1, label=f"chosen: epoch {best_epoch}")
        ax.xaxis.get_major_locator().set_params(integer=True)
        if name != "loss":  # a share of images or pairs: never above 1
            ax.set_ylim(top=min(ax.get_ylim()[1], 1.02))
        title = "AUC" if name == "auc" else name
        ax.set(xlabel="epoch", ylabel=title, title=title)
        ax.legend(fontsize=8, frameon=False)
        ax.grid(alpha=0.25)
    return figure
