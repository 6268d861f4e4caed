"""Batch normalisation."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

from convnet.engine.operator import Lowering, Value
from convnet.layers.base import Layer
from kernels import checks


class BatchNormalization(Layer):
    """y = gamma * (x - mean) / sqrt(var + epsilon) + beta, channel by channel.

    Training uses the batch's mean and (biased) variance and moves the kept statistics towards them:
    moving = momentum * moving + (1 - momentum) * batch. Otherwise the moving ones are used.
    Source: Ioffe & Szegedy, ICML 2015.
    """

    settings: ClassVar[tuple[str, ...]] = ("axis", "momentum", "epsilon")

    def __init__(self, axis: int = -1, momentum: float = 0.99, epsilon: float = 1e-3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis
        self.momentum = checks.number(self.name, "momentum", momentum, 0.0, 1.0)
        self.epsilon = checks.number(self.name, "epsilon", epsilon, 0.0)

    def build(self, shape: tuple[int, ...]) -> None:
        if self.axis not in (-1, len(shape)):
            raise ValueError(f"{self.name}: axis must be -1 (channels last), got {self.axis}")
        channels = (shape[-1],)
        self.gamma = self.add_weight("gamma", channels, "ones")
        self.beta = self.add_weight("beta", channels, "zeros")
        self.moving_mean = self.add_weight("moving_mean", channels, "zeros", trainable=False)
        self.moving_variance = self.add_weight("moving_variance", channels, "ones", trainable=False)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        # Keras: a frozen layer runs as in inference
        operation = "batchnorm" if low.training and self.trainable else "batchnorm_inference"
        weights = (self.gamma, self.beta, self.moving_mean, self.moving_variance)
        return low.emit(operation, inputs, inputs[0].shape, self, weights, epsilon=self.epsilon)

    def multiply_adds(self, *shapes: tuple[int, ...]) -> int:
        return prod(shapes[0])
