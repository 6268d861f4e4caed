"""The table of a model's layers: shapes, parameters, cost and receptive field; as text, dict or HTML."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from html import escape
from math import prod
from typing import Any

from convnet.graph import Call, Node


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


@dataclass(frozen=True)
class _Field:
    """Receptive field of one output and the distance, in input pixels, between neighbours; None: the whole image."""

    size: tuple[int, int] = (1, 1)
    step: tuple[int, int] = (1, 1)


class Summary:
    """Rows and totals. `str()` gives the table, `to_dict()` plain types; notebooks show it as HTML."""

    def __init__(self, model: Any) -> None:
        graph = model._main_graph()
        self.name, self.input_shape = model.name, graph.input.sample_shape
        self.itemsize = graph.dtype.itemsize
        fields: dict[int, _Field | None] = {id(graph.input): _Field()}
        counted: set[int] = set()
        self.rows = [self._row(call, fields, counted) for call in graph.calls]
        self.parameters = model.count_params()
        self.trainable = sum(p.value.size for p in model.arena().parameters)
        self.multiply_adds = sum(r.multiply_adds for r in self.rows)
        self.bytes = sum(r.bytes for r in self.rows)

    def _row(self, call: Call, fields: dict[int, _Field | None], counted: set[int]) -> Row:
        layer, shapes = call.layer, [n.sample_shape for n in call.inputs]
        field = _widest([fields[id(n)] for n in call.inputs], layer.window(shapes[0]))
        fields[id(call.output)] = field
        fresh = [p for p in layer.parameters if id(p) not in counted]
        counted |= {id(p) for p in fresh}
        return Row(
            layer.name,
            type(layer).__name__,
            call.output.sample_shape,
            sum(p.value.size for p in fresh),
            layer.multiply_adds(*shapes),
            prod(call.output.sample_shape) * self.itemsize,
            self._clip(field, call.output),
        )

    def _clip(self, field: _Field | None, output: Node) -> tuple[int, int] | None:
        """No field is larger than the image."""
        if field is None or len(self.input_shape) != 3:
            return None
        return min(field.size[0], self.input_shape[0]), min(field.size[1], self.input_shape[1])

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "input_shape": list(self.input_shape),
            "layers": [asdict(r) for r in self.rows],
            "parameters": self.parameters,
            "trainable_parameters": self.trainable,
            "multiply_adds": self.multiply_adds,
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
            f"{self.parameters:,} parameters ({self.parameters * self.itemsize:,} bytes; {self.trainable:,} trainable, "
            f"{other:,} not); one image forward: {self.multiply_adds:,} multiply-adds, {self.bytes:,} bytes of outputs"
        )

    def __str__(self) -> str:
        rows = [_HEADER, *self._cells()]
        widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADER))]

        def line(row: list[str]) -> str:
            left = [c.ljust(w) for c, w in zip(row[:2], widths[:2], strict=True)]
            return "  ".join([*left, *(c.rjust(w) for c, w in zip(row[2:], widths[2:], strict=True))]).rstrip()

        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        title = f"Model {self.name}: input {(None, *self.input_shape)}"
        return "\n".join([title, rule, line(_HEADER), rule, *map(line, rows[1:]), rule, self._total()])

    def _repr_html_(self) -> str:
        def cells(row: list[str], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{escape(c)}</{tag}>" for c in row) + "</tr>"

        body = "".join(cells(row, "td") for row in self._cells())
        caption = escape(f"Model {self.name}: {self._total()}")
        return f"<table><caption>{caption}</caption>{cells(_HEADER, 'th')}{body}</table>"


_HEADER = ["Layer", "Output shape", "Parameters", "Multiply-adds", "Output bytes", "Receptive field"]


def _widest(inputs: list[_Field | None], window: Any) -> _Field | None:
    """r += d*(P-1)*step; step *= s.  Of several inputs the largest field counts."""
    if window is None or any(f is None for f in inputs):
        return None
    known = [f for f in inputs if f is not None]
    size = [max(f.size[a] for f in known) for a in (0, 1)]
    step = [max(f.step[a] for f in known) for a in (0, 1)]
    extent, stride, dilation = window
    return _Field(
        (
            size[0] + dilation[0] * (extent[0] - 1) * step[0],
            size[1] + dilation[1] * (extent[1] - 1) * step[1],
        ),
        (step[0] * stride[0], step[1] * stride[1]),
    )
