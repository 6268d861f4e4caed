"""Text in LLVM's language for one operation of `arithmetic`, on a number of 32 or 64 bits or on a vector of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numba import types

from kernels.algebra import arithmetic

# the world that compiled kernels compute in; they read it at every operation
WORLD = np.zeros(1, np.int64)


@cache
def pointer(name: str) -> int:
    """Return the address of an operation's compiled code, a C function."""
    function: Callable = getattr(arithmetic, name)
    i = types.int64
    wanted = (types.float64, i, i) if name == "constant" else (i,) * (arithmetic.ARGUMENTS[name] + 1)
    function.compile(wanted)  # type: ignore[attr-defined]
    compiled = function.overloads[wanted]  # type: ignore[attr-defined]
    return compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name)


def scalar(name: str, width: int) -> str:
    """Return the function @algebra.name.iW of numbers of W bits."""
    count = arithmetic.ARGUMENTS[name]
    letters = "abc"[:count]
    lines = [f"define internal i{width} @algebra.{name}.i{width}({', '.join(f'i{width} %{x}' for x in letters)}) {{"]
    for x in letters:
        lines.append(f"  %{x}0 = {'zext' if width < 64 else 'add'} i{width} %{x}{' to i64' if width < 64 else ', 0'}")
    given = "".join(f"i64 %{x}0, " for x in letters)
    lines += [
        f"  %w = load i64, ptr inttoptr (i64 {WORLD.ctypes.data} to ptr)",
        f"  %r = call i64 inttoptr (i64 {pointer(name)} to ptr)({given}i64 %w)",
        f"  %s = {'trunc' if width < 64 else 'add'} i64 %r{f' to i{width}' if width < 64 else ', 0'}",
        f"  ret i{width} %s", "}",
    ]  # fmt: skip
    return "\n".join(lines)


def from_float(width: int) -> str:
    """Return the function @algebra.constant.iW of a float or double."""
    real = "float" if width == 32 else "double"
    wide = "fpext float %a to double" if width == 32 else "fadd double %a, -0.0"
    end = f"  %s = trunc i64 %r to i{width}" if width < 64 else "  %s = add i64 %r, 0"
    return "\n".join(
        [
            f"define internal i{width} @algebra.constant.i{width}({real} %a) {{",
            f"  %a0 = {wide}",
            f"  %w = load i64, ptr inttoptr (i64 {WORLD.ctypes.data} to ptr)",
            f"  %r = call i64 inttoptr (i64 {pointer('constant')} to ptr)(double %a0, i64 {int(width == 32)}, i64 %w)",
            end,
            f"  ret i{width} %s",
            "}",
        ]
    )


def vector(name: str, width: int, lanes: int) -> str:
    """Return the function @algebra.name.vLiW, which calls the one of a number for each lane."""
    count = 1 if name == "constant" else arithmetic.ARGUMENTS[name]
    real = {32: "float", 64: "double"}[width] if name == "constant" else f"i{width}"
    whole, result = f"<{lanes} x {real}>", f"<{lanes} x i{width}>"
    letters = "abc"[:count]
    lines = [f"define internal {result} @algebra.{name}.v{lanes}i{width}("]
    lines[0] += f"{', '.join(f'{whole} %{x}' for x in letters)}) {{"
    lines += ["start:", "  br label %loop", "loop:"]
    lines += [
        "  %i = phi i32 [ 0, %start ], [ %next, %loop ]",
        f"  %r = phi {result} [ poison, %start ], [ %s, %loop ]",
    ]
    lines += [f"  %{x}0 = extractelement {whole} %{x}, i32 %i" for x in letters]
    lines += [
        f"  %v = call i{width} @algebra.{name}.i{width}({', '.join(f'{real} %{x}0' for x in letters)})",
        f"  %s = insertelement {result} %r, i{width} %v, i32 %i",
        "  %next = add i32 %i, 1", f"  %more = icmp ult i32 %next, {lanes}",
        "  br i1 %more, label %loop, label %end", "end:", f"  ret {result} %s", "}",
    ]  # fmt: skip
    return "\n".join(lines)


def define(needed: set[tuple[str, int, int]]) -> str:
    """Return all functions (name, width, lanes; 0 for a single number) with those that they call."""
    every = needed | {(name, width, 0) for name, width, _ in needed}
    texts = []
    for name, width, lanes in sorted(every):
        if lanes:
            texts.append(vector(name, width, lanes))
        else:
            texts.append(from_float(width) if name == "constant" else scalar(name, width))
    return "\n\n".join(texts)
