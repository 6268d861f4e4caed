"""How layers show themselves in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convnet.explain.table import Table

if TYPE_CHECKING:
    from convnet.layers.base import Layer


def layer_table(layer: Layer) -> Table:
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
