"""Keras's functions that merge: add([a, b]) is Add()([a, b])."""

from __future__ import annotations

from typing import Any

from convnet.layers.merging import Add, Average, Concatenate, Maximum, Minimum, Multiply, Subtract


def add(inputs: Any, **kwargs: Any) -> Any:
    """Return the sum of the inputs."""
    return Add(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """Return the mean of the inputs."""
    return Average(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """Return the inputs one after the other along `axis`."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """Return the largest of the inputs, number by number."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """Return the smallest of the inputs, number by number."""
    return Minimum(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """Return the product of the inputs."""
    return Multiply(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """Return the first input minus the second."""
    return Subtract(**kwargs)(inputs)


__all__ = ["add", "average", "concatenate", "maximum", "minimum", "multiply", "subtract"]
