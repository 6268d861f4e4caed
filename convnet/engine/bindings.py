"""How each operation's kernels are bound to a plan's arrays: a forward and a backward that take no arguments."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType

import numpy as np

from convnet.engine.drawing import advance, drawn
from convnet.engine.levels import of_levels
from convnet.engine.lowering import OF_LEVELS
from convnet.engine.rearranging import add, arithmetic, concatenate, resample, reshape
from convnet.engine.site import Pair, Run, Site, nothing
from convnet.engine.warping import warped
from kernels import targets


def _both(*runs: Run | None) -> Run:
    """Return one call for those of the runs that are not None."""
    wanted = [r for r in runs if r is not None]
    if len(wanted) == 1:
        return wanted[0]

    return partial(_run_all, wanted) if wanted else nothing


def _run_all(runs: list[Run]) -> None:
    for run in runs:
        run()


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


def conv2d_fixed(s: Site) -> Pair:
    """Bind a convolution whose weights no longer change, with what it took along (fixing.py)."""
    from kernels.conv2d import fixed  # Numba, which a model can be made without

    given = dict(s.settings)
    low, high, k_shape = (given.pop(name) for name in ("low", "high", "k_shape"))
    layout = fixed.lay_out(s.x[0].shape, k_shape, s.x[0].dtype, **given)
    more = s.x[1] if len(s.x) > 1 else None
    panels, start = s.p
    return partial(fixed.forward, s.x[0], panels, start, layout, more, low, high, out=s.y), nothing


def conv2d_fixed_depthwise(s: Site) -> Pair:
    """Bind a depthwise convolution that holds its results between limits."""
    settings, (k, *b) = dict(s.settings), s.p
    held = settings.pop("limits")
    held = None if held is None else np.array(held, s.x[0].dtype)
    forward = s.kernel("conv2d").forward
    return partial(forward, s.x[0], k, b[0] if b else None, **settings, limits=held, out=s.y), nothing


def conv2d_fixed_winograd(s: Site) -> Pair:
    """Bind a convolution whose weights no longer change, by Winograd's transforms."""
    from kernels.conv2d import fixed_winograd  # Numba, which a model can be made without

    U, start = s.p
    return partial(fixed_winograd.forward, s.x[0], U, start, s.settings["before"], out=s.y), nothing


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


BINDINGS: dict[str, Callable[[Site], Pair]] = {
    "conv2d": conv2d,
    "conv2d_fixed": conv2d_fixed,
    "conv2d_fixed_depthwise": conv2d_fixed_depthwise,
    "conv2d_fixed_winograd": conv2d_fixed_winograd,
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
    "quantize": of_levels,
    **dict.fromkeys(OF_LEVELS, of_levels),
}
