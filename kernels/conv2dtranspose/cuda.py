"""The default: conv2d's kernels with the passes exchanged. Its data gradient is this operation's forward pass."""

from kernels import targets
from kernels.conv2d import cuda as conv2d
from kernels.cuda.sums import sum_columns
from kernels.cuda.vectors import cuda
from kernels.device import launch_flat


def forward(x, k, b, *, stride, padding, output_padding, dilation, groups, out):
    """Compute y, into out: conv2d's data gradient of x, and the bias."""
    conv2d.backward_data(x, k, out.shape, stride=stride, padding=padding, dilation=dilation, groups=groups, out=out)
    if b is not None:
        launch_flat(_add, out.size, b, out.reshape(-1))


def backward_data(dy, k, x_shape, *, stride, padding, output_padding, dilation, groups, out):
    """Compute dx, into out: a convolution of dy."""
    conv2d.forward(dy, k, None, stride=stride, padding=padding, dilation=dilation, groups=groups, out=out)


def backward_weights(x, dy, k_shape, *, stride, padding, output_padding, dilation, groups, out):
    """Compute dk and db, into out: conv2d's weight gradient with x and dy exchanged."""
    dk, db = out
    both = dk, targets.empty((k_shape[3],), dk.dtype, dk.target)
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    conv2d.backward_weights(dy, x, k_shape, **settings, out=both)
    sum_columns(dy.reshape(-1, db.size), db)


@cuda.jit
def _add(b, y):
    e = cuda.grid(1)
    if e < y.size:
        y[e] += b[e % b.size]
