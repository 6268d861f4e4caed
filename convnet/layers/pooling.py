"""Max, average and global average pooling."""

from __future__ import annotations

from typing import Any, ClassVar

from convnet.engine.operator import Lowering, Value, Window
from convnet.layers.base import Layer
from convnet.layers.checks import need_image, only_channels_last, padding_name
from kernels import checks


class _Pooling2D(Layer):
    settings: ClassVar[tuple[str, ...]] = ("pool_size", "strides", "padding")
    operation: ClassVar[str]

    def __init__(
        self,
        pool_size: Any = (2, 2),
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        only_channels_last(self.name, data_format)
        self.pool_size = checks.pair(self.name, "pool_size", pool_size)
        self.strides = self.pool_size if strides is None else checks.pair(self.name, "strides", strides)
        self.padding = padding_name(self.name, padding)

    def _normal(self, shape: tuple[int, ...]) -> dict[str, Any]:
        pad = checks.padding(self.name, self.padding, shape[:2], self.pool_size, self.strides, (1, 1))  # type: ignore[arg-type]
        return {"size": self.pool_size, "stride": self.strides, "padding": pad}

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        need_image(self.name, shapes[0])
        pad = self._normal(shapes[0])["padding"]
        count = checks.window_count(self.name, shapes[0][:2], self.pool_size, self.strides, pad)  # type: ignore[arg-type]
        return (*count, shapes[0][2])

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        shape = inputs[0].shape
        return low.emit(self.operation, inputs, self.output_shape(shape), self, **self._normal(shape))

    def window(self, shape: tuple[int, ...]) -> Window:
        (top, _), (left, _) = self._normal(shape)["padding"]
        return Window(self.pool_size, self.strides, before=(top, left))


class MaxPooling2D(_Pooling2D):
    """y[n,i,j,c] = the largest of x[n, s*i + p - top, s*j + q - left, c] over the window (p,q); pads with -inf."""

    operation = "maxpool2d"


class AveragePooling2D(_Pooling2D):
    """y[n,i,j,c] = the mean of the window's real pixels; padding does not count."""

    operation = "avgpool2d"


class GlobalAveragePooling2D(Layer):
    """y[n,c] = the mean of x[n,:,:,c]:  (N,H,W,C) -> (N,C)."""

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        only_channels_last(self.name, data_format)

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        need_image(self.name, shapes[0])
        return (shapes[0][2],)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        return low.emit("globalavgpool", inputs, (inputs[0].shape[2],), self)

    def window(self, shape: tuple[int, ...]) -> None:
        return None
