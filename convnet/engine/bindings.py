"""How each operation's kernels are bound to a plan's arrays: a forward and a backward that take no arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from convnet.engine.drawing import advance, drawn
from convnet.engine.operator import Step
from convnet.engine.warping import warped
from kernels import registry, targets
from kernels.device import overlap

Run = Callable[[], None]
Pair = tuple[Run, Run]


def nothing() -> None:
    """Do nothing: the forward or backward of an operation that needs none."""


@dataclass
class Site:
    """One use of an operation in a plan: its arrays. dx and dp hold None for gradients that are not needed."""

    step: Step
    target: str
    x: tuple[np.ndarray, ...]
    y: np.ndarray
    p: tuple[np.ndarray, ...]
    dx: tuple[np.ndarray | None, ...] = ()
    dy: np.ndarray | None = None
    dp: tuple[np.ndarray | None, ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """The step's settings, in normal form."""
        return self.step.settings

    def kernel(self, operation: str | None = None) -> ModuleType:
        """Return the target's default variant of the operation."""
        return registry.load(operation or self.step.operation, self.target)


def _both(*runs: Run | None) -> Run:
    """Return one call for those of the runs that are not None."""
    wanted = [r for r in runs if r is not None]
    if len(wanted) == 1:
        return wanted[0]

    def run_all() -> None:
        for r in wanted:
            r()

    return run_all if wanted else nothing


