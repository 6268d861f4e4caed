"""The cross-entropy between labels y and predictions yhat, and its gradient; README.md is the lesson.

`kind` says what y is:  "sparse": class indices (N,), any integer dtype, yhat (N,K)
                        "categorical": probabilities (N,K), yhat (N,K)
                        "binary": probabilities in [0,1] of yhat's shape, (N,) or (N,...): each element a yes or no
`from_logits`: yhat is what goes into softmax (binary: into sigmoid), and not what comes out.
`weights` (N,), one per sample. Apart from indices all arrays are float32 or all are float64.
`out`: where to write the result, C-contiguous and apart from the inputs. `variant`: a name from the registry.
Every function raises TypeError for a wrong kind of array; ValueError for shapes that do not fit, labels out of
range, or no elements. On a device nobody looks at the labels first: indices are int64, and one out of range makes the
loss and its sample's gradient NaN.
Source: Goodfellow, Bengio, Courville, Deep Learning, 2016, 3.13 and 6.2.2; Keras 3, keras/src/backend/*/nn.py.
"""

from typing import Any

import numpy as np

from kernels import checks, targets
from kernels.crossentropy import labels

OP = "crossentropy"
KINDS = ("sparse", "categorical", "binary")
INTEGERS = tuple(np.dtype(t) for t in ("i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1"))


def forward(
    y: np.ndarray,
    yhat: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    kind: str,
    from_logits: bool = False,
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> Any:
    """Compute L = 1/N sum_n w_n * l_n  -> L, a NumPy scalar, or `out` (a 0-d array). N is the number of samples.

    On probabilities, with clip(p) = min(max(p, 1e-7), 1 - 1e-7):
      sparse       l_n = -log clip(yhat[n,y_n] / sum_j yhat[n,j])
      categorical  l_n = -sum_k y[n,k] * log clip(yhat[n,k] / sum_j yhat[n,j])
      binary       l_n = -mean_k (t * log p + (1-t) * log(1-p)),  t = y[n,k], p = clip(yhat[n,k])
    On logits z = yhat, with lse_n = log sum_j exp z[n,j]:
      sparse       l_n = lse_n - z[n,y_n]
      categorical  l_n = sum_k y[n,k] * (lse_n - z[n,k])
      binary       l_n = mean_k (max(z,0) - z*t + log(1 + exp(-|z|)))
    `reference` returns float64, the others yhat's dtype.
    """
    y, yhat, weights = _arguments(y, yhat, weights, kind, from_logits)
    run = checks.kernel(OP, variant, "forward", y, yhat, weights)
    if variant == "reference":
        return checks.deliver(OP, run(y, yhat, weights, kind=kind, from_logits=from_logits), out)
    L = checks.output(OP, "out", out, (), yhat.dtype, (y, yhat, weights))
    run(y, yhat, weights, kind=kind, from_logits=from_logits, out=L)
    return checks.scalar(L, out)


def backward(
    y: np.ndarray,
    yhat: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    kind: str,
    from_logits: bool = False,
    variant: str = "cpu",
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Compute dyhat = dL/dyhat, the exact derivative of `forward`, 0 where it clipped  -> dyhat, yhat's shape.

    On logits dyhat[n,k] = w_n * (softmax(z)[n,k] - onehot[n,k]) / N; the other formulas stand in README.md.
    """
    y, yhat, weights = _arguments(y, yhat, weights, kind, from_logits)
    run = checks.kernel(OP, variant, "backward", y, yhat, weights)
    if variant == "reference":
        return checks.deliver(OP, run(y, yhat, weights, kind=kind, from_logits=from_logits), out)
    dyhat = checks.output(OP, "out", out, yhat.shape, yhat.dtype, (y, yhat, weights))
    run(y, yhat, weights, kind=kind, from_logits=from_logits, out=dyhat)
    return dyhat


def _arguments(
    y: Any, yhat: Any, weights: Any, kind: Any, from_logits: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    if kind not in KINDS:
        raise ValueError(f"{OP}: kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if not isinstance(from_logits, bool):
        raise TypeError(f"{OP}: from_logits must be True or False, got {from_logits!r}")
    yhat = checks.array(OP, "yhat", yhat, None if kind == "binary" else "N K")
    if yhat.ndim == 0 or yhat.size == 0:
        raise ValueError(f"{OP}: the mean over no samples is not defined: yhat.shape={yhat.shape}")
    if kind == "sparse":
        y = _indices(y, yhat)
    else:
        y = checks.array(OP, "y", y, None)
        checks.shape(OP, "y", y, yhat.shape, f"yhat's shape, for kind={kind!r}")
    if kind == "binary":
        _check_probabilities(y)
    if weights is not None:
        weights = checks.array(OP, "weights", weights, "N")
        checks.shape(OP, "weights", weights, yhat.shape[:1], f"one per sample: yhat.shape={yhat.shape}")
    checks.same_dtype(OP, y=None if kind == "sparse" else y, yhat=yhat, weights=weights)
    return y, yhat, weights


def _indices(y: Any, yhat: np.ndarray) -> np.ndarray:
    """Class indices as int64, each in 0 .. K-1."""
    if getattr(y, "dtype", INTEGERS[0]) not in INTEGERS:
        raise TypeError(
            f"{OP}: y must be integer class indices for kind='sparse', got {y.dtype}: use y.astype('int64')"
        )
    N, K = yhat.shape
    y = checks.array(OP, "y", y, "N", INTEGERS)
    if y.shape != (N,):
        checks.shape(OP, "y", y, (N,), f"one class index per sample: yhat.shape={yhat.shape} (N,K)")
    if targets.home(y) != "cpu":
        return checks.array(OP, "y", y, "N", (np.dtype(np.int64),))
    indices = y if y.dtype == np.int64 else y.astype(np.int64)
    n = labels.first_outside(indices, K)
    if n >= 0:
        raise ValueError(f"{OP}: class indices must be in 0..{K - 1} (yhat has {K} classes), got y[{n}]={y[n]}")
    return indices


def _check_probabilities(y: np.ndarray) -> None:
    """Raise ValueError unless every label is in [0,1]; a NaN passes, and makes the loss NaN."""
    if targets.home(y) != "cpu":
        return
    if y.min() < 0 or y.max() > 1 or (np.isnan(y.min()) and ((y < 0) | (y > 1)).any()):
        where = tuple(int(i) for i in np.argwhere((y < 0) | (y > 1))[0])
        raise ValueError(f"{OP}: binary labels must be in [0,1], got y[{', '.join(map(str, where))}]={y[where]}")
