"""MixUp: a network is trained on weighted means of two images and of their targets."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.model import Model


def mixed(network: type[Model], alpha: float, seed: int) -> type[Model]:
    """Return the network with a `train_step` that mixes each batch with a shuffle of itself.

    x' = m x + (1 - m) x[shuffle], y' likewise, one m of Beta(alpha, alpha) a batch; targets are one-hot rows.
    Source: Zhang, Cisse, Dauphin & Lopez-Paz, ICLR 2018.
    """

    class Mixed(network):  # type: ignore[misc, valid-type]
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self.mixing = np.random.Generator(np.random.Philox([seed, 1]))

        def train_step(self, data: Any) -> Any:
            x, y, *weights = data
            share, order = self.mixing.beta(alpha, alpha), self.mixing.permutation(len(x))
            pairs = [(share * a + (1 - share) * a[order]).astype(a.dtype) for a in (x, y, *weights)]
            return super().train_step(tuple(pairs))

    Mixed.__name__ = Mixed.__qualname__ = network.__name__
    return Mixed
