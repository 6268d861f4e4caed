"""python -m kernels.choices [--layer N,H,W,C P,Q,C,F]: what the CPU kernels choose by shape and machine, and why.

The table is read from the kernels' own sources: every number that a decision compares with, its value on this machine,
and the reason that stands behind it. With --layer it says which loop computes a convolution of that shape.
"""

from __future__ import annotations

import argparse
import ast
import io
import tokenize
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
# folders and files that hold no choice of a CPU kernel in floats
_APART = {"verify", "emulator", "algebra", "cuda", "int8", "amx"}
_OTHERS = ("cuda", "__init__", "formulas", "amx_errors")


class Choice(NamedTuple):
    """A number that a kernel's decision depends on."""

    file: str
    line: int
    name: str
    value: Any  # on this machine
    reason: str


def list_choices() -> list[Choice]:
    """Return every choice of the CPU kernels, in the order of their files."""
    return [choice for path in sorted(HERE.rglob("*.py")) if _is_cpu(path) for choice in _read(path)]


def _is_cpu(path: Path) -> bool:
    inner = path.relative_to(HERE)
    return len(inner.parts) > 1 and inner.parts[0] not in _APART and not inner.name.startswith(_OTHERS)


def _read(path: Path) -> Iterator[Choice]:
    text = path.read_text("utf-8")
    comments = {
        token.start[0]: (token.string.lstrip("# "), token.start[1] == 0)
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
    }
    found = [
        (statement.lineno, target.id)
        for statement in ast.parse(text).body
        if isinstance(statement, ast.Assign)
        for target in ast.walk(statement.targets[0])
        if isinstance(target, ast.Name) and target.id.isupper() and not target.id.startswith("_")
    ]
    if not found:
        return
    module = import_module(".".join(path.relative_to(HERE.parent).with_suffix("").parts))
    for line, name in found:
        value = getattr(module, name)
        if _is_numbers(value):
            yield Choice(path.relative_to(HERE.parent).as_posix(), line, name, value, _reason(line, comments))


def _reason(line: int, comments: dict[int, tuple[str, bool]]) -> str:
    """Return the comment on a line, or the lines of comment just above it."""
    if line in comments:
        return comments[line][0]
    above: list[str] = []
    while comments.get(line - 1, ("", False))[1]:
        line -= 1
        above.insert(0, comments[line][0])
    return " ".join(above)


def _is_numbers(value: Any) -> bool:
    if isinstance(value, dict):
        return bool(value) and all(map(_is_numbers, value.values()))
    return isinstance(value, int) and not isinstance(value, bool)


def describe_layer(x: tuple[int, ...], k: tuple[int, ...]) -> str:
    """Say which loops compute a convolution of x (N,H,W,C) and k (P,Q,C,F), one group, zeros all around."""
    from kernels import conv2d
    from kernels.conv2d import cpu

    settings, y = conv2d.geometry(x, k, 1, tuple((n // 2, n // 2) for n in k[:2]), 1, x[3] // k[2])
    forward = cpu.forward_way(x[2], y[2], k, **settings, itemsize=4)
    data = cpu.backward_data_way(x[2], y[2], k, **settings, itemsize=4)
    weights = "depthwise" if cpu.is_depthwise(k, settings["groups"]) else "weights"
    named = ((name, f"kernels/conv2d/tiles_{way}.py") for name, way in _ways(forward, data, weights))
    return "\n".join(f"{name}: {file}" for name, file in named)


def _ways(forward: str, data: str, weights: str) -> tuple[tuple[str, str], ...]:
    return ("forward", forward), ("backward_data", data), ("backward_weights", weights)


def _shape(text: str) -> tuple[int, ...]:
    numbers = tuple(map(int, text.split(",")))
    if len(numbers) != 4 or min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"four positive numbers with commas between, got {text}")
    return numbers


def main() -> None:
    """Print the table, or a layer's loops."""
    parser = argparse.ArgumentParser(prog="python -m kernels.choices", description=__doc__)
    parser.add_argument("--layer", nargs=2, type=_shape, metavar=("N,H,W,C", "P,Q,C,F"), help="x and k, float32")
    options = parser.parse_args()
    if options.layer:
        print(describe_layer(*options.layer))
        return
    last = ""
    for choice in list_choices():
        if choice.file != last:
            print(f"\n{choice.file}")
        last = choice.file
        print(f"  {choice.name:18}{choice.value!s:>10}  {choice.reason}")


if __name__ == "__main__":
    main()
