"""The passes of the operations other than convolution as tasks: arrays, exact results and rounding bounds.

Pooling and dense layers get small integers and must agree bit for bit, relu agrees always; the others may differ by
the bound that tests/kernels proves for them (u: half an ulp of 1; gamma(m) of tests/rounding.py).
Operations are counted as the formula has them, exp, log, root and division as one each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks import op_oracles as oracle
from benchmarks import op_updates
from benchmarks.cases import Op
from benchmarks.tasks import Task
from kernels import avgpool2d, batchnorm, crossentropy, dense, maxpool2d, mse, relu, sigmoid, softmax, targets
from tests.rounding import gamma, unit

U = unit(np.float32)
TINY = 1e-44  # a denormal result may be off by its own step


def tasks(case: Op, variant: str = "cpu") -> Iterator[Task]:
    """The passes of one case; another variant than the default of those operations that have a ladder."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return targets.to_device(rng.standard_normal(shape, np.float32), "cpu")  # as in a model's plan

    def integers(*shape: int) -> np.ndarray:
        return targets.to_device(rng.integers(-4, 5, shape).astype(np.float32), "cpu")

    draw = integers if case.operation in EXACT else normal
    others = () if variant == "cpu" else (variant,)
    for task in MAKERS[case.operation](case, draw, *others):
        task.variant = variant
        yield task


EXACT = ("relu", "maxpool2d", "avgpool2d", "dense")


def _task(
    case: Op, name: str, inputs: dict[str, Any], call: Callable, exact: Callable, bounds: Callable | None, flops: int
) -> Task:
    """call(**inputs, out=...) once for its result's shape, then into that; exact(**inputs in float64)."""
    out = call(**inputs)
    out = tuple(map(np.asarray, out)) if isinstance(out, tuple) else np.asarray(out)
    wide = {n: a.astype(float) if isinstance(a, np.ndarray) and a.dtype == np.float32 else a for n, a in inputs.items()}
    found: list[tuple] = []

    def once() -> tuple:
        if not found:
            result = exact(**wide)
            found.append(result if isinstance(result, tuple) else (result,))
        return found[0]

    arrays = [a for a in inputs.values() if isinstance(a, np.ndarray)]
    outs = out if isinstance(out, tuple) else (out,)
    moved = sum(a.nbytes for a in (*arrays, *outs))
    limits = None if bounds is None else lambda: bounds(*once(), **wide)
    given = dict(inputs)
    return Task(
        case.name, name, lambda: call(**given, out=out), lambda: outs, once, limits, flops, moved, inputs=inputs
    )


def _relu(case: Op, draw: Callable) -> Iterator[Task]:
    x, dy = draw(*case.x), draw(*case.x)
    yield _task(case, "forward", {"x": x}, relu.forward, oracle.relu, None, x.size)
    y = relu.forward(x)
    yield _task(case, "backward", {"dy": dy, "y": y}, relu.backward, lambda dy, y: dy * (y > 0), None, x.size)


def _sigmoid(case: Op, draw: Callable) -> Iterator[Task]:
    x, dy = draw(*case.x), draw(*case.x)
    bound = lambda exact, **_: (8 * U * np.abs(exact),)  # noqa: E731  4 ulp
    yield _task(case, "forward", {"x": x}, sigmoid.forward, oracle.sigmoid, bound, 4 * x.size)
    inputs, slope = {"dy": dy, "y": sigmoid.forward(x)}, lambda dy, y: dy * y * (1 - y)
    three = lambda exact, **_: (gamma(3, np.float32) * np.abs(exact) + TINY,)  # noqa: E731
    yield _task(case, "backward", inputs, sigmoid.backward, slope, three, 3 * x.size)


def _softmax(case: Op, draw: Callable) -> Iterator[Task]:
    x, dy = draw(*case.x), draw(*case.x)

    def forward_bound(exact: np.ndarray, x: np.ndarray) -> tuple:
        shift = np.abs(x - x.max(-1, keepdims=True))
        return (2 * U * (shift + (exact * shift).sum(-1, keepdims=True) + x.shape[-1] + 5) * exact,)

    def backward_bound(exact: np.ndarray, dy: np.ndarray, y: np.ndarray) -> tuple:
        return (gamma(y.shape[-1] + 4, np.float32) * y * (np.abs(dy) + np.abs(dy * y).sum(-1, keepdims=True)),)

    yield _task(case, "forward", {"x": x}, softmax.forward, oracle.softmax, forward_bound, 5 * x.size)
    inputs = {"dy": dy, "y": softmax.forward(x)}
    yield _task(case, "backward", inputs, softmax.backward, oracle.softmax_backward, backward_bound, 4 * x.size)


def _maxpool(case: Op, draw: Callable, variant: str = "cpu") -> Iterator[Task]:
    x, s = draw(*case.x), case.size
    forward = lambda x, out=None: maxpool2d.forward(x, s, variant=variant, out=out)  # noqa: E731
    y, argmax = forward(x)
    compares = (s * s - 1) * y.size
    yield _task(case, "forward", {"x": x}, forward, lambda x: oracle.maxpool(x, s), None, compares)

    def backward(dy: np.ndarray, argmax: np.ndarray, out: Any = None) -> np.ndarray:
        return maxpool2d.backward(dy, argmax, x.shape, size=s, variant=variant, out=out)

    inputs = {"dy": draw(*y.shape), "argmax": argmax}
    exact = lambda dy, argmax: oracle.maxpool_backward(dy, argmax, x.shape, s)  # noqa: E731
    made = _task(case, "backward", inputs, backward, exact, None, y.size)
    made.inputs["x"] = x
    yield made


