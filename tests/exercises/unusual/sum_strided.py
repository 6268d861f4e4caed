import numpy as np
from numpy.lib.stride_tricks import as_strided


def forward(x, k, b=None, **settings):
    (N, H, W, C), (P, Q, _, _) = x.shape, k.shape
    n, h, w, c = x.strides
    windows = as_strided(x, (N, H - P + 1, W - Q + 1, P, Q, C), (n, h, w, h, w, c), writeable=False)
    y = np.tensordot(windows.astype(float), k.astype(float), 3)
    return y if b is None else y + b
