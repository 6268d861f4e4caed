"""For each pass of each operation: its formula, and the line that computes it in `reference` and in the fast kernel."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any

import kernels
from convnet.engine.operator import Step
from convnet.explain.lessons.source_places import (
    DEPTHWISE,
    NARROW,
    PLACES,
    TILES,
    TILING,
    TWO_BY_TWO,
    WINDOW,
    WINDOW_PRODUCTS,
    Place,
)
from kernels.conv2d.cpu import backward_data_way, forward_way, is_depthwise
from kernels.verify.formulas import FORMULAS
from kernels.verify.markup import equations


def code_of(operation: str, name: str, step: Step | None = None) -> dict[str, Any] | None:
    """Formula and sources of one pass; None where nothing is computed (a reshape) or the pass does not exist."""
    entry = PLACES.get(operation, {}).get(name)
    if entry is None:
        return None
    formula, reference, fast = entry
    kernel = operation.split()[0].removesuffix("_inference")
    text = FORMULAS[kernel].get(formula, formula)
    if step is not None:
        fast = _taken(operation, name, step) or fast
    return {
        "formula": "".join(equations(text)),
        "reference": excerpt(reference),
        "fast": None if fast is None else excerpt(fast),
    }


def _taken(operation: str, name: str, step: Step) -> Place | None:
    """The loop that the kernel takes for a step's sizes, where there are several."""
    if operation == "conv2d":
        return _conv2d_loop(name, step)
    if operation not in ("maxpool2d", "avgpool2d"):
        return None
    size, stride, padding = (step.settings[s] for s in ("size", "stride", "padding"))
    if name == "forward":
        return TWO_BY_TWO if operation == "maxpool2d" and size == (2, 2) and padding == ((0, 0), (0, 0)) else None
    tiling = stride == size and padding == ((0, 0), (0, 0))
    return TILING[operation] if tiling else None


def _conv2d_loop(name: str, step: Step) -> Place:
    """As kernels/conv2d/cpu.py decides."""
    k, settings = step.parameters[0].value, step.settings
    depthwise = is_depthwise(k.shape, settings["groups"])
    if name == "weights":
        return DEPTHWISE if depthwise else TILES
    which = forward_way if name == "forward" else backward_data_way
    way = which(step.inputs[0].shape[1], step.output.shape[1], k.shape, **settings, itemsize=k.itemsize)
    window = WINDOW_PRODUCTS if depthwise else WINDOW
    return {"narrow": NARROW, "window": window, "depthwise": DEPTHWISE, "correlate": TILES}[way]


def excerpt(place: Place) -> dict[str, Any]:
    """The function's text, its first line's number in the file, and the number of the line that computes."""
    file, function, mark = place
    lines = _lines(file)
    found = next((n for n in ast.walk(_tree(file)) if isinstance(n, ast.FunctionDef) and n.name == function), None)
    if found is None:
        raise ValueError(f"kernels/{file}: there is no function {function}")
    first, last = found.lineno, found.end_lineno or found.lineno
    marked = [n for n in range(first, last + 1) if mark in lines[n - 1]]
    if len(marked) != 1:
        raise ValueError(f"kernels/{file}: {len(marked)} lines of {function} have {mark!r}, expected one")
    return {"file": f"kernels/{file}", "first": first, "line": marked[0], "text": "\n".join(lines[first - 1 : last])}


@cache
def _lines(file: str) -> list[str]:
    return (Path(kernels.__file__).parent / file).read_text(encoding="utf-8").splitlines()


@cache
def _tree(file: str) -> ast.Module:
    return ast.parse("\n".join(_lines(file)))
