import numpy as np


def backward(dy, x, gamma, mean, var, *, epsilon=1e-3, **settings):
    dy, x, gamma, mean, var = (a.astype(float) for a in (dy, x, gamma, mean, var))
    deviation = np.sqrt(var + epsilon)
    xhat = (x - mean) / deviation
    dbeta, dgamma = dy.sum(0), (dy * xhat).sum(0)
    dx = gamma / deviation * (dy - dbeta / len(x) - xhat * dgamma / len(x))
    return dx, dgamma, dbeta
