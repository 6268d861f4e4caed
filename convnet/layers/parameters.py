"""What holds parameters, its own and those of the layers in it: counted, read, overwritten, frozen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from convnet import initializers
from convnet.engine.parameter import Parameter


class Parametric:
    """The part of Layer that holds parameters."""

    name: str
    dtype: Any
    own_parameters: list[Parameter]
    regularized: ClassVar[tuple[str, ...]] = ()  # parameters that may cost something: kernel_regularizer=..., and so on

    @classmethod
    def regularizers(cls) -> tuple[str, ...]:
        """Return the names of the arguments that are regularizers."""
        return tuple(f"{name}_regularizer" for name in cls.regularized)

    def regularizer_of(self, parameter: Parameter) -> Any:
        """Return the regularizer of one of the layer's parameters, or None."""
        return getattr(self, f"{parameter.name.rsplit('/', 1)[-1]}_regularizer", None)

    def add_weight(
        self, name: Any = None, shape: Any = None, initializer: Any = None, trainable: bool = True, **keras: Any
    ) -> Parameter:
        """Make one parameter; for the engine's own layers, whose `lower` passes it to a kernel."""
        if hasattr(type(self), "call"):
            raise TypeError(
                f"{type(self).__name__}.add_weight: a `call` is made of layers, and parameters of its own could not be "
                "used in it: keep a layer that has them (Dense, Conv2D, ...) as an attribute"
            )
        if keras or not isinstance(name, str):
            raise TypeError(
                f"{self.name}.add_weight: expects name, shape, initializer, trainable; got {name!r}, {keras}"
            )
        value = initializers.make(initializer, shape, self.dtype)
        parameter = Parameter(f"{self.name}/{name}", value, trainable, initializer)
        self.own_parameters.append(parameter)
        return parameter

    @property
    def layers(self) -> list[Any]:
        """The layers kept in attributes, also in lists and dicts of them, in that order, each once."""
        return list(dict.fromkeys(found for value in vars(self).values() for found in _layers_in(value)))

    @property
    def trainable(self) -> bool:
        """False freezes the parameters of this layer and of the layers in it: they get no gradients."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for layer in self.layers:
            layer.trainable = value

    @property
    def parameters(self) -> list[Parameter]:
        """This layer's parameters, then those of the layers in it."""
        inner = (p for layer in self.layers for p in layer.parameters)
        return list(dict.fromkeys((*self.own_parameters, *inner)))

    @property
    def weights(self) -> list[np.ndarray]:
        """Copies of the parameters' arrays."""
        return [p.value.reshape(p.keras_shape).copy() for p in self.parameters]

    @property
    def trainable_weights(self) -> list[np.ndarray]:
        """Copies of the arrays that training changes: none of those of a frozen layer."""
        return [p.value.reshape(p.keras_shape).copy() for p in self.parameters if p in self._trained()]

    @property
    def non_trainable_weights(self) -> list[np.ndarray]:
        """Copies of the arrays that training leaves as they are, and of statistics that a layer keeps."""
        return [p.value.reshape(p.keras_shape).copy() for p in self.parameters if p not in self._trained()]

    def _trained(self) -> set[Parameter]:
        """Return the parameters that get gradients."""
        own = {p for p in self.own_parameters if p.trainable and self.trainable}
        return own.union(*(layer._trained() for layer in self.layers))

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the parameters' arrays, in the order that set_weights takes."""
        return self.weights

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Overwrite all parameters; ValueError, and nothing changed, unless number and shapes fit."""
        set_parameters(self.name, self.parameters, weights)

    def count_params(self) -> int:
        """Return how many numbers the parameters hold."""
        return sum(p.value.size for p in self.parameters)


def _layers_in(value: Any) -> Iterator[Parametric]:
    """Yield the layers in an attribute's value: one, or those in a list, tuple or dict."""
    if isinstance(value, Parametric):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _layers_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _layers_in(item)


def set_parameters(where: str, parameters: list[Parameter], weights: Any) -> None:
    """Copy `weights` into the parameters once all of them were checked."""
    arrays = [np.asarray(w) for w in weights]
    if [a.shape for a in arrays] != [p.keras_shape for p in parameters]:
        wanted = ", ".join(f"{p.name} {p.keras_shape}" for p in parameters)
        raise ValueError(f"{where}: set_weights expects {wanted}; got shapes {[a.shape for a in arrays]}")
    for p, a in zip(parameters, arrays, strict=True):
        p.value[...] = a.reshape(p.shape)
