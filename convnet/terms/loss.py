"""The first gradient: how the loss changes with the number that it reads, term by term."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from convnet.losses import CategoricalCrossentropy, MeanSquaredError, SparseCategoricalCrossentropy
from convnet.terms.terms import Draft, product, summed
from kernels.crossentropy.reference import sigmoid
from kernels.verify.operations.softmax import forward_bound

if TYPE_CHECKING:
    from convnet.losses import Loss


def loss_draft(loss: Loss, target: np.ndarray, read: np.ndarray, index: tuple[int, ...], fused: bool) -> Draft:
    """dL/dread[index]; `fused`: the loss reads what a final softmax or sigmoid got."""
    logits = fused or getattr(loss, "from_logits", False)
    if isinstance(loss, MeanSquaredError):
        N = read.size
        terms = [product(f"2 yhat / {N}", 2 / N, read[index]), product(f"-2 y / {N}", -2 / N, target[index])]
        return summed("2 (yhat - y) / N, N = number of elements", terms, read.dtype, roundings=3)
    if not logits:
        raise ValueError(
            f"explain_backward: the gradient of {loss.name} at probabilities is not taken apart; end the model with "
            "its activation, so that both run as one, or give from_logits=True"
        )
    n, k = index[0], index[-1]
    z = read[n].astype(float)
    if isinstance(loss, (SparseCategoricalCrossentropy, CategoricalCrossentropy)):
        powers = np.exp(z - z.max())
        p = powers / powers.sum()
        sparse = isinstance(loss, SparseCategoricalCrossentropy)
        t = np.eye(len(z))[int(target[n])] if sparse else target[n].astype(float)
        N, all_of_it = len(read), float(t.sum())
        terms = [product(f"softmax(z)[{k}] / {N}", p[k], all_of_it / N), product(f"-t[{k}] / {N}", -t[k], 1 / N)]
        extra = float(forward_bound(read[n][None], p[None])[0, k]) * all_of_it / N
        return summed("(softmax(z)[k] * sum_j t[j] - t[k]) / N", terms, read.dtype, roundings=4, extra=extra)
    N = len(read) * prod(read.shape[1:])
    p_k, t_k = sigmoid(float(read[index])), float(target[index])
    terms = [product(f"sigmoid(z) / {N}", p_k, 1 / N), product(f"-t / {N}", -t_k, 1 / N)]
    return summed("(sigmoid(z) - t) / N, N = number of elements", terms, read.dtype, roundings=10)
