"""RandomFlip, RandomRotation, RandomTranslation, RandomZoom and RandomContrast: images changed at random in training.

In inference they do nothing. What an image becomes follows from `seed` and the image's number since training began
alone, on any thread or target and in batches of any size. The gradient passes through them, so they may stand anywhere.
"""

from __future__ import annotations

from math import cos, pi, sin
from typing import Any, ClassVar

import numpy as np

from convnet.engine.graph import has_nodes
from convnet.engine.operator import Lowering, Value
from convnet.engine.warping import FILLS, INTERPOLATIONS, Affine, Reading
from convnet.layers.checks import need_image, only_channels_last
from convnet.layers.regularization import RandomLayer
from kernels import checks

Range = tuple[float, float]
FLIPS = ("horizontal", "vertical", "horizontal_and_vertical")


def _range(name: str, argument: str, factor: Any, lowest: float, highest: float = 1.0) -> Range:
    """Return a number f as (-f, f), a pair as its smaller and larger number."""
    if isinstance(factor, (tuple, list)) and len(factor) == 2:
        low, high = sorted(checks.number(name, argument, f, lowest, highest) for f in factor)
        return low, high
    size = abs(checks.number(name, argument, factor, lowest, highest))
    return -size, size


class _Images(RandomLayer):
    """A layer that changes images; its output has its input's shape."""

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """Change an array of images unless training=False is given, as Keras does; on a node, record the call."""
        return super().__call__(x, True if training is None and not has_nodes(x) else training)

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output sample."""
        need_image(self.name, shapes[0])
        return shapes[0]


class _Warp(_Images):
    """A layer that draws an affine map for each image."""

    reading = Reading()
    fill_value: float = 0.0

    def affine(self, generator: np.random.Generator, height: int, width: int) -> Affine:
        """Return the map of one image, from its new places to its old ones."""
        raise NotImplementedError

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        if not low.training:
            return inputs[0]
        return low.emit("warped", inputs, inputs[0].shape, self)


class _Filling(_Warp):
    """A warp that reads places between pixels and outside of the image."""

    def __init__(
        self,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed, **kwargs)
        only_channels_last(self.name, data_format)
        for argument, value, known in (
            ("fill_mode", fill_mode, FILLS),
            ("interpolation", interpolation, INTERPOLATIONS),
        ):
            if value not in known:
                raise ValueError(f"{self.name}: {argument} must be one of {', '.join(known)}, got {value!r}")
        self.fill_mode, self.interpolation = fill_mode, interpolation
        self.fill_value = checks.number(self.name, "fill_value", fill_value, -float("inf"))

    @property
    def reading(self) -> Reading:  # type: ignore[override]
        """How places between and outside of the pixels are read."""
        return Reading(self.fill_mode, self.interpolation)


class RandomFlip(_Warp):
    """In training, mirror an image with probability 1/2: left-right, top-bottom, or both at once, as Keras does."""

    settings: ClassVar[tuple[str, ...]] = ("mode", "seed")
    reading = Reading("nearest", "nearest")

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed, **kwargs)
        only_channels_last(self.name, data_format)
        if mode not in FLIPS:
            raise ValueError(f"{self.name}: mode must be one of {', '.join(FLIPS)}, got {mode!r}")
        self.mode = mode

    def affine(self, generator: np.random.Generator, height: int, width: int) -> Affine:
        """Return the map of one image, from its new places to its old ones."""
        flipped = generator.random() <= 0.5
        down = flipped and "vertical" in self.mode
        across = flipped and "horizontal" in self.mode
        rows = (-1.0, 0.0, height - 1.0) if down else (1.0, 0.0, 0.0)
        columns = (0.0, -1.0, width - 1.0) if across else (0.0, 1.0, 0.0)
        return (*rows, *columns)


class RandomRotation(_Filling):
    """In training, turn each image about its middle by an angle between factor[0] and factor[1] full turns.

    A number f means (-f, f). Positive angles turn counter-clockwise. fill_mode: what lies outside of the image.
    """

    settings: ClassVar[tuple[str, ...]] = ("factor", "fill_mode", "interpolation", "seed", "fill_value")

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.factor = _range(self.name, "factor", factor, -1.0)

    def affine(self, generator: np.random.Generator, height: int, width: int) -> Affine:
        """Return the map of one image, from its new places to its old ones."""
        angle = 2 * pi * generator.uniform(*self.factor)
        c, s, (i, j) = cos(angle), sin(angle), ((height - 1) / 2, (width - 1) / 2)
        return c, s, i - c * i - s * j, -s, c, j + s * i - c * j


class RandomTranslation(_Filling):
    """In training, move each image down and right by random parts of its height and width.

    height_factor, width_factor: (lower, upper), or a number f for (-f, f). fill_mode: what lies outside of the image.
    """

    settings: ClassVar[tuple[str, ...]] = (
        *("height_factor", "width_factor", "fill_mode", "interpolation", "seed", "fill_value"),
    )

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor = _range(self.name, "height_factor", height_factor, -1.0)
        self.width_factor = _range(self.name, "width_factor", width_factor, -1.0)

    def affine(self, generator: np.random.Generator, height: int, width: int) -> Affine:
        """Return the map of one image, from its new places to its old ones."""
        down, right = generator.uniform(*self.height_factor), generator.uniform(*self.width_factor)
        return 1.0, 0.0, -down * height, 0.0, 1.0, -right * width


class RandomZoom(_Filling):
    """In training, shrink each image by 1 + f, f between height_factor's limits; a negative f enlarges.

    width_factor: of the width alone; None keeps the proportions. A number f means (-f, f).
    """

    settings: ClassVar[tuple[str, ...]] = RandomTranslation.settings

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        above = float(np.nextafter(-1.0, 0.0))
        self.height_factor = _range(self.name, "height_factor", height_factor, above)
        self.width_factor = None if width_factor is None else _range(self.name, "width_factor", width_factor, above)

    def affine(self, generator: np.random.Generator, height: int, width: int) -> Affine:
        """Return the map of one image, from its new places to its old ones."""
        down = across = 1 + generator.uniform(*self.height_factor)
        if self.width_factor is not None:
            across = 1 + generator.uniform(*self.width_factor)
        return down, 0.0, (height - 1) / 2 * (1 - down), 0.0, across, (width - 1) / 2 * (1 - across)


class RandomContrast(_Images):
    """In training, y = (x - m) * f + m, m the mean of the image's channel, f from [1 - factor[0], 1 + factor[1]].

    A number f means (0, f), as Keras computes (its documentation says (f, f)). The result is kept within value_range.
    """

    settings: ClassVar[tuple[str, ...]] = ("factor", "value_range", "seed")

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed, **kwargs)
        only_channels_last(self.name, data_format)
        pair = factor if isinstance(factor, (tuple, list)) and len(factor) == 2 else (0.0, factor)
        below, above = sorted(checks.number(self.name, "factor", f, 0.0, 1.0) for f in pair)
        self.factor = below, above
        if not isinstance(value_range, (tuple, list)) or len(value_range) != 2:
            raise ValueError(f"{self.name}: value_range must be a pair (low, high), got {value_range!r}")
        low = checks.number(self.name, "value_range", value_range[0], -float("inf"))
        self.value_range = low, checks.number(self.name, "value_range", value_range[1], low)

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Return the factor of one image."""
        return generator.uniform(1 - self.factor[0], 1 + self.factor[1], shape)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        (x,) = inputs
        if not low.training:
            return x
        mean = low.emit("globalavgpool", (x,), x.shape[2:], self)
        mean = low.emit("reshape", (mean,), (1, 1, x.shape[2]), self, in_place=True)
        factor = low.emit("drawn", (), (1, 1, 1), self)
        y = low.emit("arithmetic", (x, mean), x.shape, self, kind="subtract")
        y = low.emit("arithmetic", (y, factor), x.shape, self, kind="multiply")
        y = low.emit("arithmetic", (y, mean), x.shape, self, kind="add")
        return low.emit(
            "unary", (y,), x.shape, self, function="clip", low=self.value_range[0], high=self.value_range[1]
        )
