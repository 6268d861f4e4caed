"""A warp a sample: its threads take every 32nd class, and add by shuffles; then one block takes the samples' mean.

All in float64, as on the CPU: the numbers are few, and L is exact to the last bit but one.
"""

import math

from numba import float64

from kernels.cuda.sums import mean_of, warp_largest, warp_sum
from kernels.cuda.vectors import cuda
from kernels.device import launch_flat, scratch

LOW, HIGH = 1e-7, 1 - 1e-7  # Keras's epsilon


def forward(y, yhat, weights=None, *, kind, from_logits=False, out):
    """Compute L = 1/N sum_n w_n * l_n, into out."""
    losses = scratch(yhat, (len(yhat),), "f8")
    launch_flat(PASSES[kind, from_logits][0], 32 * len(yhat), *_rows(y, yhat), losses)
    mean_of(losses, weights, len(yhat), out.reshape(1))


def backward(y, yhat, weights=None, *, kind, from_logits=False, out):
    """Compute dyhat[n] = w_n / N * dl_n/dyhat[n], into out."""
    y, yhat = _rows(y, yhat)
    given = yhat.reshape(-1) if weights is None else weights
    launch_flat(
        PASSES[kind, from_logits][1], 32 * len(yhat), y, yhat, given, weights is not None, out.reshape(yhat.shape)
    )


def _rows(y, yhat):
    """Predictions as (N,K), and labels likewise unless they are indices (N,)."""
    N, K = len(yhat), yhat.size // len(yhat)
    return (y if y.dtype.kind == "i" else y.reshape(N, K)), yhat.reshape(N, K)


def _passes(loss, gradient):
    """Return two kernels, of a loss l_n(y, p, n) and of its gradient's number k, dl_n/dp_k(y, p, n, shared, k)."""
    of_sample, (shared, of_class) = cuda.jit(device=True)(loss), (cuda.jit(device=True)(f) for f in gradient)

    @cuda.jit
    def forward(y, p, losses):
        n = cuda.grid(1) // 32
        if n < losses.size:  # the whole warp or none of it
            total = of_sample(y, p, n)
            if cuda.grid(1) % 32 == 0:
                losses[n] = total

    @cuda.jit
    def backward(y, p, weights, weighted, dp):
        n = cuda.grid(1) // 32
        N, K = p.shape
        if n < N:
            factor = (float64(weights[n]) if weighted else 1.0) / N
            common = shared(y, p, n)
            for k in range(cuda.grid(1) % 32, K, 32):
                dp[n, k] = factor * of_class(y, p, n, common, k)

    return forward, backward


@cuda.jit(device=True)
def _lane():
    return cuda.grid(1) % 32


@cuda.jit(device=True)
def _clip(p):
    return LOW if p < LOW else HIGH if p > HIGH else p  # comparisons let a NaN through


@cuda.jit(device=True)
def _sum(a, n):
    """Return sum_k a[n,k]."""
    total = 0.0
    for k in range(_lane(), a.shape[1], 32):
        total += float64(a[n, k])
    return warp_sum(total)


@cuda.jit(device=True)
def _powers(z, n):
    """Return (top, sum_k exp(z[n,k] - top)), top the largest logit."""
    top = -math.inf
    for k in range(_lane(), z.shape[1], 32):
        top = float64(z[n, k]) if z[n, k] > top else top
    top, total = warp_largest(top), 0.0
    for k in range(_lane(), z.shape[1], 32):
        total += math.exp(float64(z[n, k]) - top)
    return top, warp_sum(total)


@cuda.jit(device=True)
def _label(y, p, n):
    """Return (class, 0), or (0, NaN) if there is no such class: adding it makes a sum NaN."""
    inside = 0 <= y[n] < p.shape[1]
    return (y[n] if inside else 0), (0.0 if inside else math.nan)


def _sparse(y, p, n):
    t, wrong = _label(y, p, n)
    return wrong - math.log(_clip(float64(p[n, t]) / _sum(p, n)))


def _sparse_shared(y, p, n):
    """(sum_j p_j, q_t): what the row is divided by, and what the label's class has then."""
    t, wrong = _label(y, p, n)
    total = _sum(p, n)
    return total, float64(p[n, t]) / total


