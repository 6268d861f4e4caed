"""For each pass of each operation: its formula, and the line that computes it in `reference` and in the fast kernel."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any

import kernels
from convnet.engine.operator import Step
from convnet.explain.lessons.source_places import MARK, Place, find_place, list_passes
from kernels.conv2d.cpu import backward_data_way, forward_way, is_depthwise
from kernels.verify.formulas import FORMULAS
from kernels.verify.markup import equations

# what the page shows of a pass that is not a whole formula of its operation: one sample's loss, one settings' update
OWN_FORMULAS = {
    "batchnorm_inference.forward": FORMULAS["batchnorm"]["inference"],
    "batchnorm_inference.data": FORMULAS["batchnorm"]["inference_backward"],
    "batchnorm_inference.weights": "dγ = sum_{m} dy[m] · hat{x}[m];  dβ = sum_{m} dy[m]",
    "log_softmax.forward": FORMULAS["softmax"]["log forward"],
    "log_softmax.data": FORMULAS["softmax"]["log backward"],
    "mse.forward": "L = {1}/{N} sum_{i} (y[i] - hat{y}[i])^{2}",
    "mse.data": "dhat{y}[i] = {2}/{N} (hat{y}[i] - y[i])",
    "crossentropy_sparse.forward": "L = - log hat{y}[t]",
    "crossentropy_sparse.data": "dhat{y}[k] = - {1}/{hat{y}[t]} where k = t, else 0",
    "crossentropy_logits.forward": "L = log sum_{j} e^{z[j]} - z[t]",
    "crossentropy_logits.data": "dz[k] = softmax(z)[k] - [k = t]",
    "crossentropy_binary.forward": "L = - {1}/{K} sum_{k} (y[k] · log hat{y}[k] + (1 - y[k]) · log (1 - hat{y}[k]))",
    "crossentropy_binary.data": "dhat{y}[k] = {1}/{K} {hat{y}[k] - y[k]}/{hat{y}[k] · (1 - hat{y}[k])}",
    "sgd.forward": "p = p - η · dp",
}
# the formula that is read first: stride 1, no padding, no dilation, one channel of one image, one filter
SIMPLE = {
    "conv2d.forward": "y[i,j] = b + sum_{p,q} x[i + p, j + q] · k[p,q]",
    "conv2d.data": "dx[h,w] = sum_{p,q} dy[h - p, w - q] · k[p,q]",
    "conv2d.weights": "dk[p,q] = sum_{i,j} x[i + p, j + q] · dy[i,j];  db = sum_{i,j} dy[i,j]",
    "conv2dtranspose.forward": "y[i,j] = b + sum_{p,q} x[i - p, j - q] · k[p,q]",
    "maxpool2d.forward": "y[i,j] = max_{p,q} x[s i + p, s j + q]",
    "avgpool2d.forward": "y[i,j] = {1}/{R} sum_{p,q} x[s i + p, s j + q]",
    "dense.forward": "y[f] = b[f] + sum_{c} x[c] · k[c,f]",
    "dense.data": "dx[c] = sum_{f} dy[f] · k[c,f]",
    "dense.weights": "dk[c,f] = x[c] · dy[f];  db[f] = dy[f]",
}
# the operation's own names for a pass of the lesson, the more special first
NAMES = {
    "forward": ("forward", "update"),
    "data": ("backward_data", "backward"),
    "weights": ("backward_weights", "backward"),
}


def code_of(operation: str, name: str, step: Step | None = None) -> dict[str, Any] | None:
    """Return formula and sources of one pass; None where nothing is computed (a reshape) or the pass does not exist."""
    operation = operation.replace(" ", "_")
    if name not in list_passes().get(operation, ()):
        return None
    label = f"{operation}.{name}"
    loop = None if step is None else _special_loop(operation, name, step)
    formula = formula_of(label)
    if operation == "conv2d" and (step is None or step.settings["groups"] == 1):
        formula = formula.replace("g + c", "c")  # one group, and its first channel is 0
    return {
        "simple": "".join(equations(SIMPLE[label])) if label in SIMPLE else None,
        "formula": "".join(equations(formula)),
        "reference": excerpt(find_place(label, "reference")),
        "fast": excerpt(find_place(f"{operation}.{loop}" if loop else label, "fast")),
    }


def formula_of(label: str) -> str:
    """Return the formula of one pass in the notation of kernels/verify/formulas.py."""
    if label in OWN_FORMULAS:
        return OWN_FORMULAS[label]
    operation, name = label.split(".")
    formulas = FORMULAS[operation]
    return next(formulas[n] for n in NAMES[name] if n in formulas)


def _special_loop(operation: str, name: str, step: Step) -> str | None:
    """Return the loop that the kernel takes for a step's sizes, where it has more than one."""
    if operation == "conv2d":
        return _conv2d_loop(name, step)
    if operation not in ("maxpool2d", "avgpool2d"):
        return None
    size, stride, padding = (step.settings[s] for s in ("size", "stride", "padding"))
    if name == "forward":
        return None
    return "side_by_side" if stride == size and padding == ((0, 0), (0, 0)) else None


def _conv2d_loop(name: str, step: Step) -> str | None:
    """Return the loop that kernels/conv2d/cpu.py chooses; None for its usual one."""
    k, settings = step.parameters[0].value, step.settings
    depthwise = is_depthwise(k.shape, settings["groups"])
    if name == "weights":
        return "depthwise" if depthwise else None
    which = forward_way if name == "forward" else backward_data_way
    way = which(step.inputs[0].shape[1], step.output.shape[1], k.shape, **settings, itemsize=k.itemsize)
    if way == "window" and depthwise:
        return "window_depthwise"
    return None if way == "correlate" else way


def excerpt(place: Place) -> dict[str, Any]:
    """Return the function around a line: its file, its lines without the marks, and their numbers."""
    lines = _read_lines(place.file)
    functions = [n for n in ast.walk(_parse(place.file)) if isinstance(n, ast.FunctionDef)]
    around = [n for n in functions if n.lineno <= place.line <= (n.end_lineno or n.lineno)]
    if not around:
        raise ValueError(f"kernels/{place.file}:{place.line}: a line marked for the lesson must stand in a function")
    innermost = max(around, key=lambda n: n.lineno)
    numbers = range(innermost.lineno, (innermost.end_lineno or innermost.lineno) + 1)
    shown = [n for n in numbers if not MARK.fullmatch(lines[n - 1])]
    text = "\n".join(lines[n - 1] for n in shown)
    return {"file": f"kernels/{place.file}", "line": place.line, "numbers": shown, "text": text}


@cache
def _read_lines(file: str) -> list[str]:
    return (Path(kernels.__file__).parent / file).read_text(encoding="utf-8").splitlines()


@cache
def _parse(file: str) -> ast.Module:
    return ast.parse("\n".join(_read_lines(file)))
