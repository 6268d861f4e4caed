"""How parameters start: Keras's initializers, each a function of a shape and a generator."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod, sqrt
from typing import Any

import numpy as np

from convnet.utils import name_what_exists, next_seed

Initializer = Callable[[tuple[int, ...], np.random.Generator], np.ndarray]


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the inputs and outputs of one unit: for a kernel (P,Q,C,F) P*Q*C and P*Q*F, for a matrix (C,F) C and F."""
    if len(shape) < 2:
        return max(shape[0], 1), max(shape[0], 1)
    area = prod(shape[:-2])
    return area * shape[-2], area * shape[-1]


def glorot_uniform(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draw from U(-a, a), a = sqrt(6 / (fan_in + fan_out)). Source: Glorot & Bengio, AISTATS 2010."""
    limit = sqrt(6 / max(sum(fans(shape)), 1))
    return rng.uniform(-limit, limit, shape)


def he_uniform(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draw from U(-a, a), a = sqrt(6 / fan_in). Source: He et al., ICCV 2015."""
    limit = sqrt(6 / max(fans(shape)[0], 1))
    return rng.uniform(-limit, limit, shape)


def he_normal(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draw from a normal of variance 2 / fan_in, cut off at two standard deviations. Source: He et al., ICCV 2015."""
    from scipy.stats import truncnorm

    # 0.8796...: the standard deviation that cutting at +-2 leaves of 1
    scale = sqrt(2 / max(fans(shape)[0], 1)) / 0.87962566103423978
    return truncnorm.ppf(rng.uniform(size=shape), -2, 2) * scale


def zeros(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Return zeros."""
    return np.zeros(shape)


def ones(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Return ones."""
    return np.ones(shape)


BY_NAME: dict[str, Initializer] = {f.__name__: f for f in (glorot_uniform, he_uniform, he_normal, zeros, ones)}
_CLASSES = {name.title().replace("_", ""): name for name in BY_NAME}  # Keras's other names: GlorotUniform
__getattr__ = name_what_exists("convnet.initializers", list(BY_NAME))


def get(name: Any) -> str:
    """Return the name of a known initializer; ValueError lists them.

    A function is taken only if it is one of this module: one of your own may only be called like it.
    """
    if callable(name):
        called = getattr(name, "__name__", repr(name))
        if BY_NAME.get(called) is not name:
            raise TypeError(
                f"initializer: a function of your own ({called}) is not supported; choose one of: "
                f"{', '.join(BY_NAME)}; or overwrite the weights by set_weights"
            )
        return called
    name = _CLASSES.get(name, name) if isinstance(name, str) else name
    if name not in BY_NAME:
        raise ValueError(f"initializer {name!r} is not supported; choose one of: {', '.join(BY_NAME)}")
    return name


class _Room(threading.local):
    """Inside `empty_weights`, which one thread does while others may draw weights: how many numbers may be made."""

    def __init__(self) -> None:
        self.left: list[int] = []


_room = _Room()


@contextmanager
def empty_weights(numbers: int) -> Iterator[None]:
    """Make parameters inside as zeros, for a file's numbers: no random draws, and ValueError past `numbers` of them."""
    _room.left.append(numbers)
    try:
        yield
    finally:
        _room.left.pop()


def make(name: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Draw one array of parameters from the stream that set_random_seed starts."""
    if _room.left:
        _room.left[-1] -= prod(shape)
        if _room.left[-1] < 0:
            raise ValueError(f"a weight of shape {shape} is larger than what the file holds")
        return np.zeros(shape, dtype)
    rng = np.random.Generator(np.random.Philox(next_seed()))
    return BY_NAME[name](shape, rng).astype(dtype)
