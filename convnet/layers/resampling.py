"""ZeroPadding2D, Cropping2D, UpSampling2D and their general forms: Padding, Slicing and Resizing."""

from __future__ import annotations

from typing import Any, ClassVar

from convnet.engine.operator import Lowering, Value
from convnet.layers.base import Layer
from convnet.layers.checks import need_image, only_channels_last
from kernels import checks
from kernels.resample import taps as make
from kernels.resample.taps import Places, Sampling, Taps

Pair = tuple[int, int]


class _Resampling(Layer):
    def taps(self, shape: tuple[int, ...]) -> Taps:
        """Return what each place of a sample's axes reads."""
        raise NotImplementedError

    fill: float = 0.0

    def _taps(self, shape: tuple[int, ...]) -> Taps:
        if len(shape) > 3:
            raise ValueError(f"{self.name}: expects samples of up to 3 axes, got {shape}")
        try:
            return self.taps(shape)
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output sample."""
        made = tuple(n if t is None else len(t) for n, t in zip(shapes[0], self._taps(shapes[0]), strict=True))
        if 0 in made:
            raise ValueError(f"{self.name}: nothing would be left of samples of shape {shapes[0]}: {made}")
        return made

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        shape = inputs[0].shape
        return low.emit(
            "resample", inputs, self.output_shape(shape), self, taps=(None, *self._taps(shape)), fill=self.fill
        )

    def window(self, shape: tuple[int, ...]) -> None:
        """Return None: the places that an output reads are not those of one sliding window."""
        return None


def _sides(name: str, argument: str, value: Any) -> tuple[Pair, Pair]:
    """Return an int, a pair or two pairs as ((top, bottom), (left, right))."""
    if isinstance(value, int):
        value = (value, value)
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return checks.pair(name, argument, value[0], 0), checks.pair(name, argument, value[1], 0)
    raise ValueError(f"{name}: {argument} must be an integer, a pair or ((top, bottom), (left, right)), got {value!r}")


class ZeroPadding2D(_Resampling):
    """Rows and columns of zeros around the image: (N,H,W,C) -> (N, top + H + bottom, left + W + right, C)."""

    settings: ClassVar[tuple[str, ...]] = ("padding",)

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        only_channels_last(self.name, data_format)
        self.padding = _sides(self.name, "padding", padding)

    def taps(self, shape: tuple[int, ...]) -> Taps:
        """Return what each place of a sample's axes reads."""
        need_image(self.name, shape)
        return (make.pad(shape[0], *self.padding[0]), make.pad(shape[1], *self.padding[1]), None)


class Cropping2D(_Resampling):
    """Rows and columns cut off: (N,H,W,C) -> (N, H - top - bottom, W - left - right, C)."""

    settings: ClassVar[tuple[str, ...]] = ("cropping",)

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        only_channels_last(self.name, data_format)
        self.cropping = _sides(self.name, "cropping", cropping)

    def taps(self, shape: tuple[int, ...]) -> Taps:
        """Return what each place of a sample's axes reads."""
        need_image(self.name, shape)
        (top, bottom), (left, right) = self.cropping
        return (make.pad(shape[0], -top, -bottom), make.pad(shape[1], -left, -right), None)


KERAS_METHODS = {"nearest": "nearest", "bilinear": "linear"}


def _method(name: str, interpolation: Any) -> str:
    if interpolation not in KERAS_METHODS:
        known = ", ".join(KERAS_METHODS)
        raise ValueError(f"{name}: interpolation must be one of {known}, got {interpolation!r}")
    return str(interpolation)


