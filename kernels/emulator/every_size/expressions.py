"""What integer instructions of PTX compute, as the solver's expressions on bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import z3

LARGEST_FACTOR = 2**20
_LESS = {
    "lt": (lambda a, b: a < b, z3.ULT), "le": (lambda a, b: a <= b, z3.ULE),
    "gt": (lambda a, b: a > b, z3.UGT), "ge": (lambda a, b: a >= b, z3.UGE),
}  # fmt: skip
_LESS |= {"lo": _LESS["lt"], "ls": _LESS["le"], "hi": _LESS["gt"], "hs": _LESS["ge"]}


def width(kind: str) -> int:
    """Return the bits of a type such as `s64`; 1 for a predicate."""
    return 1 if kind == "pred" else int(kind[1:])


def resize(value: Any, bits: int, signed: bool) -> Any:
    """Return a number in more or fewer bits."""
    if value.size() >= bits:
        return z3.Extract(bits - 1, 0, value) if value.size() > bits else value
    return (z3.SignExt if signed else z3.ZeroExt)(bits - value.size(), value)


def compare(how: str, kind: str, a: Any, b: Any) -> Any:
    """Return whether a stands in this relation to b, two integers of a kind."""
    if how in ("eq", "ne"):
        return a == b if how == "eq" else a != b
    signed, unsigned = _LESS[how]
    return signed(a, b) if kind[0] == "s" else unsigned(a, b)


def _shift_left(a: Any, by: Any) -> Any:
    return a << resize(by, a.size(), False)


def _shift_right(kind: str, a: Any, by: Any) -> Any:
    by = resize(by, a.size(), False)
    return a >> by if kind[0] == "s" else z3.LShR(a, by)


def _smaller(kind: str, a: Any, b: Any) -> Any:
    return z3.If(compare("lt", kind, a, b), a, b)


def _larger(kind: str, a: Any, b: Any) -> Any:
    return z3.If(compare("gt", kind, a, b), a, b)


def _multiply(a: Any, b: Any) -> Any:
    """Return the product if one factor is a small constant, as addresses have: others cost the solver too much."""
    a, b = z3.simplify(a), z3.simplify(b)
    return a * b if _is_small(a) or _is_small(b) else None


def _is_small(a: Any) -> bool:
    return z3.is_bv_value(a) and abs(a.as_signed_long()) < LARGEST_FACTOR


def _wide(kind: str, a: Any, b: Any) -> Any:
    bits = 2 * width(kind)
    return _multiply(resize(a, bits, kind[0] == "s"), resize(b, bits, kind[0] == "s"))


def _insert(a: Any, b: Any, start: Any, count: Any) -> Any:
    """Return b with the lowest `count` bits of a from bit `start` on, if both are constants within the number."""
    if not (z3.is_bv_value(start) and z3.is_bv_value(count)):
        return None
    first, bits = start.as_long(), count.as_long()
    if not 0 < bits <= b.size() - first:
        return None
    mask = z3.BitVecVal((1 << bits) - 1 << first, b.size())
    return (b & ~mask) | ((a << first) & mask)


# name, without its type -> what it computes of (type, operands); None, or no entry: anything
INTEGERS: dict[str, Callable[..., Any]] = {
    "mov": lambda _, a: a,
    "cvta.to.global": lambda _, a: a,
    "add": lambda _, a, b: a + b,
    "sub": lambda _, a, b: a - b,
    "neg": lambda _, a: -a,
    "not": lambda _, a: ~a,
    "and": lambda _, a, b: a & b,
    "or": lambda _, a, b: a | b,
    "xor": lambda _, a, b: a ^ b,
    "shl": lambda _, a, by: _shift_left(a, by),
    "shr": _shift_right,
    "min": _smaller,
    "max": _larger,
    "bfi": lambda _, a, b, start, count: _insert(a, b, start, count),
    "mul.lo": lambda _, a, b: _multiply(a, b),
    "mul.wide": _wide,
    "mad.lo": lambda _, a, b, c: None if _multiply(a, b) is None else _multiply(a, b) + c,
    "mad.wide": lambda kind, a, b, c: None if _wide(kind, a, b) is None else _wide(kind, a, b) + c,
}
PREDICATES: dict[str, Callable[..., Any]] = {
    "and": z3.And, "or": z3.Or, "not": z3.Not, "xor": z3.Xor, "mov": lambda a: a,
}  # fmt: skip