def _weight_gradients(s: Site, filters: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return where (dk, db) go; without a bias its sum is computed all the same, into scratch."""
    dk = s.dp[0] if s.dp else None
    if dk is None:
        return None
    db = s.dp[1] if len(s.dp) > 1 else None
    return dk, targets.empty((filters,), dk.dtype, s.target) if db is None else db


def conv2d(s: Site) -> Pair:
    """Bind a convolution, or a transposed one; without a needed dx or dk the pass for it is left out."""
    op, x, k, dx = s.kernel(), s.x[0], s.p[0], s.dx[0] if s.dx else None
    b = s.p[1] if len(s.p) > 1 else None
    forward = partial(op.forward, x, k, b, **s.settings, out=s.y)
    dk_db = _weight_gradients(s, s.y.shape[-1])
    data = None if dx is None else partial(op.backward_data, s.dy, k, x.shape, **s.settings, out=dx)
    weights = None if dk_db is None else partial(op.backward_weights, x, s.dy, k.shape, **s.settings, out=dk_db)
    return forward, _both(weights, data)


def convpool(s: Site) -> Pair:
    """Bind convolution, pooling and relu in one; the maxima's places are the site's own."""
    op, x, k, dx = s.kernel(), s.x[0], s.p[0], s.dx[0] if s.dx else None
    b = s.p[1] if len(s.p) > 1 else None
    argmax = targets.empty(s.y.shape, np.uint8, s.target)
    forward = partial(op.forward, x, k, b, out=(s.y, argmax))
    dk_db = _weight_gradients(s, s.y.shape[-1])
    data = None if dx is None else partial(op.backward_data, s.dy, s.y, argmax, k, x.shape, out=dx)
    weights = None if dk_db is None else partial(op.backward_weights, x, s.dy, s.y, argmax, k.shape, out=dk_db)
    return forward, _both(weights, data)


def dense(s: Site) -> Pair:
    """Bind a dense layer's product; without a needed dx or dk the pass for it is left out."""
    op, x, k, dx = s.kernel(), s.x[0], s.p[0], s.dx[0] if s.dx else None
    b = s.p[1] if len(s.p) > 1 else None
    forward = partial(op.forward, x, k, b, out=s.y)
    dk_db = _weight_gradients(s, s.y.shape[-1])
    data = None if dx is None else partial(op.backward_data, s.dy, k, out=dx)
    weights = None if dk_db is None else partial(op.backward_weights, x, s.dy, out=dk_db)
    return forward, _both(weights, data)


def maxpool2d(s: Site) -> Pair:
    """Bind max pooling; the maxima's places are the site's own."""
    op = s.kernel()
    area = s.settings["size"][0] * s.settings["size"][1]
    index = np.uint8 if area <= 1 << 8 else np.uint16 if area <= 1 << 16 else np.uint32
    argmax = targets.empty(s.y.shape, index, s.target)
    size, window = s.settings["size"], {k: v for k, v in s.settings.items() if k != "size"}
    forward = partial(op.forward, s.x[0], size, **window, out=(s.y, argmax))
    if not s.dx or s.dx[0] is None:
        return forward, nothing
    return forward, partial(op.backward, s.dy, argmax, s.x[0].shape, size=size, **window, out=s.dx[0])


def avgpool2d(s: Site) -> Pair:
    """Bind average pooling."""
    op = s.kernel()
    size, window = s.settings["size"], {k: v for k, v in s.settings.items() if k != "size"}
    forward = partial(op.forward, s.x[0], size, **window, out=s.y)
    if not s.dx or s.dx[0] is None:
        return forward, nothing
    return forward, partial(op.backward, s.dy, s.x[0].shape, size=size, **window, out=s.dx[0])


def globalavgpool(s: Site) -> Pair:
    """Bind the mean over the whole image."""
    op = s.kernel()
    forward = partial(op.forward, s.x[0], out=s.y)
    if not s.dx or s.dx[0] is None:
        return forward, nothing
    return forward, partial(op.backward, s.dy, s.x[0].shape, out=s.dx[0])


def _from_output(s: Site) -> Pair:
    """Bind relu, sigmoid, softmax or its logarithm, whose gradient needs the output only."""
    log, rows = s.step.operation == "log_softmax", s.y.shape
    op, settings = s.kernel("softmax" if log else None), {"log": True} if log else {}
    if s.step.operation in ("softmax", "log_softmax"):
        rows = (-1, s.y.shape[-1])
    x, y = s.x[0].reshape(rows), s.y.reshape(rows)
    forward = partial(op.forward, x, **settings, out=y)
    if not s.dx or s.dx[0] is None or s.dy is None:
        return forward, nothing
    return forward, partial(op.backward, s.dy.reshape(rows), y, **settings, out=s.dx[0].reshape(rows))


def unary(s: Site) -> Pair:
    """Bind a function of one number, whose gradient needs the input."""
    op = s.kernel()
    forward = partial(op.forward, s.x[0], **s.settings, out=s.y)
    if not s.dx or s.dx[0] is None:
        return forward, nothing
    return forward, partial(op.backward, s.dy, s.x[0], **s.settings, out=s.dx[0])


def dropout(s: Site) -> Pair:
    """Bind a dropout: backward repeats the mask of the latest forward."""
    op, layer, site_seed = s.kernel(), s.step.layer, s.settings["seed"]
    rate, call = s.settings["rate"], [0]

    def forward() -> None:
        call[0] = advance(layer)
        op.forward(s.x[0], rate, seed=site_seed, step=call[0], out=s.y)

    def backward() -> None:
        op.backward(s.dy, rate, seed=site_seed, step=call[0], out=s.dx[0])

    return forward, backward if s.dx and s.dx[0] is not None else nothing


def batchnorm(s: Site) -> Pair:
    """Bind batch normalization in training, which moves the kept statistics."""
    op, layer, epsilon = s.kernel(), s.step.layer, s.settings["epsilon"]
    x, y = (a.reshape(-1, a.shape[-1]) for a in (s.x[0], s.y))
    gamma, beta, moving_mean, moving_var = s.p
    mean, var = targets.empty_like(gamma), targets.empty_like(gamma)

    def forward() -> None:
        op.forward(x, gamma, beta, epsilon=epsilon, out=(y, mean, var))
        for moving, batch in ((moving_mean, mean), (moving_var, var)):
            op.follow(moving, batch, layer.momentum)  # type: ignore[attr-defined]

    if s.dy is None:
        return forward, nothing
    return forward, _batchnorm_backward(s, op, x, mean, var)


def _batchnorm_backward(s: Site, op: ModuleType, x: np.ndarray, mean: np.ndarray, var: np.ndarray) -> Run:
    """Return the pass that computes all three gradients at once; those that are not needed go to scratch."""
    assert s.dy is not None
    gamma = s.p[0].reshape(-1)
    dx = s.dx[0] if s.dx and s.dx[0] is not None else targets.empty_like(s.x[0])
    given = s.dp[:2] if s.dp else (None, None)
    dgamma, dbeta = (targets.empty_like(gamma) if g is None else g.reshape(-1) for g in given)
    out = (dx.reshape(x.shape), dgamma, dbeta)
    return partial(op.backward, s.dy.reshape(x.shape), x, gamma, mean, var, epsilon=s.settings["epsilon"], out=out)


def batchnorm_inference(s: Site) -> Pair:
    """Bind batch normalisation with kept statistics: only gamma and beta need the sums of the other backward pass."""
    op, epsilon = s.kernel("batchnorm"), s.settings["epsilon"]
    x, y = (a.reshape(-1, a.shape[-1]) for a in (s.x[0], s.y))
    gamma, beta, mean, var = (p.reshape(-1) for p in s.p)
    forward = partial(op.inference, x, gamma, beta, mean, var, epsilon=epsilon, out=y)
    if s.dy is None:
        return forward, nothing
    data = None
    if s.dx and s.dx[0] is not None:
        dy, dx = s.dy.reshape(x.shape), s.dx[0].reshape(x.shape)
        data = partial(op.inference_backward, dy, gamma, var, epsilon=epsilon, out=dx)
    # only dgamma and dbeta are wanted of the other backward: its dx belongs to batch statistics
    trains = bool(s.dp) and s.dp[0] is not None
    weights_site = Site(s.step, s.target, s.x, s.y, s.p, (), s.dy, s.dp)
    return forward, _both(data, _batchnorm_backward(weights_site, op, x, mean, var) if trains else None)


def groupnorm(s: Site) -> Pair:
    """Bind group normalisation: all three gradients at once; those that are not needed go to scratch."""
    op, size, groups = s.kernel(), s.settings["size"], s.settings["groups"]
    x, y = (a.reshape(-1, *size) for a in (s.x[0], s.y))
    gamma, beta = (p.reshape(-1) for p in s.p)
    mean, var = (targets.empty((len(x), groups), x.dtype, s.target) for _ in range(2))
    settings = {"groups": groups, "epsilon": s.settings["epsilon"]}
    forward = partial(op.forward, x, gamma, beta, **settings, out=(y, mean, var))
    if s.dy is None:
        return forward, nothing
    dx = s.dx[0] if s.dx and s.dx[0] is not None else targets.empty_like(s.x[0])
    given = s.dp[:2] if s.dp else (None, None)
    dgamma, dbeta = (targets.empty_like(gamma) if g is None else g.reshape(-1) for g in given)
    out = (dx.reshape(x.shape), dgamma, dbeta)
    return forward, partial(op.backward, s.dy.reshape(x.shape), x, gamma, mean, var, **settings, out=out)


def add(s: Site) -> Pair:
    """Bind a sum; both inputs get dy as it is."""
    op = s.kernel()

    def backward() -> None:
        for dx in s.dx:
            if dx is not None:
                targets.copy(dx, s.dy)

    return partial(op.forward, s.x[0], s.x[1], out=s.y), backward


def operands(s: Site) -> tuple[Any, Any, list[Any]]:
    """Return both arrays of an arithmetic step and where their gradients go: inputs, a parameter, or a fixed number."""
    arrays, slots = [*s.x, *s.p], [*(s.dx or (None,) * len(s.x)), *(s.dp or (None,) * len(s.p))]
    if "constant" in s.settings:
        arrays.append(targets.to_device(np.full(1, s.settings["constant"], s.y.dtype), s.target))
        slots.append(None)
    if s.settings.get("reversed"):
        arrays, slots = arrays[::-1], slots[::-1]
    return arrays[0], arrays[1], slots


def arithmetic(s: Site) -> Pair:
    """Bind a sum, product, maximum or their like; gradients that are not needed go to scratch."""
    op, kind = s.kernel(), s.settings["kind"]
    a, b, slots = operands(s)
    forward = partial(op.forward, a, b, kind, out=s.y)
    if s.dy is None or all(d is None for d in slots):
        return forward, nothing
    out = tuple(targets.empty_like(v) if d is None else d for v, d in zip((a, b), slots, strict=True))
    return forward, partial(op.backward, s.dy, a, b, kind, out=out)


def concatenate(s: Site) -> Pair:
    """Bind arrays put together; gradients that are not needed go to scratch."""
    op, axis = s.kernel(), s.settings["axis"]
    forward = partial(op.forward, *s.x, axis=axis, out=s.y)
    if s.dy is None or not any(d is not None for d in s.dx):
        return forward, nothing
    out = tuple(targets.empty_like(x) if d is None else d for x, d in zip(s.x, s.dx, strict=True))
    return forward, partial(op.backward, s.dy, tuple(x.shape[axis] for x in s.x), axis=axis, out=out)


def resample(s: Site) -> Pair:
    """Bind padding, a slice or resizing: each place of y reads some of x."""
    op, taps, x = s.kernel(), s.settings["taps"], s.x[0]
    forward = partial(op.forward, x, taps, fill=s.settings["fill"], out=s.y)
    if not s.dx or s.dx[0] is None:
        return forward, nothing
    return forward, partial(op.backward, s.dy, x.shape, taps, out=s.dx[0])


def reshape(s: Site) -> Pair:
    """Bind nothing: the output is the input's memory under another shape, as its gradient is if nothing adds to it."""

    def backward() -> None:
        targets.copy(s.dx[0], s.dy.reshape(s.x[0].shape))  # type: ignore[union-attr]

    shared = not s.dx or s.dx[0] is None or s.dy is None or overlap(s.dx[0], s.dy)
    return nothing, nothing if shared else backward


BINDINGS: dict[str, Callable[[Site], Pair]] = {
    "conv2d": conv2d,
    "conv2dtranspose": conv2d,
    "convpool": convpool,
    "dense": dense,
    "maxpool2d": maxpool2d,
    "avgpool2d": avgpool2d,
    "globalavgpool": globalavgpool,
    "relu": _from_output,
    "sigmoid": _from_output,
    "softmax": _from_output,
    "log_softmax": _from_output,
    "unary": unary,
    "dropout": dropout,
    "drawn": drawn,
    "warped": warped,
    "batchnorm": batchnorm,
    "groupnorm": groupnorm,
    "batchnorm_inference": batchnorm_inference,
    "add": add,
    "arithmetic": arithmetic,
    "concatenate": concatenate,
    "resample": resample,
    "reshape": reshape,
}
