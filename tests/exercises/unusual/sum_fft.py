import numpy as np


def forward(x, k, b=None, **settings):
    (_, H, W, _), (P, Q, _, _) = x.shape, k.shape
    image = np.fft.rfft2(x, axes=(1, 2))
    kernel = np.conj(np.fft.rfft2(k, (H, W), axes=(0, 1)))
    y = np.fft.irfft2(np.einsum("nhwc,hwcf->nhwf", image, kernel), (H, W), axes=(1, 2))
    return y[:, : H - P + 1, : W - Q + 1] + (0 if b is None else b)
