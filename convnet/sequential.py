"""Sequential: a model whose layers stand in a row."""

from __future__ import annotations

from typing import Any, ClassVar

from convnet.engine.graph import Node, connect
from convnet.layers import Input, InputLayer, Layer
from convnet.layers.naming import require_names
from convnet.model import Model


class Sequential(Model):
    """Layers one after the other."""

    settings: ClassVar[tuple[str, ...]] = ("layers",)

    def __init__(self, layers: Any = None, *, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.stack: list[Layer] = []
        if layers is not None and not isinstance(layers, (list, tuple)):
            raise TypeError(f"{self.name}: expects a list of layers, got {type(layers).__name__}")
        for layer in layers or ():
            self.add(layer)

    def add(self, layer: Any) -> None:
        """Append a layer; an Input or InputLayer at the start builds the weights at once."""
        if isinstance(layer, Node):
            layer = InputLayer(layer.sample_shape)
        if not isinstance(layer, Layer):
            raise TypeError(f"{self.name}: add expects a layer, got {type(layer).__name__}")
        require_names(self.name, [*self.stack, layer])
        self._restack([*self.stack, layer])

    def pop(self, rebuild: bool = True) -> Layer:
        """Remove the last layer and return it; `rebuild` is Keras's, the rest is wired anew either way."""
        if not self.layers:
            raise ValueError(f"{self.name}: pop: there is no layer to remove")
        last = self.stack[-1]
        self._restack(self.stack[:-1])
        return last

    def _restack(self, layers: list[Layer]) -> None:
        """Take these layers, and wire them if their input is known."""
        self.stack = layers
        self._graphs.clear()
        self.plans.clear()
        self._disconnect()
        if self.stack and isinstance(self.stack[0], InputLayer) and self.layers:
            self.input_shape = None
            self.build((None, *self.stack[0].shape))

    def _disconnect(self) -> None:
        """Forget where the layers stood."""
        for call in () if self._wiring is None else self._wiring.calls:
            call.layer.uses.remove(call)
        self._wiring = None

    def connect_layers(self) -> None:
        """Note where the layers stand: `layer.output` of each, and the model's own `input` and `output`."""
        self._disconnect()
        start = Input(self.input_shape, self.compute_dtype)
        x: Any = start
        for layer in self.stack:
            x = layer(x)
        self._wiring = connect(start, x, self.name)
        self.known_outputs = self._wiring.gives

    @property
    def layers(self) -> list[Layer]:
        """The layers in order, without the InputLayer, as in Keras."""
        return [layer for layer in super().layers if not isinstance(layer, InputLayer)]

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Compute the layers one after the other."""
        if not self.layers:
            raise ValueError(f"{self.name}: has no layers yet: add some")
        for layer in self.stack:
            x = layer(x, training=training)
        return x
