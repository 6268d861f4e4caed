import numpy as np
from scipy.special import log_softmax, softmax


def forward(y, z, weights=None, **settings):
    return -np.take_along_axis(log_softmax(z.astype(float), axis=1), y[:, None], 1).mean()


def backward(y, z, weights=None, **settings):
    return (softmax(z.astype(float), axis=1) - np.eye(z.shape[1])[y]) / len(y)
