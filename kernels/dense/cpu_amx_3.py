"""As `cpu_amx`, with three products, which leave out 2^-15 of a term.

As one image of a line of N pixels, and a kernel of one tap, by kernels/conv2d/matrix_unit.py.
"""

from kernels.conv2d import matrix_unit

HOW = {"variant": "cpu_amx_3", "products": 3, "operation": "dense"}
POINT = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}


def forward(x, k, b=None, *, out):
    """Compute y[n,f] = b[f] + sum_c x[n,c] * k[c,f], into out."""
    matrix_unit.forward(x[None, None], k[None, None], b, **POINT, out=out[None, None], **HOW)


def backward_data(dy, k, *, out):
    """Compute dx[n,c] = sum_f dy[n,f] * k[c,f], into out."""
    matrix_unit.backward_data(dy[None, None], k[None, None], (1, 1, *out.shape), **POINT, out=out[None, None], **HOW)


def backward_weights(x, dy, *, out):
    """Compute dk[c,f] = sum_n x[n,c] * dy[n,f], db[f] = sum_n dy[n,f], into out = (dk, db)."""
    dk, db = out
    both = dk[None, None], db
    matrix_unit.backward_weights(x[None, None], dy[None, None], both[0].shape, **POINT, out=both, **HOW)
