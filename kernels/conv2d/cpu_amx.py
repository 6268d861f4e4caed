"""On Intel's matrix unit (AMX): each float32 in three bfloat16 parts, six of their nine products.

What they leave out is 2^-24 of a term, and the unit rounds less often than a chain of multiply-adds: the result is more
precise than `cpu`'s. Nobody's default: a busy neighbour on the same core slows the unit.
"""

from kernels.conv2d import matrix_unit

HOW = {"variant": "cpu_amx", "products": 6}


def forward(x, k, b, *, stride, padding, dilation, groups, out):
    """Compute y[n,i,j,f] = b[f] + sum_{p,q,c} x[n, s*i + d*p - top, s*j + d*q - left, c] * k[p,q,c,f], into out."""
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    matrix_unit.forward(x, k, b, **settings, out=out, **HOW)


def backward_data(dy, k, x_shape, *, stride, padding, dilation, groups, out):
    """Compute dx[n,h,w,c] = sum of dy[n,i,j,f] * k[p,q,c,f] over the (i,j,p,q,f) that read x[n,h,w,c], into out."""
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    matrix_unit.backward_data(dy, k, x_shape, **settings, out=out, **HOW)


def backward_weights(x, dy, k_shape, *, stride, padding, dilation, groups, out):
    """Compute dk[p,q,c,f] = sum_{n,i,j} x[...] * dy[n,i,j,f], db[f] = sum_{n,i,j} dy[n,i,j,f], into out = (dk, db)."""
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    matrix_unit.backward_weights(x, dy, k_shape, **settings, out=out, **HOW)
