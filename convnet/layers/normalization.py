"""Batch normalisation."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

import numpy as np

from convnet.engine.operator import Lowering, Value
from convnet.engine.parameter import Parameter
from convnet.layers.base import Layer
from kernels import checks


class BatchNormalization(Layer):
    """y = gamma * (x - mean) / sqrt(var + epsilon) + beta, channel by channel.

    Training uses the batch's mean and (biased) variance and moves the kept statistics towards them:
    moving = momentum * moving + (1 - momentum) * batch. Otherwise the moving ones are used.
    Source: Ioffe & Szegedy, ICML 2015.
    """

    settings: ClassVar[tuple[str, ...]] = ("axis", "momentum", "epsilon", "center", "scale")
    defaults: ClassVar[dict[str, Any]] = {
        "beta_initializer": "zeros",
        "gamma_initializer": "ones",
        "moving_mean_initializer": "zeros",
        "moving_variance_initializer": "ones",
        "synchronized": False,
        "renorm": False,
        "renorm_momentum": 0.99,
    }

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.center, self.scale = bool(center), bool(scale)
        self.axis = axis
        self.momentum = checks.number(self.name, "momentum", momentum, 0.0, 1.0)
        self.epsilon = checks.number(self.name, "epsilon", epsilon, 0.0)

    def build(self, shape: tuple[int, ...]) -> None:
        """Make gamma, beta and the moving statistics for samples of this shape."""
        if self.axis not in (-1, len(shape)):
            raise ValueError(f"{self.name}: axis must be -1 (channels last), got {self.axis}")
        channels = (shape[-1],)
        self.gamma = self.add_weight("gamma", channels, "ones") if self.scale else self._constant("gamma", 1.0, shape)
        self.beta = self.add_weight("beta", channels, "zeros") if self.center else self._constant("beta", 0.0, shape)
        self.moving_mean = self.add_weight("moving_mean", channels, "zeros", trainable=False)
        self.moving_variance = self.add_weight("moving_variance", channels, "ones", trainable=False)

    def _constant(self, name: str, value: float, shape: tuple[int, ...]) -> Parameter:
        """Return what a layer without this parameter computes with; it is no parameter of the layer's."""
        return Parameter(f"{self.name}/{name}", np.full(shape[-1:], value, self.dtype), trainable=False)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        # Keras: a frozen layer runs as in inference
        operation = "batchnorm" if low.training and self.trainable else "batchnorm_inference"
        parameters = (self.gamma, self.beta, self.moving_mean, self.moving_variance)
        return low.emit(operation, inputs, inputs[0].shape, self, parameters, epsilon=self.epsilon)

    def multiply_adds(self, *shapes: tuple[int, ...]) -> int:
        """Return the multiply-adds that one sample costs, forward."""
        return prod(shapes[0])
