import numpy as np


def forward(x, k, b=None, **settings):
    """A convolution is a matrix product: build the matrix by sending unit images through."""
    (N, H, W, C), (P, Q, _, F) = x.shape, k.shape
    Ho, Wo = H - P + 1, W - Q + 1
    matrix = np.zeros((H, W, C, Ho, Wo, F))
    for i, j in np.ndindex(Ho, Wo):
        matrix[i : i + P, j : j + Q, :, i, j] = k
    y = x.reshape(N, -1).astype(float) @ matrix.reshape(H * W * C, -1)
    return y.reshape(N, Ho, Wo, F) + (0 if b is None else b)
