"""The properties of a pass's numbers. Each takes (operation, implementation, pass, problem) and raises Broken."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from kernels.amx import bounds as matrix_unit
from kernels.cuda import bounds as tensor_cores
from kernels.verify import rounding
from kernels.verify.implementation import FromFile, Registered, WroteBesideError, describe_error
from kernels.verify.problem import Operation, Problem, as_tuple, exact
from kernels.verify.rounding import Limit

Implementation = Registered | FromFile
NEIGHBOURS = "reads and writes nothing beside its arguments"
STEP = 1e-6  # of a central difference: truncation is of its square, rounding of 1e-16 / STEP
TOLERANCE = 1e-7  # of a central difference, relative to the terms' magnitudes: 10 times what rounding leaves
# variant that is chosen by name only -> the module that proves its bound
BOUNDS = {variant: unit for unit in (matrix_unit, tensor_cores) for variant in unit.BOUNDS}


@dataclass(frozen=True)
class Measured:
    """How far a result was from the exact one."""

    fraction: float = 0.0  # of the rounding bound
    ulp: float | None = None  # None: no number of a result was fit to be measured so


class Broken(Exception):
    """A property that does not hold: which, of what result, and what was expected there."""

    def __init__(
        self, what: str, message: str, result: str = "", at: tuple = (), expected: Any = None, actual: Any = None
    ):
        super().__init__(message)
        self.property, self.message, self.result, self.at = what, message, result, at
        self.expected, self.actual = expected, actual


def results(op: Operation, impl: Implementation, name: str, p: Problem) -> tuple[np.ndarray, ...]:
    """Return the results of a pass in the problem's dtype, after checking their number, shapes and dtypes."""
    return _check_results(op, impl, name, p, call(op, impl, name, p))


def call(op: Operation, impl: Implementation, name: str, p: Problem, more: dict[str, Any] | None = None) -> Any:
    """Run a pass, with more settings than the problem's if there are any, and return what it gives."""
    args, settings = op.arguments(name, p)
    settings = {**settings, **(more or {})}
    before = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    try:
        with np.errstate(all="ignore"):
            given = impl.call(name, args, settings)
    except (KeyboardInterrupt, Broken):
        raise
    except WroteBesideError as error:
        raise Broken(NEIGHBOURS, str(error)) from error
    except BaseException as error:
        raise Broken("runs", f"{name} raised {describe_error(error, getattr(impl, 'path', None))}") from error
    for i, (a, b) in enumerate(zip(args, before, strict=True)):
        if isinstance(a, np.ndarray) and a.tobytes() != b.tobytes():
            raise Broken("inputs are never mutated", f"{name} overwrote its argument number {i + 1}")
    return given


def _check_results(op: Operation, impl: Implementation, name: str, p: Problem, given: Any) -> tuple[np.ndarray, ...]:
    wanted, names = exact(op, name, p), op.passes[name]
    if given is None:
        raise Broken("returns its result", f"{name} returned None, expected {', '.join(names)}: is a return missing?")
    parts = given if isinstance(given, tuple) else (given,)
    if len(parts) != len(wanted):
        raise Broken("returns its result", f"{name} returned {len(parts)} results, expected {', '.join(names)}")
    for result, part, w in zip(names, parts, wanted, strict=True):
        if not isinstance(part, np.ndarray) and not (w.shape == () and np.isscalar(part)):
            raise Broken("returns its result", f"{name}: {result} is {type(part).__name__}, expected a NumPy array")
        if np.shape(part) != w.shape:
            raise Broken("shape", f"{name}: {result} has shape {np.shape(part)}, expected {w.shape}", result)
        _check_dtype(impl, name, result, np.asarray(part).dtype, w.dtype, p.dtype)
    return tuple(np.asarray(a).astype(p.dtype if w.dtype.kind == "f" else w.dtype)
                 for a, w in zip(parts, wanted, strict=True))  # fmt: skip


def _check_dtype(impl: Implementation, name: str, result: str, got: Any, oracle: Any, inputs: Any) -> None:
    if oracle.kind != "f":
        good, wanted = got == oracle if impl.exact_dtype else got.kind in "iu", f"{oracle}"
    elif impl.exact_dtype:
        good, wanted = got == inputs, f"{inputs}"
    else:
        good, wanted = got in (inputs, np.dtype(np.float64)), f"{inputs}, the inputs' dtype (or float64)"
    if not good:
        raise Broken("dtype", f"{name}: {result} is {got}, expected {wanted}", result)


def integers(op: Operation, impl: Implementation, name: str, p: Problem) -> Measured:
    """Check the numbers that are exact at every step: there is one right answer, in whatever order it is summed."""
    actual = results(op, impl, name, p)
    if impl.factor is not None or not op.is_exact(p):
        return _within(op, impl, name, p, actual)
    for result, a, e in zip(op.passes[name], actual, exact(op, name, p), strict=True):
        raise_first("small integers agree bit for bit", result, a, e, a != e.astype(a.dtype))
    return Measured()


def random(op: Operation, impl: Implementation, name: str, p: Problem) -> Measured:
    """Check that every number lies within the rounding bound of the oracle."""
    return _within(op, impl, name, p, results(op, impl, name, p))


