"""The cross-entropies and their gradients, sample by sample in float64, to be read beside README.md."""

import math

import numpy as np

LOW, HIGH = 1e-7, 1 - 1e-7  # Keras's epsilon: the logarithm stays finite


def forward(y, yhat, weights=None, *, kind, from_logits=False):
    """L = 1/N sum_n w_n * l_n, l_n being the loss of sample n: one of the six functions below.

    y (N,) class indices, or yhat's shape   yhat (N,K), binary (N,...)   weights (N,)   ->   L, float64
    Source: Goodfellow et al., Deep Learning, 3.13 and 6.2.2; the clipping is that of Keras 3.
    """
    loss = SAMPLE[kind, from_logits][0]
    total = 0.0
    for n in range(len(yhat)):
        w = 1.0 if weights is None else float(weights[n])
        total += w * loss(*_sample(y, yhat, n))
    return np.float64(total / len(yhat))


def backward(y, yhat, weights=None, *, kind, from_logits=False):
    """dyhat[n] = w_n / N * (the gradient of l_n, one of the six functions below);   ->   yhat's shape, float64."""
    gradient = SAMPLE[kind, from_logits][1]
    dyhat = np.zeros(yhat.shape)
    for n in range(len(yhat)):
        w = 1.0 if weights is None else float(weights[n])
        row = [w * g / len(yhat) for g in gradient(*_sample(y, yhat, n))]
        dyhat[n] = np.reshape(row, yhat.shape[1:])
    return dyhat


def clip(p):
    """p held between 1e-7 and 1 - 1e-7; NaN stays NaN."""
    return LOW if p < LOW else HIGH if p > HIGH else p


def clipped(p):
    """Did clip change p? There the loss is constant and its gradient 0."""
    return p < LOW or p > HIGH


# Sparse: t is the index of the true class, p the predicted probabilities, z the logits.


def sparse(t, p):
    """l = -log clip(p_t)."""
    # lesson: crossentropy_sparse.forward
    return -math.log(clip(p[t]))


def sparse_gradient(t, p):
    """dl/dp_k = -1/p_t for k = t, else 0."""
    # lesson: crossentropy_sparse.data
    return [-1 / p[k] if k == t and not clipped(p[k]) else 0.0 for k in range(len(p))]


def sparse_logits(t, z):
    """l = -log softmax(z)_t = log sum_j exp(z_j) - z_t."""
    # lesson: crossentropy_logits.forward
    return log_sum_exp(z) - z[t]


def sparse_logits_gradient(t, z):
    """dl/dz_k = softmax(z)_k - [k = t]."""
    p = softmax(z)
    # lesson: crossentropy_logits.data
    return [p[k] - (1.0 if k == t else 0.0) for k in range(len(z))]


# Categorical: t holds a probability for every class.


def categorical(t, p):
    """l = -sum_k t_k log clip(q_k), q_k = p_k / sum_j p_j."""
    q = [divide(v, sum(p)) for v in p]
    return sum(-t[k] * math.log(clip(q[k])) for k in range(len(p)))


def categorical_gradient(t, p):
    """dl/dp_i = (g_i - sum_k g_k q_k) / sum_j p_j,  g_k = dl/dq_k = -t_k / q_k, 0 where q_k was clipped."""
    q = [divide(v, sum(p)) for v in p]
    g = [0.0 if clipped(q[k]) else -t[k] / q[k] for k in range(len(p))]
    common = sum(g[k] * q[k] for k in range(len(p)))
    return [divide(v - common, sum(p)) for v in g]


def categorical_logits(t, z):
    """l = sum_k t_k (log sum_j exp(z_j) - z_k); a class with t_k = 0 adds nothing, even where z_k = -inf."""
    total = log_sum_exp(z)
    return sum(t[k] * (total - z[k] if t[k] != 0 else total) for k in range(len(z)))


def categorical_logits_gradient(t, z):
    """dl/dz_k = softmax(z)_k * sum_j t_j - t_k; the sum is 1 for probabilities."""
    p = softmax(z)
    return [p[k] * sum(t) - t[k] for k in range(len(z))]


# Binary: every element is a question of its own with the two answers t and 1 - t.


def binary(t, p):
    """l = mean of -(t log c + (1-t) log(1-c)),  c = clip(p)."""
    # lesson: crossentropy_binary.forward
    return sum(-(a * math.log(clip(b)) + (1 - a) * math.log(1 - clip(b))) for a, b in zip(t, p, strict=True)) / len(p)


def binary_gradient(t, p):
    """dl/dp_k = (p_k - t_k) / (p_k (1 - p_k)) / K, 0 where p_k was clipped."""
    # lesson: crossentropy_binary.data
    return [0.0 if clipped(b) else (b - a) / (b * (1 - b)) / len(p) for a, b in zip(t, p, strict=True)]


def binary_logits(t, z):
    """l = mean of max(z,0) - z t + log(1 + exp(-|z|)), which is -(t log s + (1-t) log(1-s)) for s = sigmoid(z)."""
    each = [(0.0 if b <= 0 else b) - b * a + math.log1p(math.exp(-abs(b))) for a, b in zip(t, z, strict=True)]
    return sum(each) / len(z)


def binary_logits_gradient(t, z):
    """dl/dz_k = (sigmoid(z_k) - t_k) / K."""
    return [(sigmoid(b) - a) / len(z) for a, b in zip(t, z, strict=True)]


SAMPLE = {
    ("sparse", False): (sparse, sparse_gradient),
    ("sparse", True): (sparse_logits, sparse_logits_gradient),
    ("categorical", False): (categorical, categorical_gradient),
    ("categorical", True): (categorical_logits, categorical_logits_gradient),
    ("binary", False): (binary, binary_gradient),
    ("binary", True): (binary_logits, binary_logits_gradient),
}


def log_sum_exp(z):
    """log sum_j exp(z_j), shifted by the largest z_j, which keeps exp from overflowing."""
    top = max(z)
    if any(math.isnan(v) for v in z) or math.isinf(top):
        return math.nan  # no number, or inf - inf
    return top + math.log(sum(math.exp(v - top) for v in z))


def softmax(z):
    """exp(z_k) / sum_j exp(z_j), shifted as above."""
    top = max(z)
    if any(math.isnan(v) for v in z) or math.isinf(top):
        return [math.nan] * len(z)
    powers = [math.exp(v - top) for v in z]
    return [v / sum(powers) for v in powers]


def sigmoid(z):
    """1 / (1 + exp(-z)), without overflow."""
    return math.exp(z) / (1 + math.exp(z)) if z < 0 else 1 / (1 + math.exp(-z))


def divide(a, b):
    """a / b, by IEEE's rules where Python would raise: probabilities that sum to 0 have no answer."""
    return float(np.divide(a, b)) if b else math.nan


def _sample(y, yhat, n):
    """Sample n as Python numbers: its label (an index or a list) and its predictions (a list)."""
    predicted = [float(v) for v in np.ravel(yhat[n])]
    return (int(y[n]) if y.dtype.kind == "i" else [float(v) for v in np.ravel(y[n])]), predicted
