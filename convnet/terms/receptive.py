"""Which pixels of the input one output of a layer can see: its receptive field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convnet.engine.graph import Call, Graph
    from convnet.engine.operator import Window


@dataclass(frozen=True)
class Field:
    """Output (i,j) sees the input's rows start[0] + i*step[0] ... + size[0] - 1, and columns likewise.

    In pixels of the input; `start` is negative where the window begins in the padding.
    """

    size: tuple[int, int] = (1, 1)
    step: tuple[int, int] = (1, 1)
    start: tuple[int, int] = (0, 0)

    def through(self, window: Window) -> Field:
        """Return the field of what reads this one by a window: r += d*(P-1)*step; start -= before*step; step *= s."""
        axes = range(2)
        return Field(
            tuple(self.size[a] + window.dilation[a] * (window.size[a] - 1) * self.step[a] for a in axes),  # type: ignore[arg-type]
            tuple(self.step[a] * window.stride[a] for a in axes),  # type: ignore[arg-type]
            tuple(self.start[a] - window.before[a] * self.step[a] for a in axes),  # type: ignore[arg-type]
        )

    def rows(self, i: int) -> tuple[int, int]:
        """Return the first and last row that output row i sees; the image may end before."""
        return self._span(0, i)

    def columns(self, j: int) -> tuple[int, int]:
        """Return the first and last column that output column j sees; the image may end before."""
        return self._span(1, j)

    def _span(self, axis: int, place: int) -> tuple[int, int]:
        first = self.start[axis] + place * self.step[axis]
        return first, first + self.size[axis] - 1


def fields(graph: Graph) -> list[Field | None]:
    """Return the field of every call's output, in the order of the calls; None for the whole image."""
    known: dict[int, Field | None] = {id(node): Field() for node in graph.inputs}
    for call in graph.calls:
        known[id(call.output)] = _of(call, known)
    return [known[id(call.output)] for call in graph.calls]


def _of(call: Call, known: dict[int, Field | None]) -> Field | None:
    window = call.layer.window(call.inputs[0].sample_shape)
    inputs = [f for node in call.inputs if (f := known[id(node)]) is not None]
    if window is None or len(inputs) < len(call.inputs):
        return None
    return union(inputs).through(window)


def union(given: Sequence[Field]) -> Field:
    """Return the smallest field around several: what a sum of branches sees. The largest step counts."""
    axes = range(2)
    start = tuple(min(f.start[a] for f in given) for a in axes)
    end = tuple(max(f.start[a] + f.size[a] for f in given) for a in axes)
    step = tuple(max(f.step[a] for f in given) for a in axes)
    return Field(tuple(end[a] - start[a] for a in axes), step, start)  # type: ignore[arg-type]