def _within(op: Operation, impl: Implementation, name: str, p: Problem, actual: Any) -> Measured:
    limits = _limits(op, impl, name, p)
    worst, ulps = 0.0, list[float | None]()
    for result, a, e, limit in zip(op.passes[name], actual, exact(op, name, p), limits, strict=True):
        part = rounding.fraction(a, e, limit)
        if not part <= 1:
            with np.errstate(invalid="ignore"):
                wrong = ~(np.abs(a.astype(float) - e) <= limit.bound)
            raise_first("within the rounding bound", result, a, e, wrong, f", {part:.3g} times the bound")
        ulps.append(rounding.ulps(a, e, limit) if a.dtype.kind == "f" else None)
        worst = max(worst, part)
    return Measured(worst, max((u for u in ulps if u is not None), default=None))


def _limits(op: Operation, impl: Implementation, name: str, p: Problem) -> tuple[Limit, ...]:
    """Return the bounds of a pass: the operation's own, or the variant's."""
    if impl.factor is not None:
        return op.own_limits(name, p, impl.factor)
    if impl.variant in BOUNDS:
        return op.limits_of_sums(name, p, partial(BOUNDS[impl.variant].roundings, impl.variant))
    return op.limits(name, p)


def raise_first(what: str, result: str, a: np.ndarray, e: np.ndarray, wrong: np.ndarray, more: str = "") -> None:
    """Raise Broken for the first number of a result that is wrong, if there is one."""
    if not wrong.any():
        return
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    expected, actual = float(e[at]), float(a[at])
    count = f"{int(wrong.sum())} of {wrong.size} numbers"
    where = f"{result}[{','.join(map(str, at))}]" if at else result
    message = f"{where} should be {expected:.17g}, is {actual:.17g} ({count} of {result} differ{more})"
    raise Broken(what, message, result, at, expected, actual)


def raise_other_bits(what: str, op: Operation, name: str, given: tuple, expected: tuple) -> None:
    """Raise Broken for the first result whose bits differ."""
    for result, a, e in zip(op.passes[name], given, expected, strict=False):
        if a.shape != e.shape or a.tobytes() != e.tobytes():
            count = "its shape" if a.shape != e.shape else f"{np.count_nonzero(a != e)} of {a.size} numbers"
            raise Broken(what, f"{name}: {result} is another, in {count}", result)


def adjoint(op: Operation, impl: Implementation, name: str, p: Problem) -> Measured:
    """Check <dy, f(v) - f(0)> = <dv, v> for every array v in which forward is linear; it is exact on integers."""
    gradients, dy = results(op, impl, name, p), p["dy"].astype(float)
    for result, gradient in zip(op.passes[name], gradients, strict=True):
        v = result[1:]
        if v not in op.linear or v not in p.arrays:  # a convolution may have no bias
            continue
        whole, rest = (_forward(op, impl, q, name) for q in (p, p.replace(**{v: np.zeros_like(p[v])})))
        left, right = np.vdot(dy, whole - rest), np.vdot(gradient.astype(float), p[v].astype(float))
        if left != right:
            message = f"<dy, y> should be <{result}, {v}>: {left:.17g} is not {right:.17g}"
            raise Broken("adjoint of forward", message, result, (), float(left), float(right))
    return Measured()


def differences(op: Operation, impl: Implementation, name: str, p: Problem) -> Measured:
    """Check the gradient along a direction against the loss's central difference; the loss is <dy, y>, or L itself."""
    rng = np.random.default_rng(0)
    for result, gradient in zip(op.passes[name], results(op, impl, name, p), strict=True):
        if result[1:] not in p.arrays:
            continue
        v = p[result[1:]]
        u = rng.standard_normal(v.shape)
        dy = p.arrays.get("dy", np.ones(()))
        ends = [_forward(op, impl, p.replace(**{result[1:]: v + s * STEP * u}), name) for s in (1, -1)]
        slope, given = (np.vdot(dy, ends[0]) - np.vdot(dy, ends[1])) / (2 * STEP), np.vdot(gradient, u)
        scale = np.abs(dy * ends[0]).sum() + np.abs(gradient * u).sum()
        if not abs(slope - given) <= TOLERANCE * scale:
            message = f"<{result}, u> should be the central difference {slope:.10g}, is {given:.10g}"
            raise Broken("central differences", message, result, (), float(slope), float(given))
    return Measured()


def _forward(op: Operation, impl: Implementation, p: Problem, gradient: str) -> np.ndarray:
    """Return y, or L, of the pass that this is the gradient of; the oracle's if the implementation has none."""
    name = op.forwards.get(gradient, "forward")
    if impl.has(name):
        given = call(op, impl, name, p)
        y = given[0] if isinstance(given, tuple) and given else given
        wanted = p["dy"].shape if "dy" in p.arrays else ()
        if y is None or np.shape(y) != wanted:  # the oracle is not asked again only to say so
            raise Broken("shape", f"{name}'s result has shape {np.shape(y)}, expected {wanted}")
        return np.asarray(y).astype(p.dtype).astype(float)
    args, settings = op.arguments(name, p)
    return as_tuple(op.reference(name)(*args, **settings))[0]
