"""Dropout, SpatialDropout2D, GaussianNoise and GaussianDropout: random in training, nothing in inference."""

from __future__ import annotations

from math import sqrt
from typing import Any, ClassVar

import numpy as np

from convnet.engine.operator import Lowering, Value
from convnet.layers.base import Layer
from convnet.layers.checks import need_image, only_channels_last
from convnet.utils import next_seed
from kernels import checks

READS_NOTHING = ((),)  # the taps of an axis of one place, which is filled


class RandomLayer(Layer):
    """A layer that draws random numbers in training, counter-based: `seed` and `calls` say which come next."""

    settings: ClassVar[tuple[str, ...]] = ("seed",)

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = next_seed() if seed is None else checks.integer(self.name, "seed", seed, 0)
        self.calls = 0  # its place in the stream: training calls, or samples if each has numbers of its own


class Dropout(RandomLayer):
    """In training, zero a share `rate` of the numbers and multiply the rest by 1/(1-rate); otherwise nothing.

    The mask is counter-based (Philox): `seed`, the call's number and the position give it, on any thread or target.
    """

    settings: ClassVar[tuple[str, ...]] = ("rate", "seed")

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.rate = checks.number(self.name, "rate", rate, 0.0, 1.0, below=True)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        if not low.training or self.rate == 0:
            return inputs[0]
        return low.emit("dropout", inputs, inputs[0].shape, self, rate=self.rate)


class SpatialDropout2D(Dropout):
    """In training, zero a share `rate` of each image's channels and multiply the rest by 1/(1-rate).

    It multiplies by a mask (N,1,1,C), Dropout's of ones, so a NaN in a dropped channel stays visible.
    Source: Tompson et al., Efficient Object Localization Using Convolutional Networks, 2015, section 3.2.
    """

    def __init__(self, rate: float, data_format: str | None = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, seed, **kwargs)
        only_channels_last(self.name, data_format)

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output sample."""
        need_image(self.name, shapes[0])
        return shapes[0]

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        (x,) = inputs
        if not low.training or self.rate == 0:
            return x
        mask, taps = (1, 1, x.shape[2]), (None, READS_NOTHING, READS_NOTHING, None)
        ones = low.emit("resample", inputs, mask, self, taps=taps, fill=1.0)
        kept = low.emit("dropout", (ones,), mask, self, rate=self.rate)
        return low.emit("arithmetic", (x, kept), x.shape, self, kind="multiply")


class GaussianNoise(RandomLayer):
    """In training, add to each number another one from a normal distribution of mean 0; otherwise nothing.

    The noise is counter-based: `seed` and the sample's number since training began give it, however samples are
    batched, on any thread or target.
    """

    settings: ClassVar[tuple[str, ...]] = ("stddev", "seed")

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.stddev = checks.number(self.name, "stddev", stddev, 0.0, 1.0)

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Return the noise of one sample."""
        return self.stddev * generator.standard_normal(shape)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        (x,) = inputs
        if not low.training or self.stddev == 0:
            return x
        noise = low.emit("drawn", (), x.shape, self)
        return low.emit("add", (x, noise), x.shape, self)


class GaussianDropout(RandomLayer):
    """In training, multiply by normal numbers of mean 1 and standard deviation sqrt(rate/(1-rate)); otherwise nothing.

    The factors are counter-based, as GaussianNoise's numbers are.
    Source: Srivastava et al., Dropout, 2014, section 10.
    """

    settings: ClassVar[tuple[str, ...]] = ("rate", "seed")

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.rate = checks.number(self.name, "rate", rate, 0.0, 1.0, below=True)

    def draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Return the factors of one sample."""
        return 1 + sqrt(self.rate / (1 - self.rate)) * generator.standard_normal(shape)

    def lower(self, low: Lowering, *inputs: Value) -> Value:
        """Emit the operations that compute this layer."""
        (x,) = inputs
        if not low.training or self.rate == 0:
            return x
        factors = low.emit("drawn", (), x.shape, self)
        return low.emit("arithmetic", (x, factors), x.shape, self, kind="multiply")
