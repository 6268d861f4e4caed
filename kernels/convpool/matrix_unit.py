"""forward with its convolution on the matrix unit, by six, three or one product of parts: the variants `cpu_amx*.py`.

The convolution's results are written, then pooled and rectified. backward is `cpu`'s, in float32: it computes a quarter
of the convolution's products, those of the pixels that a maximum chose, and the matrix unit has no way to choose.
"""

from kernels import targets
from kernels.conv2d import matrix_unit
from kernels.convpool import cpu
from kernels.maxpool2d import cpu as maxpool2d
from kernels.relu import cpu as relu

OP = "convpool"
_PLAIN = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
_WINDOW = {"size": (2, 2), "stride": (2, 2), "padding": ((0, 0), (0, 0))}


def forward(x, k, b, *, out, variant, products):
    """Compute y[n,i,j,f] = max(0, the largest of the convolution's results in window (i,j)), into out = (y, argmax)."""
    (N, H, W, _), (P, Q, _, F) = x.shape, k.shape
    z = targets.empty((N, H - P + 1, W - Q + 1, F), x.dtype, "cpu")
    matrix_unit.forward(x, k, b, **_PLAIN, out=z, variant=variant, products=products, operation=OP)
    maxpool2d.forward(z, **_WINDOW, out=out)
    relu.forward(out[0], out=out[0])


def backward_data(dy, y, argmax, k, x_shape, *, out, variant):
    """Compute dx[n,h+p,w+q,c] = sum of dy[n,i,j,f] * k[p,q,c,f] over windows with y > 0 that chose (h,w), into out."""
    matrix_unit.check(OP, variant, out)
    cpu.backward_data(dy, y, argmax, k, x_shape, out=out)


def backward_weights(x, dy, y, argmax, k_shape, *, out, variant):
    """Compute dk[p,q,c,f] = sum of x[n,h+p,w+q,c] * dy[n,i,j,f] over those windows, and db, into out = (dk, db)."""
    matrix_unit.check(OP, variant, out[0])
    cpu.backward_weights(x, dy, y, argmax, k_shape, out=out)