class UpSampling2D(_Resampling):
    """Every row and column `size` times: repeated ("nearest"), or with weights in between ("bilinear")."""

    settings: ClassVar[tuple[str, ...]] = ("size", "interpolation")

    def __init__(
        self, size: Any = (2, 2), data_format: str | None = None, interpolation: str = "nearest", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        only_channels_last(self.name, data_format)
        self.size = checks.pair(self.name, "size", size)
        self.interpolation = _method(self.name, interpolation)

    def taps(self, shape: tuple[int, ...]) -> Taps:
        """Return what each place of a sample's axes reads."""
        need_image(self.name, shape)
        sampling = Sampling(KERAS_METHODS[self.interpolation])
        return (*(make.resize(n, n * s, sampling) for n, s in zip(shape[:2], self.size, strict=True)), None)


class Resizing(_Resampling):
    """Another size of the image, by ONNX's rules, of which the defaults are Keras's: (N,H,W,C) -> (N,height,width,C).

    height, width  of the result
    interpolation  "bilinear" or "nearest"
    coordinates    where a new pixel lies on the old image: "half_pixel", "pytorch_half_pixel", "asymmetric" or
                   "align_corners"
    rounding       of a place between two pixels: "round_prefer_floor", "round_prefer_ceil", "floor" or "ceil"
    scales         new size by old, down and across, where it is not the quotient of the sizes
    """

    settings: ClassVar[tuple[str, ...]] = ("height", "width", "interpolation", "coordinates", "rounding", "scales")
    defaults: ClassVar[dict[str, Any]] = {
        "crop_to_aspect_ratio": False, "pad_to_aspect_ratio": False, "fill_mode": "constant", "fill_value": 0.0,
        "antialias": False,
    }  # fmt: skip

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        data_format: str | None = None,
        coordinates: str = "half_pixel",
        rounding: str = "round_prefer_ceil",
        scales: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        only_channels_last(self.name, data_format)
        self.height = checks.integer(self.name, "height", height)
        self.width = checks.integer(self.name, "width", width)
        self.interpolation = _method(self.name, interpolation)
        self.coordinates, self.rounding = coordinates, rounding
        self.scales = None if scales is None else (float(scales[0]), float(scales[1]))

    def taps(self, shape: tuple[int, ...]) -> Taps:
        """Return what each place of a sample's axes reads."""
        need_image(self.name, shape)
        found: list[Places] = []
        for i, (length, count) in enumerate(zip(shape[:2], (self.height, self.width), strict=True)):
            scale = None if self.scales is None else self.scales[i]
            sampling = Sampling(KERAS_METHODS[self.interpolation], self.coordinates, self.rounding, scale)
            found.append(make.resize(length, count, sampling))
        return (*found, None)


class Padding(_Resampling):
    """Places put around a sample, or taken away by negative numbers: ONNX's Pad, and torch.nn.functional.pad.

    paddings  (before, after) for each axis of a sample
    mode      "constant", "edge" (the outermost place again) or "reflect" (mirrored at it)
    value     of the places that "constant" adds
    """

    settings: ClassVar[tuple[str, ...]] = ("paddings", "mode", "value")

    def __init__(self, paddings: Any, mode: str = "constant", value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if mode not in make.MODES:
            raise ValueError(f"{self.name}: mode must be one of {', '.join(make.MODES)}, got {mode!r}")
        self.paddings = tuple((int(before), int(after)) for before, after in paddings)
        self.mode, self.value = mode, float(value)

    @property
    def fill(self) -> float:  # type: ignore[override]
        """The number of the places that read nothing."""
        return self.value

    def taps(self, shape: tuple[int, ...]) -> Taps:
        """Return what each place of a sample's axes reads."""
        if len(self.paddings) != len(shape):
            raise ValueError(f"paddings={self.paddings} must have one pair for each axis of a sample, {shape}")
        pairs = zip(shape, self.paddings, strict=True)
        return tuple(None if p == (0, 0) else make.pad(n, *p, self.mode) for n, p in pairs)


class Slicing(_Resampling):
    """A part of a sample, x[start:stop:step] along each of its axes, as NumPy takes it: ONNX's Slice and Split.

    slices  (start, stop, step) for each axis of a sample; None leaves the axis as it is, None in it is NumPy's default
    """

    settings: ClassVar[tuple[str, ...]] = ("slices",)

    def __init__(self, slices: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.slices = tuple(None if s is None else tuple(s) for s in slices)
        for part in self.slices:
            if part is not None and (len(part) != 3 or not all(v is None or isinstance(v, int) for v in part)):
                raise ValueError(f"{self.name}: a slice must be (start, stop, step), integers or None, got {part}")

    def taps(self, shape: tuple[int, ...]) -> Taps:
        """Return what each place of a sample's axes reads."""
        if len(self.slices) != len(shape):
            raise ValueError(f"slices={self.slices} must have one entry for each axis of a sample, {shape}")
        found: list[Places | None] = []
        for length, part in zip(shape, self.slices, strict=True):
            places = None if part is None else range(length)[slice(*part)]
            found.append(places if places is None else make.cut(length, places.start, len(places), places.step))
        return tuple(found)
