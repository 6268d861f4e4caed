"""A random architecture of tests/architectures.py in PyTorch: the same spec and weights, in float64, NHWC outside."""

import torch
from torch.nn import functional as f

from kernels import checks
from tests.architectures import Network

POINTWISE = {
    "linear": lambda z: z,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "softmax": lambda z: torch.softmax(z, -1),
}


class Peer:
    def __init__(self, network: Network) -> None:
        self.spec, self.made = network.spec, network.made
        self.weights = {
            p: torch.tensor(p.value, requires_grad=True)
            for layer in self.made
            if layer is not None
            for p in layer.own_parameters
            if p.trainable
        }

    def of(self, layer):
        return [self.weights[p] for p in layer.own_parameters if p.trainable]

    def forward(self, z):
        """The last layer's numbers before its activation."""
        for (kind, *_), layer in zip((*self.spec.body, *self.spec.head), self.made[:-1], strict=True):
            if kind in ("shared conv", "shared dense"):
                z = self.apply(layer, self.apply(layer, z))
            elif kind == "residual":
                z = z + self.apply(layer, z)
            elif kind == "twice":
                z = z + z
            else:
                z = self.apply(layer, z)
        k, b = self.of(self.made[-1])
        return z @ k + b

    def apply(self, layer, z):
        return getattr(self, type(layer).__name__)(layer, z)

    def Conv2D(self, layer, z):
        k, b = self.of(layer)
        z = padded(z, k.shape[:2], layer.strides, layer.dilation_rate, layer.padding)
        k = k.permute(3, 2, 0, 1).contiguous()
        z = f.conv2d(first(z), k, b, layer.strides, 0, layer.dilation_rate, layer.groups)
        return POINTWISE[layer.activation](last(z))

    def MaxPooling2D(self, layer, z):
        z = padded(z, layer.pool_size, layer.strides, (1, 1), layer.padding, float("-inf"))
        return last(f.max_pool2d(first(z), layer.pool_size, layer.strides))

    def AveragePooling2D(self, layer, z):
        """Keras counts the real pixels only."""
        sums, counts = (
            f.avg_pool2d(
                first(padded(a, layer.pool_size, layer.strides, (1, 1), layer.padding)), layer.pool_size, layer.strides
            )
            for a in (z, torch.ones_like(z))
        )
        return last(sums / counts)

    def BatchNormalization(self, layer, z):
        gamma, beta = self.of(layer)
        flat = f.batch_norm(z.reshape(-1, z.shape[-1]), None, None, gamma, beta, training=True, eps=layer.epsilon)
        return flat.reshape(z.shape)

    def Activation(self, layer, z):
        return POINTWISE[layer.activation](z)

    def Flatten(self, layer, z):
        return z.flatten(1)

    def GlobalAveragePooling2D(self, layer, z):
        return z.mean((1, 2))

    def Dense(self, layer, z):
        k, b = self.of(layer)
        return POINTWISE[layer.activation](z @ k + b)

    def loss(self, x, y):
        """Cross-entropy on the logits: the last layer's sigmoid or softmax belongs to the loss."""
        z, y, kind = self.forward(x), torch.tensor(y), self.spec.loss
        if kind == "binary":
            return f.binary_cross_entropy_with_logits(z, y)
        if kind in ("sparse", "categorical"):
            return f.cross_entropy(z, y)
        return ((POINTWISE[self.made[-1].activation](z) - y) ** 2).mean()


def first(z):
    return z.permute(0, 3, 1, 2).contiguous()


def last(z):
    return z.permute(0, 2, 3, 1)


def padded(z, kernel, stride, dilation, padding, value=0.0):
    image = (z.shape[1], z.shape[2])
    (top, bottom), (left, right) = checks.padding(
        "torch", padding, image, tuple(kernel), tuple(stride), tuple(dilation)
    )
    return f.pad(z, (0, 0, left, right, top, bottom), value=value)
