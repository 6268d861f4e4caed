"""The simplest wrong call, for the eye: its arrays as grids of numbers, and the student's own line."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from kernels.verify.problem import Operation, Problem, as_tuple, exact

ROWS, COLUMNS = 8, 10  # of a grid
SEPARATOR = "   "
NAMES = {"crossentropy": {"yhat": "z", "dyhat": "dz"}}  # what an exercise calls an array, if not as the operation does


def show_call(op: Operation, name: str, p: Problem, given: Any, at: tuple[int, ...], result: int) -> list[str]:
    """Return the inputs, the right result and the student's as grids: of each the plane of the wrong number."""
    args, settings = op.arguments(name, p)
    used = {n: a for n, a in p.arrays.items() if any(a is b for b in args)}
    names = NAMES.get(op.name, {})
    wanted, what = exact(op, name, p)[result], names.get(op.passes[name][result], op.passes[name][result])
    lines = []
    for label, a in used.items():
        lines += _grid(names.get(label, label), a, _place(label, a, at))
    stated = ", ".join(f"{n} = {v}" for n, v in settings.items())
    lines += [stated] if stated else []
    right = _grid(f"the right {what}", wanted, at)
    if given is None:
        return [*lines, *right]
    if np.shape(given) != wanted.shape:
        return [*lines, *right, f"your {what} has the shape {np.shape(given)}, expected {wanted.shape}"]
    return [*lines, *_beside(right, _grid(f"your {what}", given, at, wanted))]


def _place(label: str, a: np.ndarray, at: tuple[int, ...]) -> tuple[int, ...]:
    """Return the plane of an input to show: the image and filter of the wrong number, or the first ones."""
    if a.ndim != 4 or len(at) != 4:
        return (0,) * a.ndim
    if label == "k":
        return (0, 0, 0, min(at[3], a.shape[3] - 1))
    return (min(at[0], len(a) - 1), 0, 0, min(at[3], a.shape[3] - 1) if label != "x" else 0)


def _grid(label: str, a: Any, at: tuple[int, ...], marks: np.ndarray | None = None) -> list[str]:
    """Return an array as a titled grid; of four axes, the two of rows and columns; numbers that differ have a *."""
    a = np.asarray(a)
    other = None if marks is None or marks.shape != a.shape else marks
    title = label
    if a.ndim == 4:
        image_axes = label != "k"
        cut: tuple = (at[0], slice(None), slice(None), at[3]) if image_axes else (slice(None), slice(None), *at[2:])
        names = f"[{at[0]},:,:,{at[3]}]" if image_axes else f"[:,:,{at[2]},{at[3]}]"
        title, a, other = f"{label}{names}", a[cut], None if other is None else other[cut]
    shown = np.atleast_2d(a)[:ROWS, :COLUMNS]
    others = None if other is None else np.atleast_2d(other)[:ROWS, :COLUMNS]
    far = np.zeros(shown.shape, bool) if others is None else ~np.isclose(shown, others, rtol=1e-5)
    words = [[_number(v) + "*" * bool(far[i, j]) for j, v in enumerate(row)] for i, row in enumerate(shown.tolist())]
    widths = [max(len(row[j]) for row in words) for j in range(len(words[0]))] if words and words[0] else []
    rows = ["  " + " ".join(w.rjust(n) for w, n in zip(row, widths, strict=True)) for row in words]
    more = " (the first rows and columns)" if np.atleast_2d(a).shape != shown.shape else ""
    return [f"{title}{more}:", *rows]


def _number(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, int | float) else str(value)


def _beside(left: list[str], right: list[str]) -> list[str]:
    width = max(map(len, left))
    rows = max(len(left), len(right))
    left, right = (part + [""] * (rows - len(part)) for part in (left, right))
    return [f"{a:<{width}}{SEPARATOR}{b}".rstrip() for a, b in zip(left, right, strict=True)]


def find_line(text: str, name: str) -> tuple[int, str] | None:
    """Return the line of a function that writes its result, or else that returns it: (number, text)."""
    try:
        functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef) and n.name == name]
    except SyntaxError:
        return None
    if not functions:
        return None
    returned = {
        n.id
        for r in ast.walk(functions[0])
        if isinstance(r, ast.Return)
        for n in ast.walk(r)
        if isinstance(n, ast.Name)
    }
    written = [
        n for n in ast.walk(functions[0]) if isinstance(n, ast.AugAssign | ast.Assign) and returned & _targets(n)
    ]
    last = max((n.lineno for n in written), default=0)
    ends = [n.lineno for n in ast.walk(functions[0]) if isinstance(n, ast.Return)]
    line = last or max(ends, default=functions[0].lineno)
    return line, text.splitlines()[line - 1].strip()


def _targets(node: ast.AugAssign | ast.Assign) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    subscripted = [t for t in targets if isinstance(t, ast.Subscript) or isinstance(node, ast.AugAssign)]
    return {
        n.id
        for t in subscripted
        for n in ast.walk(t)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store | ast.Load)
    }


def first_difference(given: Any, wanted: tuple[np.ndarray, ...]) -> tuple[int, tuple[int, ...]]:
    """Return which result differs first, and where; (0, zeros) if that cannot be said."""
    for which, (a, e) in enumerate(zip(as_tuple(given), wanted, strict=False)):
        if a.shape == e.shape and a.dtype.kind in "fiub":
            wrong = ~np.isclose(a.astype(float), e, rtol=1e-5)
            if wrong.any():
                return which, tuple(int(i) for i in np.argwhere(wrong)[0])
    return 0, (0,) * np.ndim(wanted[0])
