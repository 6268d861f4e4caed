"""As `cpu_amx`, with one product: x and k rounded to bfloat16, 2^-7 of a term left out.

By kernels/convpool/matrix_unit.py.
"""

from kernels.convpool import matrix_unit

VARIANT, PRODUCTS = "cpu_amx_bf16", 1  # of the numbers rounded to bfloat16


def forward(x, k, b, *, out):
    """Compute y[n,i,j,f] = max(0, the largest of the convolution's results in window (i,j)), into out = (y, argmax)."""
    matrix_unit.forward(x, k, b, out=out, variant=VARIANT, products=PRODUCTS)


def backward_data(dy, y, argmax, k, x_shape, *, out):
    """Compute dx[n,h+p,w+q,c] = sum of dy[n,i,j,f] * k[p,q,c,f] over windows with y > 0 that chose (h,w), into out."""
    matrix_unit.backward_data(dy, y, argmax, k, x_shape, out=out, variant=VARIANT)


def backward_weights(x, dy, y, argmax, k_shape, *, out):
    """Compute dk[p,q,c,f] = sum of x[n,h+p,w+q,c] * dy[n,i,j,f] over those windows, and db, into out = (dk, db)."""
    matrix_unit.backward_weights(x, dy, y, argmax, k_shape, out=out, variant=VARIANT)
