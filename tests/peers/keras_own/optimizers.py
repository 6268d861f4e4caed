"""Our optimizers on Keras's variables: each variable is a slab of its own."""

import numpy as np

import convnet
from tests.peers.keras_own.numbers import to_array


class _Parameter:
    """What an optimizer of ours knows of a parameter: its shape and name."""

    def __init__(self, name, shape):
        self.name, self.shape = name, shape


class _Arena:
    def __init__(self, variables):
        arrays = [np.array(to_array(v), np.float32).reshape(-1) for v in variables]
        self.target = "cpu"
        self.slabs = [(a, np.zeros_like(a)) for a in arrays]
        self.places = {_Parameter(v.path, tuple(v.shape)): (i, 0) for i, v in enumerate(variables)}


class Proxy:
    ours: type

    def __init__(self, *args, **kwargs):
        self.optimizer, self._arena, self._built = self.ours(*args, **kwargs), None, []

    def __getattr__(self, name):
        return getattr(self.optimizer, name)

    @classmethod
    def from_config(cls, config):
        return cls(**{name: value for name, value in config.items() if name != "name"})

    @property
    def variables(self):
        rate = [self.optimizer.learning_rate] if not hasattr(self.optimizer.learning_rate, "get_config") else []
        return [self.optimizer.iterations, *rate, *(s for states in self.optimizer.state for s in states)]

    def build(self, variables):
        self._arena, self._built = _Arena(variables), list(variables)
        self.optimizer.build(self._arena, self)

    def apply_gradients(self, pairs):
        pairs = list(pairs)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])

    def apply(self, gradients, variables=None):
        if self._arena is None:
            self.build(variables)
        for variable, gradient, (p, g) in zip(self._built, gradients, self._arena.slabs, strict=True):
            p[...] = to_array(variable).reshape(-1)
            g[...] = to_array(gradient).reshape(-1)
        self.optimizer.apply(self._arena.slabs, "cpu")
        for variable, (p, _) in zip(self._built, self._arena.slabs, strict=True):
            variable.assign(p.reshape(variable.shape))


def proxies():
    """A class for each of our optimizers, by name."""
    classes = {cls.__name__: cls for cls in convnet.optimizers.BY_NAME.values()}
    return {name: type(name, (Proxy,), {"ours": cls}) for name, cls in classes.items()}
