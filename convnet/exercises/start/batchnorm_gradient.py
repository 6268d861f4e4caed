"""Exercise 11, the gradient of batch normalisation: mean and variance depend on x as well.

    xhat[m,c]  = (x[m,c] - mean[c]) / sqrt(var[c] + epsilon)          y = gamma[c] * xhat[m,c] + beta[c]

    dbeta[c]   = sum_m dy[m,c]
    dgamma[c]  = sum_m dy[m,c] * xhat[m,c]
    dx[m,c]    = gamma[c] / sqrt(var[c] + epsilon) * ( dy[m,c] - dbeta[c] / M - xhat[m,c] * dgamma[c] / M )

dy, x (M,C): M numbers of each of C channels.   gamma, mean, var (C,): mean and var are those of x, over m.
Return a tuple: dx (M,C), dgamma (C,), dbeta (C,).

Hints, read one at a time:
- Each channel is by itself. A sum over m is a[:, c].sum(), or a.sum(0) for all channels at once.
- Without the two terms that are subtracted, dx would be the gradient with mean and var held still.
- Check it yourself: moving all x by the same amount changes nothing in y, so the sum of dx over m must be 0.
"""


def backward(dy, x, gamma, mean, var, *, epsilon=1e-3, **settings):
    raise NotImplementedError("return dx, dgamma, dbeta")
