"""Max, average and global average pooling."""

from __future__ import annotations

from itertools import product as every
from typing import Any, ClassVar

from convnet.engine.operator import Lowering, Value, Window
from convnet.layers.base import Layer
from convnet.layers.checks import need_image, only_channels_last, padding_setting
from kernels import checks
from kernels.resample import taps as make
from kernels.resample.taps import Places


class _Pooling2D(Layer):
    settings: ClassVar[tuple[str, ...]] = ("pool_size", "strides", "padding", "ceil_mode")
    operation: ClassVar[str]
    dilation: tuple[int, int] = (1, 1)

    def __init__(
        self,
        pool_size: Any = (2, 2),
        strides: Any = None,
        padding: Any = "valid",
        data_format: str | None = None,
        ceil_mode: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        only_channels_last(self.name, data_format)
        self.pool_size = checks.pair(self.name, "pool_size", pool_size)
        self.strides = self.pool_size if strides is None else checks.pair(self.name, "strides", strides)
        self.padding = padding_setting(self.name, padding)
        self.ceil_mode = bool(ceil_mode)

    def _sides(self, shape: tuple[int, ...]) -> Any:
        """Return ((top, bottom), (left, right)); with ceil_mode with what the last window needs beyond the image.

        By ONNX's rule the last window must begin inside of the image or its padding at the top or left.
        """
        window = (self.pool_size, self.strides, self.dilation)
        pad = checks.padding(self.name, self.padding, shape[:2], *window)  # type: ignore[arg-type]
        if not self.ceil_mode:
            return pad
        sides = []
        for n, p, s, d, (before, after) in zip(shape, *window, pad, strict=False):
            span = d * (p - 1) + 1
            room = n + before + after - span
            count = -(-room // s) + 1
            count -= (count - 1) * s >= n + before
            sides.append((before, max((count - 1) * s + span - n - before, after)))
        return tuple(sides)

    def _normal(self, shape: tuple[int, ...]) -> dict[str, Any]:
        return {"size": self.pool_size, "stride": self.strides, "padding": self._sides(shape)}

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output sample."""
        need_image(self.name, shapes[0])
        image: Any = shapes[0][:2]
        pad = self._sides(shapes[0])
        count = checks.window_count(self.name, image, self.pool_size, self.strides, pad, self.dilation)
        return (*count, shapes[0][2])

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        shape = inputs[0].shape
        return low.emit(self.operation, inputs, self.output_shape(shape), self, **self._normal(shape))

    def window(self, shape: tuple[int, ...]) -> Window:
        """Return the window that one output sees."""
        (top, _), (left, _) = self._sides(shape)
        return Window(self.pool_size, self.strides, self.dilation, before=(top, left))


class MaxPooling2D(_Pooling2D):
    """y[n,i,j,c] = the largest of x[n, s*i + d*p - top, s*j + d*q - left, c] over the window (p,q); pads with -inf.

    pool_size      (P,Q), or one number for both
    strides        s, down and across; None: pool_size
    padding        "valid", "same" or ((top, bottom), (left, right))
    ceil_mode      True adds a last window that begins inside of the image and reaches beyond it
    dilation_rate  d, down and across
    """

    operation = "maxpool2d"
    settings: ClassVar[tuple[str, ...]] = (*_Pooling2D.settings, "dilation_rate")

    def __init__(
        self,
        pool_size: Any = (2, 2),
        strides: Any = None,
        padding: Any = "valid",
        data_format: str | None = None,
        ceil_mode: bool = False,
        dilation_rate: Any = (1, 1),
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, ceil_mode, **kwargs)
        self.dilation_rate = checks.pair(self.name, "dilation_rate", dilation_rate)

    @property
    def dilation(self) -> tuple[int, int]:  # type: ignore[override]
        """The steps between the pixels of a window."""
        return self.dilation_rate

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer; a dilated window as the maximum of its pixels, one by one."""
        if self.dilation == (1, 1):
            return super().lower(low, *inputs)
        shape, (sides_h, sides_w) = inputs[0].shape, self._sides(inputs[0].shape)
        made = self.output_shape(shape)
        found: Value | None = None
        for p, q in every(range(self.pool_size[0]), range(self.pool_size[1])):
            down = self._reads(0, p, shape[0], made[0], sides_h[0])
            across = self._reads(1, q, shape[1], made[1], sides_w[0])
            taps = (None, down, across, None)
            pixel = low.emit("resample", inputs, made, self, taps=taps, fill=float("-inf"))
            found = pixel if found is None else low.emit("arithmetic", (found, pixel), made, self, kind="maximum")
        assert found is not None
        return found

    def _reads(self, axis: int, tap: int, length: int, count: int, before: int) -> Places:
        places = (self.strides[axis] * i + self.dilation[axis] * tap - before for i in range(count))
        return tuple(((place, 1.0),) if 0 <= place < length else () for place in places)


class AveragePooling2D(_Pooling2D):
    """y[n,i,j,c] = the mean of the window's real pixels; padding does not count.

    pool_size          (P,Q), or one number for both
    strides            s, down and across; None: pool_size
    padding            "valid", "same" or ((top, bottom), (left, right))
    ceil_mode          True adds a last window that begins inside of the image and reaches beyond it
    count_include_pad  True counts the padding as pixels of 0; never what ceil_mode adds
    """

    operation = "avgpool2d"
    settings: ClassVar[tuple[str, ...]] = (*_Pooling2D.settings, "count_include_pad")

    def __init__(
        self,
        pool_size: Any = (2, 2),
        strides: Any = None,
        padding: Any = "valid",
        data_format: str | None = None,
        ceil_mode: bool = False,
        count_include_pad: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, ceil_mode, **kwargs)
        self.count_include_pad = bool(count_include_pad)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer; padding that counts is put around the image before."""
        shape, made = inputs[0].shape, self.output_shape(inputs[0].shape)
        window: Any = (self.pool_size, self.strides, (1, 1))
        pad = checks.padding(self.name, self.padding, shape[:2], *window)  # type: ignore[arg-type]
        if not self.count_include_pad or pad == ((0, 0), (0, 0)):
            return super().lower(low, *inputs)
        taps = (None, make.pad(shape[0], *pad[0]), make.pad(shape[1], *pad[1]), None)
        padded = (shape[0] + sum(pad[0]), shape[1] + sum(pad[1]), shape[2])
        x = low.emit("resample", inputs, padded, self, taps=taps, fill=0.0)
        beyond = tuple((0, whole[1] - given[1]) for whole, given in zip(self._sides(shape), pad, strict=True))
        settings: dict[str, Any] = {"size": self.pool_size, "stride": self.strides, "padding": beyond}
        return low.emit(self.operation, (x,), made, self, **settings)


class _GlobalPooling2D(Layer):
    settings: ClassVar[tuple[str, ...]] = ("keepdims",)

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        only_channels_last(self.name, data_format)
        self.keepdims = bool(keepdims)

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output sample."""
        need_image(self.name, shapes[0])
        return (1, 1, shapes[0][2]) if self.keepdims else (shapes[0][2],)

    def window(self, shape: tuple[int, ...]) -> None:
        """Return None: one output sees all of its input."""
        return None


class GlobalAveragePooling2D(_GlobalPooling2D):
    """y[n,c] = the mean of x[n,:,:,c]:  (N,H,W,C) -> (N,C), or (N,1,1,C) with keepdims."""

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        y = low.emit("globalavgpool", inputs, (inputs[0].shape[2],), self)
        return low.emit("reshape", (y,), (1, 1, *y.shape), self, in_place=True) if self.keepdims else y


class GlobalMaxPooling2D(_GlobalPooling2D):
    """y[n,c] = the largest of x[n,:,:,c]:  (N,H,W,C) -> (N,C), or (N,1,1,C) with keepdims.

    It is max pooling by one window, the whole image.
    """

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        height, width, channels = inputs[0].shape
        window: dict[str, Any] = {"size": (height, width), "stride": (height, width), "padding": ((0, 0), (0, 0))}
        y = low.emit("maxpool2d", inputs, (1, 1, channels), self, **window)
        return y if self.keepdims else low.emit("reshape", (y,), (channels,), self, in_place=True)
