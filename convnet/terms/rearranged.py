"""The terms of arithmetic, concatenation and resampling: one output's, and one number's of each gradient."""

from __future__ import annotations

from itertools import product as every
from math import prod

import numpy as np

from convnet.engine.rearranging import operands
from convnet.engine.site import Site
from convnet.terms.terms import Draft, Term, product, sum_terms
from kernels import arithmetic as kernel
from kernels.arithmetic import reference
from kernels.verify.rounding import of_sum

Index = tuple[int, ...]
Terms = tuple[str, list[Term]]
SIGNS = {"add": "a + b", "subtract": "a - b", "multiply": "a * b", "divide": "a / b"}


def at(name: str, index: Index) -> str:
    """Return "x[0,3,4,0]" for ("x", (0, 3, 4, 0))."""
    return f"{name}[{','.join(map(str, index))}]"


def repeated_place(index: Index, shape: Index) -> Index:
    """Return the index in an array whose axes of length 1 are repeated."""
    last = index[len(index) - len(shape) :]
    return tuple(0 if length == 1 else i for i, length in zip(last, shape, strict=True))


def arithmetic(s: Site, index: Index) -> Draft:
    """Take one output apart: the number of a and the number of b."""
    a, b, _ = operands(s)
    kind, ia, ib = s.settings["kind"], repeated_place(index, a.shape), repeated_place(index, b.shape)
    one, other = float(a[ia]), float(b[ib])
    value = float(kernel.forward(np.array([one]), np.array([other]), kind, variant="reference")[0])
    chosen = kind not in SIGNS and value == one
    terms = [
        Term(at("a", ia), (one,), one, chosen),
        Term(at("b", ib), (other,), other, kind not in SIGNS and not chosen),
    ]
    bound = float(of_sum(1, abs(value), s.y.dtype).bound) if kind in SIGNS else 0.0
    return Draft(SIGNS.get(kind, f"{kind}(a, b)"), terms, value, bound, SIGNS.get(kind, f"the {kind}"))


def arithmetic_terms(s: Site, which: int, index: Index) -> Terms:
    """Take one number of da (which = 0) or db apart: every output that reads it, times the slope there."""
    assert s.dy is not None
    a, b, _ = operands(s)
    kind, terms = s.settings["kind"], []
    own = (a, b)[which].shape
    full = (1,) * (s.dy.ndim - len(own)) + own
    place = (0,) * (s.dy.ndim - len(own)) + index
    for i in every(*(range(n) if m == 1 else (p,) for n, m, p in zip(s.dy.shape, full, place, strict=True))):
        numbers = float(a[repeated_place(i, a.shape)]), float(b[repeated_place(i, b.shape)])
        slope = reference.slopes(kind, 1.0, *numbers)[which]
        terms.append(product(f"{at('dy', i)} * {slope:.6g}", s.dy[i], slope))
    name = "ab"[which]
    return f"the sum of dy * slope along {name} over the outputs that read {name}", terms


def _operand(s: Site, position: int) -> int:
    """Return which operand (0: a, 1: b) an input or parameter at this position of both together is."""
    return 1 - position if s.settings.get("reversed") else position


def arithmetic_x(s: Site, place: int, index: Index) -> Terms:
    """Take one number of the gradient with respect to an input apart."""
    return arithmetic_terms(s, _operand(s, place), index)


def arithmetic_p(s: Site, place: int, index: Index) -> Terms:
    """Take one number of the gradient with respect to the constant apart."""
    return arithmetic_terms(s, _operand(s, len(s.x) + place), index)


def concatenate(s: Site, index: Index) -> Draft:
    """Take one output apart: the same number in one of the inputs."""
    axis, rest = s.settings["axis"], index[s.settings["axis"]]
    for n, x in enumerate(s.x):
        if rest < x.shape[axis]:
            place = (*index[:axis], rest, *index[axis + 1 :])
            value = float(x[place])
            return Draft("the same number of one input", [Term(at(f"x{n}", place), (value,), value)], value, 0.0, "it")
        rest -= x.shape[axis]
    raise IndexError(index)


def concatenate_x(s: Site, place: int, index: Index) -> Terms:
    """Take one number of an input's gradient apart: dy at the number's place in y."""
    assert s.dy is not None
    axis = s.settings["axis"]
    start = sum(x.shape[axis] for x in s.x[:place])
    to = (*index[:axis], start + index[axis], *index[axis + 1 :])
    return "dy at the number's place in y", [product(at("dy", to), s.dy[to])]


def resample(s: Site, index: Index) -> Draft:
    """Take one output apart: every place of x that it reads, times its weights."""
    x, fill, read = s.x[0], s.settings["fill"], []
    for taps, i in zip(s.settings["taps"], index, strict=True):
        read.append(((i, 1.0),) if taps is None else taps[i])
    if not all(read):
        return Draft("the number that is filled in", [Term("fill", (fill,), fill)], fill, 0.0, "it")
    terms = []
    for pairs in every(*read):
        place, weight = tuple(p for p, _ in pairs), prod(w for _, w in pairs)
        terms.append(product(f"{weight:.6g} * {at('x', place)}", weight, x[place]))
    return sum_terms("sum of weight * x over the places that y reads", terms, s.y.dtype, roundings=2)


def resample_x(s: Site, place: int, index: Index) -> Terms:
    """Take one number of dx apart: every place of y that reads it, times its weights."""
    assert s.dy is not None
    readers = []
    for taps, i in zip(s.settings["taps"], index, strict=True):
        if taps is None:
            readers.append([(i, 1.0)])
        else:
            readers.append([(j, w) for j, pairs in enumerate(taps) for p, w in pairs if p == i])
    terms = []
    for pairs in every(*readers):
        at_y, weight = tuple(p for p, _ in pairs), prod(w for _, w in pairs)
        terms.append(product(f"{weight:.6g} * {at('dy', at_y)}", weight, s.dy[at_y]))
    return "sum of weight * dy over the places of y that read x", terms
