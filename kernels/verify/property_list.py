"""Every property that a pass is held to: what it is tried on, and what a certificate says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kernels.cuda.bounds import BOUNDS as ON_TENSOR_CORES
from kernels.verify.implementation import FromFile
from kernels.verify.memory import calls, layouts, repeats, surroundings
from kernels.verify.problem import Operation, Problem
from kernels.verify.properties import Implementation, Measured, adjoint, differences, integers, random
from kernels.verify.special import scales, special
from kernels.verify.unwritten import unwritten


@dataclass(frozen=True)
class Property:
    """A property: the function that checks it, the kind of numbers, the sets of problems, and its sentence."""

    check: Callable[[Operation, Implementation, str, Problem], Measured]
    kind: str
    sets: tuple[str, ...]
    says: str


PROPERTIES = {
    "integers": Property(
        integers,
        "integers",
        ("small", "stretched", "large", "long"),
        "small integers, whose sums are exact, agree bit for bit with the oracle",
    ),
    "random": Property(
        random,
        "random",
        ("small", "large"),
        "numbers over many decades lie within the rounding bound gamma_k * sum|terms|",
    ),
    "positive": Property(
        random, "positive", ("small",), "positive numbers, where nothing cancels, lie within the same bound"
    ),
    "unlike": Property(
        random,
        "unlike",
        ("small",),
        "images, rows and channels of very different scale do not mix: each lies within its own bound",
    ),
    "special": Property(
        special,
        "integers",
        ("small",),
        "NaN and infinity reach just the numbers whose formula holds them, and -0 counts as 0",
    ),
    "scales": Property(
        scales,
        "integers",
        ("small",),
        "times a power of two, down to subnormal numbers and up to the largest, the same digits",
    ),
    "adjoint": Property(adjoint, "integers", ("small",), "<dy, f(v)> = <dv, v> exactly, on integers"),
    "differences": Property(
        differences, "smooth", ("small",), "gradients are central differences of the loss, in float64"
    ),
    "surroundings": Property(
        surroundings, "integers", ("small",), "what lies beside the arguments in memory is neither read nor written"
    ),
    "layouts": Property(
        layouts, "integers", ("small",), "arguments in any order in memory, and read-only ones, give the same bits"
    ),
    "calls": Property(
        calls, "integers", ("small",), "results are arrays of their own and depend on nothing that was called before"
    ),
    "unwritten": Property(
        unwritten,
        "integers",
        ("small",),
        "what memory held that results and temporary arrays are made of makes no difference",
    ),
    "repeats": Property(repeats, "random", ("small",), "run again and again, the same bits"),
}


def applies(what: str, op: Operation, impl: Implementation, name: str, dtype: Any) -> bool:
    """Return whether this pass has such a property."""
    gradient = "backward" in name
    if what in op.without:
        return False
    if what == "adjoint":
        return gradient and impl.factor is None and any(r[1:] in op.linear for r in op.passes[name])
    if what == "differences":
        return gradient and dtype == np.float64
    if what in ("special", "scales") and impl.variant in ON_TENSOR_CORES:
        return False  # kernels/cuda/bounds.py: neither infinity nor what underflows is promised on tensor cores
    if what == "special":
        return impl.factor is None and name not in op.selective
    if what == "scales":
        return impl.factor is None and name in op.scaled
    if what in (
        "surroundings",
        "layouts",
        "calls",
        "unwritten",
    ):  # elsewhere the arrays are copied before a kernel sees them
        return isinstance(impl, FromFile) or impl.target == "cpu"
    return True
