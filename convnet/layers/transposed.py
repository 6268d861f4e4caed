"""Conv2DTranspose: conv2d's data gradient as a layer, for the way up of a U-Net."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

from convnet.layers.checks import need_image
from convnet.layers.conv import Conv2D
from kernels import checks, conv2dtranspose


class Conv2DTranspose(Conv2D):
    """y[n, s*h + d*p - top, s*w + d*q - left, f] = b[f] + the sum of x[n,h,w,c] * k[p,q,f,c] that land there.

    x (N,H,W,C) -> y (N,Ho,Wo,filters). Parameters: kernel (P,Q,filters/groups,C), bias (filters,).

    filters         F, the channels of y
    kernel_size     (P,Q), or one number for both
    strides         s, down and across
    padding         "valid" (y has all that k reaches), "same" (y has x's size times the stride), or what is cut off y's
                    edges, ((top, bottom), (left, right))
    output_padding  rows and columns more at the bottom and the right; None: what Keras's `padding` asks for
    dilation_rate   d, down and across
    groups          parts of the channels that are computed apart
    activation      a name from convnet.layers.activations, or None
    use_bias        False leaves b out
    """

    settings: ClassVar[tuple[str, ...]] = (
        *("filters", "kernel_size", "strides", "padding", "output_padding", "dilation_rate", "groups"),
        *("activation", "use_bias", "kernel_initializer", "bias_initializer"),
    )
    operation = "conv2dtranspose"

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: Any = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        groups: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation, use_bias,
            kernel_initializer, bias_initializer, **kwargs,
        )  # fmt: skip
        self.output_padding = (
            None if output_padding is None else checks.pair(self.name, "output_padding", output_padding, 0)
        )

    def kernel_shape(self, channels: int) -> tuple[int, ...]:
        """Return the shape of the operation's kernel for images of so many channels."""
        return (*self.kernel_size, self.filters // self.groups, channels)

    def _sides(self, axis: int, length: int) -> tuple[tuple[int, int], int]:
        """Return what is cut off before and after y along an axis, and what is added, in Keras's meaning."""
        s = self.strides[axis]
        span = self.dilation_rate[axis] * (self.kernel_size[axis] - 1) + 1
        given = None if self.output_padding is None else self.output_padding[axis]
        if not isinstance(self.padding, str):
            return self.padding[axis], given or 0
        whole = (length - 1) * s + span
        if given is not None:
            size = whole - 2 * (span // 2 if self.padding == "same" else 0) + given
        else:
            size = length * s if self.padding == "same" else whole + max(s - span, 0)
        cut = max(whole - size, 0)
        return (cut // 2, cut - cut // 2), max(size - whole, 0)

    def _geometry(self, shape: tuple[int, ...]) -> tuple[dict[str, Any], tuple[int, ...]]:
        need_image(self.name, shape)
        sides = [self._sides(axis, shape[axis]) for axis in (0, 1)]
        pad, more = tuple(p for p, _ in sides), tuple(m for _, m in sides)
        settings = self.strides, pad, more, self.dilation_rate, self.groups
        try:
            normal, y = conv2dtranspose.geometry((1, *shape), self.kernel_shape(shape[2]), *settings)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None
        return normal, y[1:]

    def multiply_adds(self, *shapes: tuple[int, ...]) -> int:
        """Return the multiply-adds that one sample costs, forward."""
        return prod(shapes[0]) * prod(self.kernel_size) * (self.filters // self.groups)

    def window(self, shape: tuple[int, ...]) -> None:  # type: ignore[override]
        """Return None: the pixels that an output reads are not those of one sliding window."""
        return None
