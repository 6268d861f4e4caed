"""How layers, and the history of a training, show themselves in a notebook."""

from __future__ import annotations

from convnet.engine.operator import Operator
from convnet.terms.table import Table

EPOCHS = 20  # more are thinned out


def layer_table(layer: Operator) -> Table:
    """A layer's formula, settings and weights; what its weights are before it has seen an input is not known."""
    doc = (type(layer).__doc__ or type(layer).__name__).strip().splitlines()[0]
    rows = [
        [name, str(getattr(layer, name)), ""] for name in layer.settings if name not in ("inputs", "outputs", "layers")
    ]
    rows += [
        [p.name, f"{p.value.shape} {p.value.dtype}", f"{p.value.min():.4g} ... {p.value.max():.4g}"]
        for p in layer.parameters
    ]
    note = f"{layer.count_params():,} parameters" if layer.input_shape else "not built yet: it has seen no input"
    return Table(["", "value", "from ... to"], rows, f"{type(layer).__name__} {layer.name}: {doc}", note, left=2)


def history_table(epoch: list[int], history: dict[str, list[float]]) -> Table:
    """The figures by epoch, of those that every epoch has; of a long training every few epochs, and always the last."""
    epochs = len(epoch)
    names = [name for name, values in history.items() if len(values) == epochs]
    step = -(-epochs // EPOCHS) or 1
    shown = sorted({*range(0, epochs, step), epochs - 1}) if epochs else []
    rows = [[str(epoch[n] + 1), *(f"{history[name][n]:.4f}" for name in names)] for n in shown]
    rare = [name for name in history if name not in names]
    note = "".join(
        [f"every {step} epochs; " if step > 1 else "", f"not in every epoch: {', '.join(rare)}; " if rare else ""]
    )
    return Table(["epoch", *names], rows, note=f"{note}plot_history draws it")
