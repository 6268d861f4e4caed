"""JAX's side of `listing`: one jitted training step, its state donated, channels last as XLA prefers on the CPU."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.protocol import data, serve

SHAPES = ((3, 3, 1, 32), (3, 3, 32, 64), (1600, 128), (128, 10))


class Peer:
    """The listing, cross-entropy on logits, and Keras's Adam."""

    def __init__(self) -> None:
        import jax

        self.jax, self.version = jax, jax.__version__
        rng = np.random.default_rng(0)
        weights = [rng.standard_normal(s, np.float32) * np.sqrt(2 / np.prod(s[:-1]), dtype=np.float32) for s in SHAPES]
        self.p = [jax.numpy.asarray(a) for w in weights for a in (w, np.zeros(w.shape[-1], np.float32))]
        self.m, self.v = ([jax.numpy.zeros_like(a) for a in self.p] for _ in range(2))
        self.t = jax.numpy.zeros(())
        self.step = jax.jit(self._step, donate_argnums=(0, 1, 2, 3))
        self.forward = jax.jit(lambda p, x: jax.nn.softmax(self._logits(p, x)))

    def _logits(self, p: list, x: Any) -> Any:
        jax = self.jax
        for k, b in (p[0:2], p[2:4]):
            x = jax.lax.conv_general_dilated(x, k, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")) + b
            x = jax.lax.reduce_window(jax.nn.relu(x), -np.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        x = jax.nn.relu(x.reshape(len(x), -1) @ p[4] + p[5])
        return x @ p[6] + p[7]

    def _step(self, p: list, m: list, v: list, t: Any, x: Any, y: Any) -> Any:
        jnp = self.jax.numpy

        def loss(p: list) -> Any:
            logs = self.jax.nn.log_softmax(self._logits(p, x))
            return -jnp.mean(jnp.take_along_axis(logs, y[:, None], 1))

        value, g = self.jax.value_and_grad(loss)(p)
        t = t + 1
        m = [a + (b - a) * 0.1 for a, b in zip(m, g, strict=True)]
        v = [a + (b * b - a) * 0.001 for a, b in zip(v, g, strict=True)]
        alpha = 0.001 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        p = [a - alpha * b / (jnp.sqrt(c) + 1e-7) for a, b, c in zip(p, m, v, strict=True)]
        return p, m, v, t, value

    def train(self, batch: int, steps: int) -> float:
        """Seconds a step over shuffled batches."""
        x, y = data(batch, steps)
        self._run(x, y, batch, min(2, steps))
        start = time.perf_counter()
        self._run(x, y, batch, steps)
        return (time.perf_counter() - start) / steps

    def _run(self, x: Any, y: Any, batch: int, steps: int) -> None:
        order = np.random.default_rng(1).permutation(len(x))
        for i in range(steps):
            part = order[i * batch : (i + 1) * batch]
            self.p, self.m, self.v, self.t, value = self.step(self.p, self.m, self.v, self.t, x[part], y[part])
        value.block_until_ready()

    def image(self, calls: int) -> float:
        """Seconds of one jitted forward call on one image."""
        x = self.jax.numpy.asarray(data(1, 1)[0])
        self.forward(self.p, x).block_until_ready()
        start = time.perf_counter()
        for _ in range(calls):
            self.forward(self.p, x).block_until_ready()
        return (time.perf_counter() - start) / calls


if __name__ == "__main__":
    serve(Peer)
