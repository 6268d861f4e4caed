"""Our layers behind the methods and attributes by which Keras's tests look at a layer."""

import keras
import numpy as np
from keras.src import backend

from convnet.layers import BUILT_IN
from tests.peers.keras_own.numbers import Variable, to_array, to_tensor


class Proxy:
    """One of our layers: called on Keras's tensors it gives Keras's tensors."""

    ours: type

    def __init__(self, *args, **kwargs):
        given = {name: value for name, value in kwargs.items() if not (name == "dtype" and value is None)}
        self.layer = self.ours(*args, **given)

    def __getattr__(self, name):
        found = getattr(self.layer, name)
        return Variable(self.layer, found) if type(found).__name__ == "Parameter" else found

    def __setattr__(self, name, value):
        if name == "layer":
            super().__setattr__(name, value)
        else:
            setattr(self.layer, name, value)

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def build(self, input_shape):
        shapes = input_shape if isinstance(input_shape[0], (list, tuple)) else [input_shape]
        self.layer.ensure_built(tuple(shapes[0][1:]), np.float32)

    @property
    def built(self):
        return self.layer.input_shape is not None

    def compute_output_shape(self, shape):
        shapes = shape if isinstance(shape[0], (list, tuple)) else [shape]
        return (shapes[0][0], *self.layer.output_shape(*(tuple(s[1:]) for s in shapes)))

    @property
    def weights(self):
        return [Variable(self.layer, p) for p in self.layer.parameters]

    variables = weights

    @property
    def trainable_weights(self):
        return [Variable(self.layer, p) for p in self.layer.parameters if p.trainable and self.layer.trainable]

    trainable_variables = trainable_weights

    @property
    def non_trainable_weights(self):
        return [Variable(self.layer, p) for p in self.layer.parameters if not (p.trainable and self.layer.trainable)]

    non_trainable_variables = non_trainable_weights

    def __call__(self, inputs, training=None, **more):
        x = inputs
        if more:
            raise TypeError(f"{self.ours.__name__}: a call with {', '.join(more)} is not supported")
        if isinstance(x, backend.KerasTensor) or (isinstance(x, list) and isinstance(x[0], backend.KerasTensor)):
            shapes = [node.shape for node in x] if isinstance(x, list) else x.shape
            self.build(shapes)
            return backend.KerasTensor(self.compute_output_shape(shapes), dtype="float32")
        given = [to_array(a) for a in x] if isinstance(x, (list, tuple)) else to_array(x)
        return to_tensor(self.layer(given, training=training))


def proxies():
    """A class for each of our layers, by name."""
    made = {name: type(name, (Proxy,), {"ours": cls}) for name, cls in BUILT_IN.items()}
    return made | {"Input": keras.Input}
