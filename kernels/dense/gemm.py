"""Products of matrices on register tiles, for dense layers: y = x k + b and its gradients.

A dense layer is a 1x1 convolution: of N images of one pixel each, or, for the weights, of one line of N pixels. So it
runs on conv2d's compiled tiles, and there is nothing more to compile. Arrays are C-contiguous, all of one float type.
"""

import numpy as np

from kernels.conv2d import cpu as conv2d

_PLAIN = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}


def forward(x: np.ndarray, k: np.ndarray, b: np.ndarray | None, *, out: np.ndarray) -> None:
    """Compute y[n,f] = b[f] + sum_c x[n,c] * k[c,f], into out.  x (N,C)  k (C,F)  b (F,)."""
    conv2d.forward(x[:, None, None], k[None, None], b, **_PLAIN, out=out[:, None, None])


def backward_data(dy: np.ndarray, k: np.ndarray, *, out: np.ndarray) -> None:
    """Compute dx[n,c] = sum_f dy[n,f] * k[c,f], into out.  dy (N,F)  k (C,F)."""
    x_shape = (dy.shape[0], 1, 1, k.shape[0])
    conv2d.backward_data(dy[:, None, None], k[None, None], x_shape, **_PLAIN, out=out[:, None, None])


def backward_weights(x: np.ndarray, dy: np.ndarray, *, out: tuple[np.ndarray, np.ndarray]) -> None:
    """Compute dk[c,f] = sum_n x[n,c] * dy[n,f], db[f] = sum_n dy[n,f], into out = (dk, db).  x (N,C)  dy (N,F)."""
    dk, db = out
    k_shape = (1, 1, *dk.shape)
    conv2d.backward_weights(x[None, None], dy[None, None], k_shape, **_PLAIN, out=(dk[None, None], db))
