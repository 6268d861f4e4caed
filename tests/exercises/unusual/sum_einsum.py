import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def forward(x, k, b=None, **settings):
    windows = sliding_window_view(x.astype(float), k.shape[:2], (1, 2))
    y = np.einsum("nijcpq,pqcf->nijf", windows, k)
    return y if b is None else y + b
