"""Usual mistakes in a convolution and in its gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from convnet.exercises.feedback.correlating import Setup, collect, correlate, scatter, setup, windows
from convnet.exercises.feedback.mistake import Case, Mistake, by


def _shift(s: Setup, rows: int = 0, columns: int = 0) -> dict[str, Any]:
    return {"start": (s.start[0] + rows, s.start[1] + columns)}


# what to say, and the changes of a setup; they hold for every pass that reads x or writes dx
PLACES: tuple[tuple[str, Callable[[Setup], dict[str, Any]]], ...] = (
    (
        "your kernel is turned by 180°: x[i+p, j+q] belongs to k[p,q], without a flip",
        lambda s: {"k": s.k[::-1, ::-1]},
    ),
    ("your kernel is upside down: its rows are taken from the last to the first", lambda s: {"k": s.k[::-1]}),
    ("your kernel is mirrored: its columns are taken from the last to the first", lambda s: {"k": s.k[:, ::-1]}),
    (
        "stride and dilation are exchanged: the output i moves in steps of s, the tap p in steps of d",
        lambda s: {"stride": s.dilation, "dilation": s.stride},
    ),
    (
        "the two strides are exchanged: stride[0] is for rows, stride[1] for columns",
        lambda s: {"stride": s.stride[::-1]},
    ),
    (
        "the two dilations are exchanged: dilation[0] is for rows, dilation[1] for columns",
        lambda s: {"dilation": s.dilation[::-1]},
    ),
    ("the stride is ignored: output i begins at pixel s*i", lambda s: {"stride": (1, 1)}),
    ("the dilation is ignored: tap p lies d*p pixels from the first", lambda s: {"dilation": (1, 1)}),
    ("stride[0] is used for rows and for columns", lambda s: {"stride": (s.stride[0],) * 2}),
    ("dilation[0] is used for rows and for columns", lambda s: {"dilation": (s.dilation[0],) * 2}),
    (
        "the padding is ignored: the first window begins at row -top and column -left",
        lambda s: {"start": (0, 0)},
    ),
    (
        "the padding has the wrong sign: the row that is read is i + p - top",
        lambda s: {"start": (-s.start[0], -s.start[1])},
    ),
    ("top and left are exchanged", lambda s: {"start": s.start[::-1]}),
    (
        "a negative index reads from the other end: x[-1] is the last row, so check 0 <= h",
        lambda s: {"outside": "wrap"},
    ),
    ("pixels outside repeat the edge; the formula has 0 there", lambda s: {"outside": "clamp"}),
    *(
        (
            f"everything is shifted by one row: check the row index, {which}",
            lambda s, by=by: {"start": (s.start[0] + by, s.start[1])},
        )
        for by, which in ((1, "which is 1 too large"), (-1, "which is 1 too small"))
    ),
    *(
        (
            f"everything is shifted by one column: check the column index, {which}",
            lambda s, by=by: {"start": (s.start[0], s.start[1] + by)},
        )
        for by, which in ((1, "which is 1 too large"), (-1, "which is 1 too small"))
    ),
)


def _other_padding(case: Case) -> Setup:
    (_, bottom), (_, right) = case.problem.settings["padding"]
    return setup(case, start=(-bottom, -right))


def _only_tap(rows: slice, columns: slice) -> Callable[[Case], Any]:
    def make(case: Case) -> Any:
        s = setup(case)
        k = np.zeros_like(s.k)
        k[rows, columns] = s.k[rows, columns]
        return correlate(replace(s, k=k))

    return make


def _last_term(case: Case) -> np.ndarray:
    s = setup(case)
    k = np.zeros_like(s.k)
    k[-1, -1, -1] = s.k[-1, -1, -1]
    return correlate(replace(s, k=k, b=None))


def _bias(change: Callable[[np.ndarray, Setup], Any]) -> Callable[[Case], Any]:
    def make(case: Case) -> Any:
        s = setup(case)
        return None if s.b is None else correlate(replace(s, b=None)) + change(s.b, s)

    return make


def _channel(c: int) -> Callable[[Case], Any]:
    def make(case: Case) -> Any:
        s = setup(case)
        k = np.zeros_like(s.k)
        k[:, :, c] = s.k[:, :, c]
        return correlate(replace(s, k=k))

    return make


def _same_size(case: Case) -> Any:
    s = setup(case)
    (P, Q), (_, H, W, _) = s.k.shape[:2], s.x.shape
    wide = np.zeros((len(s.x), H, W, s.k.shape[3]))
    return correlate(replace(s, dy=wide, start=(-((P - 1) // 2), -((Q - 1) // 2))))


def _cumulative(case: Case) -> Any:
    s = setup(case)
    y = correlate(replace(s, b=None))
    y = np.cumsum(y).reshape(y.shape)
    return y if s.b is None else y + s.b


def _in_bytes(case: Case) -> Any:
    s = setup(case)
    return correlate(s).astype(np.int64).astype(np.int8)


def _mixed(case: Case) -> Any:
    """Return a depthwise convolution whose channels are all added up."""
    s = setup(case)
    if s.groups == 1:
        return None
    total = np.einsum("nijpqc,pqf->nijf", windows(s), s.k[:, :, 0])
    return total if s.b is None else total + s.b


def _placed(run: Callable[[Setup], Any], but: str = "no such word") -> tuple[Mistake, ...]:
    """Return the mistakes of PLACES in a pass; `but`: without those that name this."""
    return tuple(by(says, partial(_run, run=run, change=change)) for says, change in PLACES if but not in says)


def _run(case: Case, run: Callable[[Setup], Any], change: Callable[[Setup], dict[str, Any]]) -> Any:
    s = setup(case)
    return run(replace(s, **change(s)))


def _with(change: Callable[[Setup], dict[str, Any]]) -> Callable[[Case], Any]:
    """Return how y is made with changes of the setup."""
    return lambda case: _run(case, correlate, change)


def _repeat_first(a: np.ndarray, axis: int) -> np.ndarray:
    return np.repeat(np.take(a, [0], axis), a.shape[axis], axis)


def _mean(case: Case) -> Any:
    s = setup(case)
    return correlate(replace(s, b=None)) / s.k[..., 0].size + (0.0 if s.b is None else s.b)


FORWARD = (
    *_placed(correlate),
    by("bottom and right are taken for top and left", lambda case: correlate(_other_padding(case))),
    by("the bias is missing: start each sum from b[f]", _bias(lambda b, s: 0)),
    by(
        "the bias is added once for every product; it belongs outside the sum", _bias(lambda b, s: b * s.k[..., 0].size)
    ),
    by("the bias is subtracted; it is added", _bias(lambda b, s: -b)),
    by("the bias is added twice", _bias(lambda b, s: 2 * b)),
    by("every filter has the first filter's bias: b[f], not b[0]", _bias(lambda b, s: b[0])),
    by("only the first channel is summed: the sum runs over all c", _channel(0)),
    by("only the last channel is in the sum: is y set where it should be added to?", _channel(-1)),
    by(
        "the channels are all multiplied by the first channel's kernel: k[p,q,c,f], not k[p,q,0,f]",
        _with(lambda s: {"k": _repeat_first(s.k, 2)}),
    ),
    by(
        "every filter computes the first filter: k[p,q,c,f], not k[p,q,c,0]",
        _with(lambda s: {"k": _repeat_first(s.k, 3)}),
    ),
    by(
        "every image is computed from the first one: x[n], not x[0]",
        _with(lambda s: {"x": _repeat_first(s.x, 0)}),
    ),
    by("the last row of the kernel is left out: p runs over range(P)", _only_tap(slice(0, -1), slice(None))),
    by("the last column of the kernel is left out: q runs over range(Q)", _only_tap(slice(None), slice(0, -1))),
    by("the first row of the kernel is left out: p begins at 0", _only_tap(slice(1, None), slice(None))),
    by("the first column of the kernel is left out: q begins at 0", _only_tap(slice(None), slice(1, None))),
    by("only the last product is kept: add up with += instead of =", _last_term),
    by("the sum goes on from one number of y to the next: set it back to 0 for each", _cumulative),
    by("the result has the image's size: without padding, the window fits H - P + 1 times only", _same_size),
    by("the result overflows: 8 bits hold nothing above 127", _in_bytes),
    by("the channels are mixed: each output channel reads its own input channel only", _mixed),
    by(
        "the image is squared: each product is x times k",
        _with(lambda s: {"x": s.x**2}),
    ),
    by(
        "the window's mean is taken instead of its sum",
        _mean,
    ),
)


def _dx(s: Setup) -> np.ndarray:
    return scatter(s, s.x.shape)


def _set(case: Case) -> np.ndarray:
    return scatter(setup(case), case.problem["x"].shape, add=False)


def _one_filter(case: Case) -> Any:
    s = setup(case)
    dy = np.zeros_like(s.dy)
    dy[..., -1] = s.dy[..., -1]
    return scatter(replace(s, dy=dy), s.x.shape)


DATA = (
    by(
        "dx is set, not added up: many windows read a pixel, so use +=",
        _set,
    ),
    *_placed(_dx),
    by(
        "bottom and right are taken for top and left",
        lambda case: _dx(_other_padding(case)),
    ),
    by("only the last filter is summed: the gradient collects from all f", _one_filter),
)


def _weights(change: Callable[[np.ndarray, np.ndarray, Setup], Any]) -> Callable[[Case], Any]:
    return lambda case: change(*collect(setup(case)), setup(case))


WEIGHTS = (
    by("only dk is returned: return dk, db", _weights(lambda dk, db, s: dk)),
    by("dk and db are exchanged: return dk, db", _weights(lambda dk, db, s: (db, dk))),
    by("db is a mean; it is the sum of dy over n, i and j", _weights(lambda dk, db, s: (dk, db / s.dy[..., 0].size))),
    by("db is divided by the number of images; it is a plain sum", _weights(lambda dk, db, s: (dk, db / len(s.dy)))),
    by("dk is divided by the number of images; it is a plain sum", _weights(lambda dk, db, s: (dk / len(s.dy), db))),
    by("dk and db are divided by the number of images", _weights(lambda dk, db, s: (dk / len(s.dy), db / len(s.dy)))),
    by("dk is a mean over all positions; it is their sum", _weights(lambda dk, db, s: (dk / s.dy[..., 0].size, db))),
    by("db is 0: it is the sum of dy over n, i and j", _weights(lambda dk, db, s: (dk, 0 * db))),
    by("dk is turned by 180°: dk[p,q] belongs to x[i+p, j+q]", _weights(lambda dk, db, s: (dk[::-1, ::-1], db))),
    by(
        "only the last image counts: add up over n",
        _weights(lambda dk, db, s: collect(replace(s, x=s.x[-1:], dy=s.dy[-1:]))),
    ),
    *_placed(collect, but="kernel"),
    by("bottom and right are taken for top and left", lambda case: collect(_other_padding(case))),
)

MISTAKES: dict[str, tuple[Mistake, ...]] = {"forward": FORWARD, "backward_data": DATA, "backward_weights": WEIGHTS}