def _avgpool(case: Op, draw: Callable) -> Iterator[Task]:
    x, s = draw(*case.x), case.size
    forward = lambda x, out=None: avgpool2d.forward(x, s, out=out)  # noqa: E731
    y = forward(x)
    yield _task(case, "forward", {"x": x}, forward, lambda x: oracle.windows(x, s).mean(-1), None, s * s * y.size)
    backward = lambda dy, out=None: avgpool2d.backward(dy, x.shape, size=s, out=out)  # noqa: E731
    exact = lambda dy: oracle.avgpool_backward(dy, x.shape, s)  # noqa: E731
    made = _task(case, "backward", {"dy": draw(*y.shape)}, backward, exact, None, y.size)
    made.inputs["x"] = x
    yield made


def _dense(case: Op, draw: Callable, variant: str = "cpu") -> Iterator[Task]:
    (N, C), F = case.x, case.filters
    x, k, b, dy = draw(N, C), draw(C, F), draw(F), draw(N, F)
    flops = 2 * N * C * F
    forward, data, weights = (
        partial(f, variant=variant) for f in (dense.forward, dense.backward_data, dense.backward_weights)
    )
    yield _task(case, "forward", {"x": x, "k": k, "b": b}, forward, lambda x, k, b: x @ k + b, None, flops)
    yield _task(case, "backward_data", {"dy": dy, "k": k}, data, lambda dy, k: dy @ k.T, None, flops)
    both = lambda x, dy: (x.T @ dy, dy.sum(0))  # noqa: E731
    yield _task(case, "backward_weights", {"x": x, "dy": dy}, weights, both, None, flops)


def _batchnorm(case: Op, draw: Callable) -> Iterator[Task]:
    x, dy, g, b = draw(*case.x), draw(*case.x), draw(case.x[-1]), draw(case.x[-1])
    M, axes = x[..., 0].size, tuple(range(x.ndim - 1))
    m = 2 * gamma(M + 10, np.float32)  # sums over M values, of first order; twice, for what is of second

    def forward_bound(y: np.ndarray, mean: np.ndarray, var: np.ndarray, x: np.ndarray, **_: Any) -> tuple:
        size = np.abs(x).mean(axes)
        return m * (np.abs(g) * (np.abs(x) + size) / np.sqrt(var) + np.abs(b)), m * size, m * (var + mean**2)

    def backward_bound(dx: Any, dg: Any, db: Any, dy: Any, x: Any, gamma: Any, mean: Any, var: Any) -> tuple:
        scale = 1 / np.sqrt(var)
        xhat = np.abs(x - mean) * scale
        sums = (np.abs(dy) * xhat).sum(axes), np.abs(dy).sum(axes)
        return m * np.abs(gamma) * scale * (np.abs(dy) + sums[1] / M + xhat * sums[0] / M), m * sums[0], m * sums[1]

    inputs = {"x": x, "gamma": g, "beta": b}
    yield _task(case, "forward", inputs, batchnorm.forward, oracle.batchnorm, forward_bound, 7 * x.size)
    _, mean, var = batchnorm.forward(x, g, b)
    inputs = {"dy": dy, "x": x, "gamma": g, "mean": mean, "var": var}
    exact = oracle.batchnorm_backward
    yield _task(case, "backward", inputs, batchnorm.backward, exact, backward_bound, 10 * x.size)


def _mse(case: Op, draw: Callable) -> Iterator[Task]:
    inputs = {"y": draw(*case.x), "yhat": draw(*case.x)}
    n = inputs["y"].size
    two = lambda L, **_: (gamma(2, np.float32) * L,)  # noqa: E731
    yield _task(case, "forward", inputs, mse.forward, lambda y, yhat: np.mean((y - yhat) ** 2), two, 3 * n)
    four = lambda d, **_: (gamma(4, np.float32) * np.abs(d) + TINY,)  # noqa: E731
    yield _task(case, "backward", inputs, mse.backward, lambda y, yhat: 2 * (yhat - y) / n, four, 2 * n)


def _crossentropy(case: Op, draw: Callable) -> Iterator[Task]:
    N, K = case.x
    labels = np.random.default_rng(1).integers(0, K, N)
    inputs, own = {"y": labels, "yhat": draw(N, K)}, 100 * (N + K) * unit(np.float64)

    def call(which: Callable) -> Callable:
        return lambda y, yhat, out=None: which(y, yhat, kind="sparse", from_logits=True, out=out)

    def bound(exact: Any, **_: Any) -> tuple:
        return (1.01 * U * np.abs(exact) + own,)

    forward, backward = call(crossentropy.forward), call(crossentropy.backward)
    exact = lambda i: lambda y, yhat: oracle.crossentropy(y, yhat)[i]  # noqa: E731
    yield _task(case, "forward", inputs, forward, exact(0), bound, 4 * N * K)
    yield _task(case, "backward", inputs, backward, exact(1), bound, 5 * N * K)


MAKERS: dict[str, Callable] = {
    "relu": _relu, "sigmoid": _sigmoid, "softmax": _softmax, "maxpool2d": _maxpool, "avgpool2d": _avgpool,
    "dense": _dense, "batchnorm": _batchnorm, "mse": _mse, "crossentropy": _crossentropy,
    "adam": op_updates.adam_task, "sgd": op_updates.sgd_task,
    "rmsprop": op_updates.rmsprop_task,
}  # fmt: skip
