"""What every convolution's layer knows of its shapes, whatever numbers its kernel holds."""

from __future__ import annotations

from math import prod
from typing import Any

from convnet.engine.operator import Window
from convnet.layers.base import Layer
from convnet.layers.checks import need_image, padding_setting
from kernels import checks


class Convolving(Layer):
    """The arguments filters, kernel_size, strides, padding, dilation_rate and groups, and what follows from them."""

    filters: int
    kernel_size: tuple[int, int]
    strides: tuple[int, int]
    padding: Any
    dilation_rate: tuple[int, int]
    groups: int

    def _take(self, filters: int, kernel_size: Any, strides: Any, padding: Any, dilation_rate: Any) -> None:
        """Check and keep the arguments; groups is kept by the layer."""
        self.filters = checks.integer(self.name, "filters", filters)
        self.kernel_size = checks.pair(self.name, "kernel_size", kernel_size)
        self.strides = checks.pair(self.name, "strides", strides)
        self.padding = padding_setting(self.name, padding)
        self.dilation_rate = checks.pair(self.name, "dilation_rate", dilation_rate)

    def split(self, channels: int) -> tuple[int, int]:
        """Return into how many groups the channels are split, and the number of filters."""
        return self.groups, self.filters

    def kernel_shape(self, channels: int) -> tuple[int, ...]:
        """Return the shape of the operation's kernel for images of so many channels."""
        groups, filters = self.split(channels)
        return (*self.kernel_size, channels // groups, filters)

    def _geometry(self, shape: tuple[int, ...]) -> tuple[dict[str, Any], tuple[int, ...]]:
        from kernels import conv2d

        need_image(self.name, shape)
        kernel, groups = self.kernel_shape(shape[2]), self.split(shape[2])[0]
        try:
            normal, y = conv2d.geometry((1, *shape), kernel, self.strides, self.padding, self.dilation_rate, groups)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None
        return normal, y[1:]

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output sample."""
        return self._geometry(shapes[0])[1]

    def multiply_adds(self, *shapes: tuple[int, ...]) -> int:
        """Return the multiply-adds that one sample costs, forward."""
        return prod(self.output_shape(*shapes)) * prod(self.kernel_size) * (shapes[0][2] // self.split(shapes[0][2])[0])

    def window(self, shape: tuple[int, ...]) -> Window:
        """Return the window that one output sees."""
        (top, _), (left, _) = self._geometry(shape)[0]["padding"]
        return Window(self.kernel_size, self.strides, self.dilation_rate, (top, left))
