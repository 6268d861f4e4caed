"""The composition: convolution, then max pooling, then the rectifier, each by its own plain loops; to be read first."""

from kernels.conv2d import reference as conv2d
from kernels.maxpool2d import reference as maxpool2d
from kernels.relu import reference as relu

WINDOW = {"size": (2, 2), "stride": (2, 2)}


def forward(x, k, b=None):
    """Compute y = relu(maxpool(conv2d(x, k, b))), and which pixel of its window each maximum was.

    x (N,H,W,C)  k (P,Q,C,F)  b (F,)  ->  y (N,Ho,Wo,F) float64, argmax (N,Ho,Wo,F) uint8
    Source: LeCun, Bottou, Bengio and Haffner, 1998, for the sequence; Goodfellow et al., Deep Learning, 9.3.
    """
    largest, argmax = maxpool2d.forward(conv2d.forward(x, k, b), **WINDOW)
    return relu.forward(largest), argmax


def backward_data(dy, y, argmax, k, x_shape):
    """Apply the chain rule, last step first: the rectifier, then the chosen pixel, then the convolution.

    dy, y, argmax (N,Ho,Wo,F)  k (P,Q,C,F)  ->  dx = x_shape (N,H,W,C), float64
    """
    return conv2d.backward_data(_to_pixels(dy, y, argmax, x_shape, k.shape), k, x_shape)


def backward_weights(x, dy, y, argmax, k_shape):
    """Do the same for the kernel.   x (N,H,W,C)  ->  dk = k_shape (P,Q,C,F), db (F,), float64."""
    return conv2d.backward_weights(x, _to_pixels(dy, y, argmax, x.shape, k_shape), k_shape)


def forward_int8(x, k, b, multiplier, **settings):
    """Compute the largest level of each window: the 8-bit convolution, then 8-bit max pooling."""
    return maxpool2d.forward_int8(conv2d.forward_int8(x, k, b, multiplier, **settings), **WINDOW)


def _to_pixels(dy, y, argmax, x_shape, k_shape):
    """Return the gradient with respect to the convolution's result."""
    z_shape = (x_shape[0], x_shape[1] - k_shape[0] + 1, x_shape[2] - k_shape[1] + 1, k_shape[3])
    return maxpool2d.backward(relu.backward(dy, y), argmax, z_shape, **WINDOW)
