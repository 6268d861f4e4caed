import numpy as np
from scipy.signal import correlate2d


def forward(x, k, b=None, **settings):
    maps = [
        [sum(correlate2d(image[..., c].astype(float), k[..., c, f], "valid") for c in range(x.shape[3])) for image in x]
        for f in range(k.shape[3])
    ]
    y = np.moveaxis(np.array(maps), 0, -1)
    return y if b is None else y + b
