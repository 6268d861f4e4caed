"""What a kernel's machine code depends on, as text: its code, and all that its code names, whatever defines it.

A kernel that names something that cannot be described as text has no fingerprint, and is compiled in every process.
"""

from __future__ import annotations

import builtins
import dis
import hashlib
import marshal
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

_INSTALLED = ("builtins", "cuda", "llvmlite", "math", "numba", "numba_cuda", "numpy", "operator")
_COMPILERS = ("llvmlite", "numba", "numba-cuda", "numpy", "nvidia-nvjitlink", "nvidia-nvvm")
_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...), np.generic, np.dtype)


class _Unknown(Exception):
    """A value that cannot be described as text."""


def fingerprint(function: Callable, types: tuple, *more: Any) -> str | None:
    """Return a digest of a function, of Numba's types of its arguments, and of plain values; None if it has none."""
    seen: dict[int, int] = {}
    try:
        text = repr((_function(function, seen), [_type(t) for t in types], _value(more, seen), compilers()))
    except _Unknown:
        return None
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def compilers() -> tuple[tuple[str, str], ...]:
    """Return the versions of the packages that compile a kernel; "" for one that is not installed as a package."""

    def one(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:
            return ""

    return tuple((name, one(name)) for name in _COMPILERS)


def _value(value: Any, seen: dict[int, int]) -> Any:
    """Return a nested tuple of plain values that says all that a compiler can read from a value."""
    if isinstance(value, _PLAIN):
        return type(value).__name__, repr(value)
    if isinstance(value, (tuple, list)):
        fields = getattr(value, "_fields", ())
        return type(value).__qualname__, fields, tuple(_value(v, seen) for v in value)
    if isinstance(value, dict):
        return "dict", tuple((_value(k, seen), _value(v, seen)) for k, v in value.items())
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return "array", repr(value.dtype), value.shape, value.strides, hashlib.sha256(value.tobytes()).hexdigest()
    if (module := _module(value)).split(".")[0] in _INSTALLED:
        return module, getattr(value, "__qualname__", "")
    function = getattr(value, "py_func", None) or getattr(value, "_defn", None)  # of a dispatcher, of an intrinsic
    if function is not None:
        options = getattr(value, "targetoptions", None) or getattr(value, "_kwargs", None) or {}
        return type(value).__name__, _function(function, seen), _value(dict(options), seen)
    if isinstance(value, FunctionType):
        return _function(value, seen)
    if type(value).__module__.startswith("numba.core.types"):
        return _type(value)
    if type(value).__module__ == "llvmlite.ir.types":
        return "LLVM", str(value)
    raise _Unknown(value)


def _module(value: Any) -> str:
    """Return the name of a module, or of the module that defines a class or a function of C; "" for other values."""
    if isinstance(value, ModuleType):
        return value.__name__
    if isinstance(value, type) or type(value).__name__ in ("builtin_function_or_method", "ufunc"):
        return getattr(value, "__module__", None) or "numpy"  # a ufunc has none
    return value.__module__ if isinstance(value, FunctionType) else ""


def _function(function: Callable, seen: dict[int, int]) -> Any:
    """Return the same of a function: its code with lines and file, and the values that it names."""
    if not isinstance(function, FunctionType):
        raise _Unknown(function)
    if id(function) in seen:
        return "seen", seen[id(function)]
    seen[id(function)] = len(seen)
    code = function.__code__
    try:
        cells = tuple(cell.cell_contents for cell in function.__closure__ or ())
    except ValueError as error:  # a variable that its function has not set
        raise _Unknown(function) from error
    names = sorted(_globals(code) - set(vars(builtins)) | (_globals(code) & set(function.__globals__)))
    return (
        function.__module__,
        function.__qualname__,
        hashlib.sha256(marshal.dumps(code, 2)).hexdigest(),  # version 2: the same bytes in every process
        _value(cells, seen),
        _value((function.__defaults__, function.__kwdefaults__), seen),
        tuple((n, _value(function.__globals__[n], seen)) for n in names if n in function.__globals__),
    )


def _globals(code: CodeType) -> set[str]:
    """Return the names that a function, and the functions within it, look up outside."""
    found = {i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return found.union(*(_globals(c) for c in code.co_consts if isinstance(c, CodeType)))


def _type(kind: Any) -> Any:
    """Return the same of one of Numba's types: its name, its fields and theirs."""
    parts = kind.types if hasattr(kind, "types") else ()
    return type(kind).__name__, str(kind), tuple(getattr(kind, "fields", None) or ()), tuple(_type(t) for t in parts)