def _sparse_slope(y, p, n, common, k):
    t, wrong = _label(y, p, n)
    total, q = common
    return wrong + (0.0 if q < LOW or q > HIGH else (1.0 - (1.0 / q if k == t else 0.0)) / total)


def _sparse_logits(y, z, n):
    top, total = _powers(z, n)
    t, wrong = _label(y, z, n)
    return wrong + (top - float64(z[n, t])) + math.log(total)


def _sparse_logits_slope(y, z, n, common, k):
    t, wrong = _label(y, z, n)
    return wrong + math.exp(float64(z[n, k]) - common[0]) / common[1] - (1.0 if k == t else 0.0)


def _categorical(y, p, n):
    total, loss = _sum(p, n), 0.0
    for k in range(_lane(), p.shape[1], 32):
        loss -= float64(y[n, k]) * math.log(_clip(float64(p[n, k]) / total))
    return warp_sum(loss)


@cuda.jit(device=True)
def _term(y, p, n, total, k):
    """Return dl/dq_k of q_k = p_k / total."""
    q = float64(p[n, k]) / total
    return 0.0 if q < LOW or q > HIGH else -float64(y[n, k]) / q


def _categorical_shared(y, p, n):
    """Return (sum_j p_j, sum_j g_j q_j)."""
    total, common = _sum(p, n), 0.0
    for k in range(_lane(), p.shape[1], 32):
        common += _term(y, p, n, total, k) * (float64(p[n, k]) / total)
    return total, warp_sum(common)


def _categorical_slope(y, p, n, common, k):
    return (_term(y, p, n, common[0], k) - common[1]) / common[0]


def _categorical_logits(y, z, n):
    top, total = _powers(z, n)
    log_total, loss = math.log(total), 0.0
    for k in range(_lane(), z.shape[1], 32):
        t = float64(y[n, k])
        loss += t * ((top - float64(z[n, k]) if t != 0 else top) + log_total)  # t = 0 and z = -inf add nothing
    return warp_sum(loss)


def _categorical_logits_shared(y, z, n):
    top, total = _powers(z, n)
    return top, total, _sum(y, n)


def _categorical_logits_slope(y, z, n, common, k):
    return math.exp(float64(z[n, k]) - common[0]) / common[1] * common[2] - float64(y[n, k])


def _binary(y, p, n):
    loss = 0.0
    for k in range(_lane(), p.shape[1], 32):
        t, c = float64(y[n, k]), _clip(float64(p[n, k]))
        loss -= t * math.log(c) + (1 - t) * math.log(1 - c)
    return warp_sum(loss) / p.shape[1]


def _binary_slope(y, p, n, common, k):
    v = float64(p[n, k])
    slope = (v - float64(y[n, k])) / (v * (1 - v))
    return 0.0 if v < LOW or v > HIGH else slope / p.shape[1]


def _binary_logits(y, z, n):
    loss = 0.0
    for k in range(_lane(), z.shape[1], 32):
        v = float64(z[n, k])
        loss += (0.0 if v <= 0 else v) - v * float64(y[n, k]) + math.log1p(math.exp(-abs(v)))
    return warp_sum(loss) / z.shape[1]


def _binary_logits_slope(y, z, n, common, k):
    v = float64(z[n, k])
    e = math.exp(-abs(v))
    return ((e if v < 0 else 1.0) / (1.0 + e) - float64(y[n, k])) / z.shape[1]


def _powers_shared(y, z, n):
    return _powers(z, n)


def _nothing_shared(y, p, n):
    return 0.0


PASSES = {
    ("sparse", False): _passes(_sparse, (_sparse_shared, _sparse_slope)),
    ("sparse", True): _passes(_sparse_logits, (_powers_shared, _sparse_logits_slope)),
    ("categorical", False): _passes(_categorical, (_categorical_shared, _categorical_slope)),
    ("categorical", True): _passes(_categorical_logits, (_categorical_logits_shared, _categorical_logits_slope)),
    ("binary", False): _passes(_binary, (_nothing_shared, _binary_slope)),
    ("binary", True): _passes(_binary_logits, (_nothing_shared, _binary_logits_slope)),
}
