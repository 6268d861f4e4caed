"""Every pass of every operation on small random shapes: for what all of them have to keep."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from kernels import (
    add,
    arithmetic,
    avgpool2d,
    batchnorm,
    concatenate,
    conv2d,
    conv2dtranspose,
    convpool,
    crossentropy,
    dense,
    dropout,
    globalavgpool,
    groupnorm,
    maxpool2d,
    mse,
    registry,
    relu,
    resample,
    sigmoid,
    softmax,
    unary,
)
from kernels.resample import taps as make


@dataclass(frozen=True)
class Pass:
    name: str
    arrays: list[np.ndarray]  # small integers, float64
    call: Callable[..., Any]  # call(*arrays, variant=..., out=...)
    scaled: tuple[int, ...] = ()  # a power of two on these arrays passes through to the results

    def run(self, variant: str, dtype=np.float64, out=None, arrays=None) -> tuple[np.ndarray, ...]:
        given = [np.asarray(a, dtype) for a in (self.arrays if arrays is None else arrays)]
        result = self.call(*given, variant=variant, out=out)
        return result if isinstance(result, tuple) else (result,)


def integers(rng, *shapes, low=-4):
    return [rng.integers(low, 5, s).astype(float) for s in shapes]


def plane(rng) -> tuple[int, int]:
    """Rows and columns; the columns leave SIMD registers partly filled."""
    return int(rng.integers(1, 6)), int(rng.integers(1, 40))


def elementwise(rng) -> list[tuple[str, Pass]]:
    a, b = integers(rng, *[plane(rng)] * 2)
    seed = int(rng.integers(0, 99))

    def dropped(x, **options):
        return dropout.forward(x, 0.5, seed=seed, **options)

    return [
        ("add", Pass("forward", [a, b], add.forward, (0, 1))),
        ("add", Pass("backward", [a], add.backward, (0,))),
        ("relu", Pass("forward", [a], relu.forward, (0,))),
        ("relu", Pass("backward", [a, b], relu.backward, (0,))),
        ("sigmoid", Pass("forward", [a], sigmoid.forward)),
        ("sigmoid", Pass("backward", [a, b], sigmoid.backward, (0,))),
        ("softmax", Pass("forward", [a], softmax.forward)),
        ("softmax", Pass("backward", [a, b], softmax.backward, (0,))),
        ("softmax", Pass("log forward", [a], partial(softmax.forward, log=True))),
        ("softmax", Pass("log backward", [a, b], partial(softmax.backward, log=True))),
        ("dropout", Pass("forward", [a], dropped, (0,))),
        *unaries(a, b),
    ]


def unaries(a, b) -> list[tuple[str, Pass]]:
    """Every function of one number; hard_sigmoid with numbers that put its kinks between the integers."""
    passes = []
    for name in unary.functions.FUNCTIONS:
        numbers = {"alpha": 0.3, "beta": 0.45} if name == "hard_sigmoid" else {}
        passes += [
            ("unary", Pass(f"{name} forward", [a], partial(unary.forward, function=name, **numbers))),
            ("unary", Pass(f"{name} backward", [a, b], partial(unary.backward, function=name, **numbers))),
        ]
    return passes


def losses(rng) -> list[tuple[str, Pass]]:
    a, b = integers(rng, *[plane(rng)] * 2)
    truth = (a > 0).astype(float)

    def entropy(function, kind, from_logits):
        def call(yhat, **options):
            y = np.ascontiguousarray(truth.argmax(1)) if kind == "sparse" else truth.astype(yhat.dtype)
            return function(y, yhat, kind=kind, from_logits=from_logits, **options)

        return call

    passes = [("mse", Pass("forward", [a, b], mse.forward)), ("mse", Pass("backward", [a, b], mse.backward))]
    for kind in crossentropy.KINDS:
        for logits in (True, False):
            yhat = b if logits else (b + 5) / 10
            for name, function in (("forward", crossentropy.forward), ("backward", crossentropy.backward)):
                passes.append(("crossentropy", Pass(f"{kind} {name}", [yhat], entropy(function, kind, logits))))
    return passes


def sums(rng) -> list[tuple[str, Pass]]:
    N, C, F = (int(v) for v in rng.integers(1, 20, 3))
    x, k, b, dy = integers(rng, (N, C), (C, F), (F,), (N, F))
    values, d, gamma, beta, mean, var = integers(rng, (N, C), (N, C), *[(C,)] * 4)
    return [
        ("dense", Pass("forward", [x, k, b], dense.forward, (0, 2))),
        ("dense", Pass("backward_data", [dy, k], dense.backward_data, (0,))),
        ("dense", Pass("backward_weights", [x, dy], dense.backward_weights, (1,))),
        *grouped(rng),
        ("batchnorm", Pass("forward", [values, gamma, beta], batchnorm.forward)),
        ("batchnorm", Pass("inference", [values, gamma, beta, mean, abs(var)], batchnorm.inference)),
        ("batchnorm", Pass("inference_backward", [d, gamma, abs(var)], batchnorm.inference_backward)),
        ("batchnorm", Pass("backward", [d, values, gamma, mean, abs(var)], batchnorm.backward)),
    ]


def grouped(rng) -> list[tuple[str, Pass]]:
    """Group normalisation; its variances, which are not negative, come last."""
    N, P, G, D = (int(v) for v in rng.integers(1, 6, 4))
    x, dy, gamma, beta, mean, var = integers(rng, *[(N, P, G * D)] * 2, *[(G * D,)] * 2, *[(N, G)] * 2)
    return [
        ("groupnorm", Pass("forward", [x, gamma, beta], partial(groupnorm.forward, groups=G))),
        ("groupnorm", Pass("backward", [dy, x, gamma, mean, abs(var)], partial(groupnorm.backward, groups=G))),
    ]


def poolings(rng) -> list[tuple[str, Pass]]:
    size, stride = (tuple(int(v) for v in rng.integers(1, 5, 2)) for _ in (0, 1))
    pads = tuple((int(rng.integers(0, p)), int(rng.integers(0, p))) for p in size)
    options = {"stride": stride, "padding": pads}
    x_shape = (
        int(rng.integers(1, 3)),
        *(max(p - sum(s), 1) + int(rng.integers(0, 6)) for p, s in zip(size, pads, strict=True)),
    )
    x_shape += (int(rng.integers(1, 20)),)
    (x,) = integers(rng, x_shape)
    y, argmax = maxpool2d.forward(x, size, variant="reference", **options)
    dy, means = integers(rng, y.shape, (x_shape[0], x_shape[3]))

    def to_maximum(dy, **rest):
        return maxpool2d.backward(dy, argmax, x_shape, size=size, **options, **rest)

    def values_of_maximum(x, out=None, **rest):
        indices = None if out is None else (out, np.empty(y.shape, argmax.dtype))
        return maxpool2d.forward(x, size, out=indices, **options, **rest)[0]

    return [
        ("maxpool2d", Pass("forward", [x], values_of_maximum, (0,))),
        ("maxpool2d", Pass("backward", [dy], to_maximum, (0,))),
        ("avgpool2d", Pass("forward", [x], lambda x, **r: avgpool2d.forward(x, size, **options, **r))),
        (
            "avgpool2d",
            Pass("backward", [dy], lambda dy, **r: avgpool2d.backward(dy, x_shape, size=size, **options, **r)),
        ),
        ("globalavgpool", Pass("forward", [x], globalavgpool.forward)),
        ("globalavgpool", Pass("backward", [means], lambda dy, **r: globalavgpool.backward(dy, x_shape, **r))),
    ]


def convolutions(rng) -> list[tuple[str, Pass]]:
    def pair(low, high):
        return tuple(int(v) for v in rng.integers(low, high + 1, 2))

    groups = int(rng.choice([1, 1, 2, 3]))
    kernel, dilation = pair(1, 4), pair(1, 2)
    options = {"stride": pair(1, 3), "padding": (pair(0, 2), pair(0, 2)), "dilation": dilation, "groups": groups}
    image = [d * (k - 1) + 1 + int(rng.integers(0, 7)) for d, k in zip(dilation, kernel, strict=True)]
    x_shape = (int(rng.integers(1, 4)), *image, groups * int(rng.integers(1, 5)))
    k_shape = (*kernel, x_shape[3] // groups, groups * int(rng.integers(1, 7)))
    _, y_shape = conv2d.geometry(x_shape, k_shape, **options)
    x, k, b, dy = integers(rng, x_shape, k_shape, k_shape[3:], y_shape)
    return [
        ("conv2d", Pass("forward", [x, k, b], lambda *a, **r: conv2d.forward(*a, **options, **r), (0, 2))),
        (
            "conv2d",
            Pass("backward_data", [dy, k], lambda *a, **r: conv2d.backward_data(*a, x_shape, **options, **r), (0,)),
        ),
        (
            "conv2d",
            Pass(
                "backward_weights", [x, dy], lambda *a, **r: conv2d.backward_weights(*a, k_shape, **options, **r), (1,)
            ),
        ),
    ]


def pooled_convolutions(rng) -> list[tuple[str, Pass]]:
    """In each of the ways that backward has: one channel, channels in sixteens, and neither."""
    C, kernel = [(1, (3, 3)), (16, (3, 3)), (2, (3, 2))][int(rng.integers(0, 3))]
    x_shape = (int(rng.integers(1, 4)), *(p + int(rng.integers(1, 6)) for p in kernel), C)
    k_shape = (*kernel, C, int(rng.integers(1, 40)))
    x, k, b, dy = integers(rng, x_shape, k_shape, k_shape[3:], convpool.shape(x_shape, k_shape))
    y, argmax = convpool.forward(x, k, b, variant="cpu_naive")

    def largest(x, k, b, out=None, **rest):
        both = None if out is None else (out, np.empty(y.shape, argmax.dtype))
        return convpool.forward(x, k, b, out=both, **rest)[0]

    def data(dy, k, **rest):
        return convpool.backward_data(dy, y.astype(dy.dtype), argmax, k, x_shape, **rest)

    def weights(x, dy, **rest):
        return convpool.backward_weights(x, dy, y.astype(dy.dtype), argmax, k_shape, **rest)

    return [
        ("convpool", Pass("forward", [x, k, b], largest, (0, 2))),
        ("convpool", Pass("backward_data", [dy, k], data, (0,))),
        ("convpool", Pass("backward_weights", [x, dy], weights, (1,))),
    ]


def rearranged(rng) -> list[tuple[str, Pass]]:
    """Axes that are repeated, put together, and read at other places, some by nobody."""
    N, H, W, C = (int(v) for v in rng.integers(1, (4, 6, 6, 20)))
    a, b, more, dy, wide = integers(rng, (N, H, W, C), (N, 1, 1, C), (N, H, 2, C), (N, H, W, C), (N, H, W + 2, C))
    down, across = make.pad(H, 2, 1, "edge"), tuple(((j // 2, 1.0), ((j + 1) // 2 % W, 2.0)) for j in range(2 * W))
    taps = (None, down, across, make.pad(C, 0, 1))
    (read,) = integers(rng, (N, H + 3, 2 * W, C + 1))
    return [
        ("arithmetic", Pass("product", [a, b], lambda *v, **r: arithmetic.forward(*v, "multiply", **r), (0,))),
        ("arithmetic", Pass("maximum", [a, b], lambda *v, **r: arithmetic.forward(*v, "maximum", **r))),
        ("arithmetic", Pass("backward", [dy, a, b], lambda *v, **r: arithmetic.backward(*v, "multiply", **r), (0,))),
        ("concatenate", Pass("forward", [a, more], lambda *v, **r: concatenate.forward(*v, axis=2, **r), (0, 1))),
        ("concatenate", Pass("backward", [wide], lambda v, **r: concatenate.backward(v, (W, 2), axis=2, **r), (0,))),
        ("resample", Pass("forward", [a], lambda v, **r: resample.forward(v, taps, **r), (0,))),
        ("resample", Pass("backward", [read], lambda v, **r: resample.backward(v, a.shape, taps, **r), (0,))),
    ]


def transposed(rng) -> list[tuple[str, Pass]]:
    stride, dilation = (tuple(int(v) for v in rng.integers(1, 4, 2)) for _ in (0, 1))
    groups, kernel = int(rng.choice([1, 2, 3])), tuple(int(v) for v in rng.integers(1, 4, 2))
    options = {"stride": stride, "dilation": dilation, "groups": groups, "output_padding": (stride[0] - 1, 0)}
    x_shape = (*(int(v) for v in rng.integers(1, 5, 3)), groups * int(rng.integers(1, 5)))
    k_shape = (*kernel, int(rng.integers(1, 7)), x_shape[3])
    _, y_shape = conv2dtranspose.geometry(x_shape, k_shape, padding=0, **options)
    x, k, b, dy = integers(rng, x_shape, k_shape, y_shape[3:], y_shape)
    op = conv2dtranspose
    return [
        (op.OP, Pass("forward", [x, k, b], lambda *a, **r: op.forward(*a, **options, **r), (0, 2))),
        (op.OP, Pass("backward_data", [dy, k], lambda *a, **r: op.backward_data(*a, x_shape, **options, **r), (0,))),
        (op.OP, Pass("weights", [x, dy], lambda *a, **r: op.backward_weights(*a, k_shape, **options, **r), (1,))),
    ]


FAMILIES = (elementwise, rearranged, transposed, losses, sums, poolings, convolutions, pooled_convolutions)


def all_passes(family, seed: int) -> list[tuple[Pass, str, str]]:
    """(pass, variant, what to call them in a failure); without registry.OWN_BOUNDS, which have tests of their own."""
    drawn = family(np.random.default_rng(seed))
    return [(p, v, f"{name} {p.name} {v}") for name, p in drawn for v in registry.general(name, "cpu")]
