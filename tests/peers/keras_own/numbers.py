"""Between Keras's tensors and our arrays."""

import numpy as np
from keras.src import backend

from convnet.exchange.keras.tree import keras_shape


def to_array(x):
    array = backend.convert_to_numpy(x)
    return array.astype(np.float32) if array.dtype.kind == "f" and array.dtype.itemsize < 4 else array


def to_tensor(array):
    return backend.convert_to_tensor(np.asarray(array))


class Variable:
    """A parameter of ours with the methods of a variable of Keras's."""

    def __init__(self, layer, parameter):
        self.parameter, self.shape = parameter, keras_shape(layer, parameter)

    def __getattr__(self, name):
        return getattr(self.parameter, name)

    @property
    def dtype(self):
        return str(self.parameter.value.dtype)

    def assign(self, value):
        self.parameter.value[...] = to_array(value).reshape(self.parameter.shape)

    def numpy(self):
        return self.parameter.value.reshape(self.shape).copy()

    def __array__(self, dtype=None, copy=None):
        return self.numpy() if dtype is None else self.numpy().astype(dtype)
