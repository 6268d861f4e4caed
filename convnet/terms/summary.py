"""The table of a model's layers: shapes, parameters, cost and receptive field; as text, dict or HTML."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import prod
from typing import Any

from convnet.engine.graph import Call
from convnet.engine.lowering import lower
from convnet.terms.receptive import Field, fields
from convnet.terms.table import Table


@dataclass(frozen=True)
class Row:
    """One call of a layer. Costs are for one image, forward."""

    layer: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int  # 0 where an earlier row has counted them
    multiply_adds: int
    bytes: int  # of the output
    receptive_field: tuple[int, int] | None  # pixels of the input, height x width; None: all of it


class Summary:
    """Rows and totals. `str()` gives the table, `to_dict()` plain types; notebooks show it as HTML."""

    def __init__(self, model: Any) -> None:
        graph = model.training_graph()
        self.name, self.input_shape = model.name, graph.input.sample_shape
        self.inputs = {} if graph.takes.bare else dict(zip(graph.takes.names, model.input_shape, strict=True))
        values = lower(graph, training=False).values
        self._sizes = {node: (value.dtype or graph.dtype).itemsize for node, value in values.items()}
        counted: set[int] = set()
        self.rows = [self._row(call, field, counted) for call, field in zip(graph.calls, fields(graph), strict=True)]
        self.parameters = model.count_params()
        self.parameter_bytes = sum(p.value.nbytes for p in model.parameters)
        self.trainable = sum(p.value.size for p in model.arena().parameters)
        self.multiply_adds = sum(r.multiply_adds for r in self.rows)
        self.bytes = sum(r.bytes for r in self.rows)

    def _row(self, call: Call, field: Field | None, counted: set[int]) -> Row:
        layer, shapes = call.layer, [n.sample_shape for n in call.inputs]
        fresh = [p for p in layer.parameters if id(p) not in counted]
        counted |= {id(p) for p in fresh}
        return Row(
            layer.name,
            type(layer).__name__,
            call.output.sample_shape,
            sum(p.value.size for p in fresh),
            layer.multiply_adds(*shapes),
            prod(call.output.sample_shape) * self._sizes[id(call.output)],
            self._clip(field),
        )

    def _clip(self, field: Field | None) -> tuple[int, int] | None:
        """Return the field's size, at most the image's."""
        images = [s for s in self.inputs.values() or [self.input_shape] if len(s) == 3]
        if field is None or not images:
            return None
        return min(field.size[0], max(s[0] for s in images)), min(field.size[1], max(s[1] for s in images))

    def to_dict(self) -> dict[str, Any]:
        """Return the table as plain types."""
        return {
            "name": self.name,
            "input_shape": list(self.input_shape),
            **({"inputs": {name: list(shape) for name, shape in self.inputs.items()}} if self.inputs else {}),
            "layers": [asdict(r) for r in self.rows],
            "parameters": self.parameters,
            "trainable_parameters": self.trainable,
            "multiply_adds": self.multiply_adds,
            "flops": 2 * self.multiply_adds,
            "activation_bytes": self.bytes,
        }

    def _cells(self) -> list[list[str]]:
        return [
            [
                f"{r.layer} ({r.kind})",
                str((None, *r.output_shape)),
                f"{r.parameters:,}",
                f"{r.multiply_adds:,}",
                f"{r.bytes:,}",
                "all" if r.receptive_field is None else "{}x{}".format(*r.receptive_field),
            ]
            for r in self.rows
        ]

    def _total(self) -> str:
        other = self.parameters - self.trainable
        return (
            f"{self.parameters:,} parameters ({self.parameter_bytes:,} bytes; {self.trainable:,} trainable, "
            f"{other:,} not); one image forward: {self.multiply_adds:,} multiply-adds "
            f"({2 * self.multiply_adds:,} FLOPs), {self.bytes:,} bytes of outputs"
        )

    def _table(self) -> Table:
        several = ", ".join(f"{name} {(None, *shape)}" for name, shape in self.inputs.items())
        title = f"Model {self.name}: input {several or (None, *self.input_shape)}"
        return Table(_HEADER, self._cells(), title, self._total(), left=2)

    def __str__(self) -> str:
        return str(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()


_HEADER = ["Layer", "Output shape", "Parameters", "Multiply-adds", "Output bytes", "Receptive field"]
