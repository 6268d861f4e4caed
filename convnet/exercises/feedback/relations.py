"""What a wrong result has to do with the right one, whatever the operation: sign, factor, shift, order of the axes."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from convnet.exercises.feedback.mistake import Case, Mistake, relation, same

HALF_PRECISION = 2e-3  # relative; what float16 leaves


def _factor(a: np.ndarray, e: np.ndarray) -> float | None:
    """Return c if a = c e for one c."""
    if a.shape != e.shape or not np.isfinite(a).all() or not np.any(e):
        return None
    c = float(np.vdot(e, a) / np.vdot(e, e))
    return c if c and same((a,), (c * e,)) else None


def _one_off(a: np.ndarray, e: np.ndarray) -> bool | None:
    if a.shape != e.shape or a.size < 2:
        return None
    return same((a - e,), (np.full(a.shape, (a - e).flat[0]),))


def _shifted(axis: int, by: int) -> Mistake:
    def holds(a: np.ndarray, e: np.ndarray) -> bool | None:
        if a.shape != e.shape or a.ndim != 4 or a.shape[axis] < 3:
            return None
        a, e = np.moveaxis(a, axis, 0), np.moveaxis(e, axis, 0)
        a, e = (a[by:], e[:-by]) if by > 0 else (a[:by], e[-by:])
        return bool(np.any(e)) and same((a,), (e,))

    line = "row" if axis == 1 else "column"
    where = {(1, 1): "down", (1, -1): "up", (2, 1): "to the right", (2, -1): "to the left"}[axis, by]
    return relation(f"the result is shifted by one {line}, {where}: check the {line} index", holds)


def _reordered(a: np.ndarray, e: np.ndarray) -> bool | None:
    """Return whether a is e with its axes in another order."""
    if a.ndim < 2 or a.ndim != e.ndim:
        return None
    orders = [o for o in permutations(range(e.ndim)) if o != tuple(range(e.ndim))]
    return any(same((a,), (e.transpose(o),)) for o in orders)


def _as_channels_first(a: np.ndarray, e: np.ndarray) -> bool | None:
    return a.shape == (e.shape[0], e.shape[3], *e.shape[1:3]) if e.ndim == 4 else None


def _edge(axis: int, last: bool) -> Mistake:
    """Return the mistake that all is right but the last (or first) row or column."""

    def holds(a: np.ndarray, e: np.ndarray) -> bool | None:
        if a.shape != e.shape or a.ndim != 4 or a.shape[axis] < 2:
            return None
        a, e = np.moveaxis(a, axis, 0), np.moveaxis(e, axis, 0)
        inner = slice(0, -1) if last else slice(1, None)
        return same((a[inner],), (e[inner],))

    which, line = "last" if last else "first", "row" if axis == 1 else "column"
    loop = "does the loop stop one too early?" if last else "does the loop begin one too late?"
    return relation(f"all is right but the {which} {line} of the result: {loop}", holds)


def _first_only(axis: int, what: str) -> Mistake:
    def holds(a: np.ndarray, e: np.ndarray) -> bool | None:
        if a.shape != e.shape or a.ndim != 4 or a.shape[axis] < 2:
            return None
        a, e = np.moveaxis(a, axis, 0), np.moveaxis(e, axis, 0)
        return same((a[:1],), (e[:1],)) and not a[1:].any()

    return relation(f"only the first {what} is computed, the others are 0: is the return inside a loop?", holds)


def _shape(what: str, change: tuple[int, int]) -> Mistake:
    """Return the mistake that a result has this many more rows and columns, for instance."""

    def test(case: Case) -> bool | None:
        a, e = case.given[0], case.right[0]
        if a.ndim != 4 or e.ndim != 4 or a.shape == e.shape:
            return None
        return (a.shape[1] - e.shape[1], a.shape[2] - e.shape[2]) == change and a.shape[::3] == e.shape[::3]

    return Mistake(what, test)


def _whole(a: np.ndarray, e: np.ndarray) -> bool | None:
    return None if same((e,), (np.trunc(e),)) else same((a,), (np.trunc(e),)) or same((a,), (np.floor(e),))


def _imprecise(a: np.ndarray, e: np.ndarray) -> bool | None:
    if a.shape != e.shape or not e.size:
        return None
    size = float(np.abs(e).max())
    return bool(np.abs(a - e).max() <= HALF_PRECISION * size)


def _has_nan(a: np.ndarray, e: np.ndarray) -> bool:
    return bool(np.isnan(a).any())


def _rectified(a: np.ndarray, e: np.ndarray) -> bool:
    return same((a,), (np.maximum(e, 0),))


def _is_multiple(a: np.ndarray, e: np.ndarray) -> bool:
    return _factor(a, e) is not None


RELATIONS = (
    relation(
        "the result is 0 everywhere: is anything added up, and returned?",
        lambda a, e: a.shape == e.shape and not a.any(),
    ),
    relation("the sign is wrong everywhere", lambda a, e: _factor(a, e) == -1.0 or same((a,), (-e,))),
    relation(
        "the result holds NaN, not a number: is something divided by 0, or left unset?",
        lambda a, e: bool(np.isnan(a).any()),
    ),
    relation("the result is infinite: it overflows", lambda a, e: bool(np.isinf(a).any())),
    relation(
        "negative numbers are set to 0: there is no rectifier in the formula",
        lambda a, e: same((a,), (np.maximum(e, 0),)),
    ),
    relation("every number lost its sign", lambda a, e: same((a,), (np.abs(e),))),
    relation("numbers are cut to integers: give the result a floating-point dtype, np.zeros(shape)", _whole),
    relation("the axes of the result are in another order: it is (N,Ho,Wo,F), channels last", _reordered),
    relation("the axes of the result are in another order: channels belong last", _as_channels_first),
    relation("the result's rows are upside down", lambda a, e: a.ndim == 4 and same((a,), (e[:, ::-1],))),
    relation("the result is mirrored", lambda a, e: a.ndim == 4 and same((a,), (e[:, :, ::-1],))),
    relation("the filters are in the reverse order", lambda a, e: a.ndim == 4 and same((a,), (e[..., ::-1],))),
    *(_shifted(axis, by) for axis in (1, 2) for by in (1, -1)),
    *(_edge(axis, last) for axis in (1, 2) for last in (True, False)),
    *(_first_only(axis, what) for axis, what in ((0, "image"), (3, "filter or channel"), (1, "row"))),
    _shape("the result has one row and one column too few: Ho = H - P + 1, the + 1 is missing", (-1, -1)),
    _shape("the result has one row and one column too many: Ho = H - P + 1", (1, 1)),
    relation(
        "the result is a multiple of the right one: a factor is wrong or missing",
        _is_multiple,
    ),
    relation("the same number is added to every result", _one_off),
    relation(
        "right to a few digits only: something is computed in float32 or less; convert with a.astype(float) first",
        _imprecise,
    ),
)
