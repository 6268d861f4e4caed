"""A block sums a stretch of fixed length in float64, the next launch adds the blocks: always in the same order."""

from numba import float64

from kernels.cuda.sums import block_sum, mean_of
from kernels.cuda.vectors import cuda, load4, store4
from kernels.device import launch, launch_fours, scratch

THREADS, TURNS = 256, 4
STRETCH = 4 * THREADS * TURNS  # numbers: each thread reads four at a time, TURNS times


def forward(y, yhat, weights=None, *, out):
    """Compute L = 1/N sum_i w_i * (y_i - yhat_i)^2, into out."""
    squares = scratch(yhat, (-(-yhat.size // STRETCH),), "f8")
    weighted = weights is not None
    each = yhat.size // len(weights) if weighted else yhat.size
    rest = (weights if weighted else yhat.reshape(-1), each, weighted, squares)
    launch(_squares, len(squares), THREADS, y.reshape(-1), yhat.reshape(-1), *rest)
    mean_of(squares, None, yhat.size, out.reshape(1))


def backward(y, yhat, weights=None, *, out):
    """Compute dyhat_i = 2 w_i (yhat_i - y_i) / N, into out."""
    weighted = weights is not None
    each, factor = yhat.size // len(weights) if weighted else yhat.size, yhat.dtype.type(2 / yhat.size)
    launch_fours(_backward, y, yhat, weights if weighted else yhat, each, weighted, factor, out)


@cuda.jit(device=True)
def _square(y, yhat, w):
    d = float64(y) - float64(yhat)
    return w * d * d


@cuda.jit(device=True)
def _weight(weights, each, weighted, i):
    """Return the sample weight of element i; a sample has `each` elements."""
    return weights[i // each] if weighted else weights.dtype.type(1)


@cuda.jit
def _squares(y, yhat, weights, each, weighted, squares):
    v = 0.0
    for turn in range(TURNS):
        i = cuda.blockIdx.x * STRETCH + 4 * (turn * THREADS + cuda.threadIdx.x)
        if i + 4 <= y.size:
            a, b = load4(y, i), load4(yhat, i)
            v += _square(a[0], b[0], _weight(weights, each, weighted, i))
            v += _square(a[1], b[1], _weight(weights, each, weighted, i + 1))
            v += _square(a[2], b[2], _weight(weights, each, weighted, i + 2))
            v += _square(a[3], b[3], _weight(weights, each, weighted, i + 3))
        else:
            for e in range(i, y.size):
                v += _square(y[e], yhat[e], _weight(weights, each, weighted, e))
    total = block_sum(v)
    if cuda.threadIdx.x == 0:
        squares[cuda.blockIdx.x] = total


@cuda.jit
def _backward(y, yhat, weights, each, weighted, factor, dyhat):
    i = 4 * cuda.grid(1)
    if i + 4 <= y.size:
        a, b = load4(y, i), load4(yhat, i)
        d0 = _weight(weights, each, weighted, i) * factor * (b[0] - a[0])
        d1 = _weight(weights, each, weighted, i + 1) * factor * (b[1] - a[1])
        d2 = _weight(weights, each, weighted, i + 2) * factor * (b[2] - a[2])
        d3 = _weight(weights, each, weighted, i + 3) * factor * (b[3] - a[3])
        store4(dyhat, i, d0, d1, d2, d3)
    else:
        for e in range(i, y.size):
            dyhat[e] = _weight(weights, each, weighted, e) * factor * (yhat[e] - y[e])
