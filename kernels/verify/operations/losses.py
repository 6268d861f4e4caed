"""mse and crossentropy: one number for a batch, and its gradient."""

from typing import Any

import numpy as np

from kernels.verify.fill import draw_numbers
from kernels.verify.problem import Arguments, Geometry, Operation, Problem, exact
from kernels.verify.rounding import Limit, of_sum, unit

KINDS = ("sparse", "categorical", "binary")


class Mse(Operation):
    name = "mse"
    passes = {"forward": ("L",), "backward": ("dyhat",)}
    smallest = {"N": 1, "K": 1, "weighted": 0}
    choices = {"weighted": 2}
    large = ({"N": 40_449, "K": 1, "weighted": 1}, {"N": 7, "K": 5001, "weighted": 0})
    long = {"N": 131_072, "K": 1, "weighted": 0}

    def draw(self, rng: np.random.Generator) -> Geometry:
        return {"N": int(rng.integers(1, 20)), "K": int(rng.integers(1, 10)), "weighted": int(rng.integers(2))}

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        if kind == "integers":  # the mean over a power of two is exact
            g = {**g, "N": 2 ** int(np.log2(g["N"])), "K": 2 ** int(np.log2(g["K"]))}
        rng = np.random.default_rng(seed)
        arrays = {n: draw_numbers(rng, (g["N"], g["K"]), dtype, kind) for n in ("y", "yhat")}
        if g["weighted"]:
            arrays["weights"] = np.abs(draw_numbers(rng, (g["N"],), dtype, kind))
        return Problem(g, arrays, {}, oracle)

    def arguments(self, name: str, p: Problem) -> Arguments:
        return (p["y"], p["yhat"], p.arrays.get("weights")), {}

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        size = np.abs(exact(self, name, p)[0])
        # the sum is in float64: what is left in float32 is one rounding
        terms = 4 if name == "backward" else 2 if p.dtype == np.float32 else p["y"].size + 4
        return (of_sum(terms, size, p.dtype),)


class CrossEntropy(Operation):
    name = "crossentropy"
    passes = {"forward": ("L",), "backward": ("dyhat",)}
    smallest = {"N": 1, "K": 1, "kind": 0, "logits": 0, "weighted": 0}
    choices = {"kind": 3, "logits": 2, "weighted": 2}
    validated = ("y", "weights")
    long = {"N": 65_536, "K": 2, "kind": 0, "logits": 1, "weighted": 0}
    large = (
        *({"N": 3001, "K": 7, "kind": k, "logits": m, "weighted": 1} for k in range(3) for m in range(2)),
        *({"N": 3, "K": 70, "kind": k, "logits": m, "weighted": 0} for k in range(3) for m in range(2)),  # K over 32
    )

    def draw(self, rng: np.random.Generator) -> Geometry:
        N, K, kind, logits, weighted = (int(v) for v in rng.integers((1, 1, 0, 0, 0), (10, 21, 3, 2, 2)))
        return {"N": N, "K": K, "kind": kind, "logits": logits, "weighted": weighted}

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        rng, what = np.random.default_rng(seed), KINDS[g["kind"] % 3]
        if kind == "integers":
            g = {**g, "N": 2 ** int(np.log2(g["N"])), "K": 2 ** int(np.log2(g["K"])), "logits": 1}
            arrays = self._integers(rng, g, what, dtype)
        else:
            arrays = self._random(rng, g, what, dtype, kind)
        if g["weighted"]:
            arrays["weights"] = np.abs(
                draw_numbers(rng, (g["N"],), dtype, "integers" if kind == "integers" else "positive")
            )
        return Problem(g, arrays, {"kind": what, "from_logits": bool(g["logits"])}, oracle)

    def _random(self, rng: Any, g: Geometry, what: str, dtype: Any, kind: str) -> dict[str, np.ndarray]:
        N, K = g["N"], g["K"]
        z = rng.standard_normal((N, K)) * (1 if kind == "smooth" else 4)
        p = 1 / (1 + np.exp(-z)) if what == "binary" else np.exp(z) / np.exp(z).sum(-1, keepdims=True)
        if kind == "smooth":
            p = 0.1 + 0.7 * p  # off the clip, and not of sum 1
        if kind == "unlike":  # a sample's logits say nothing about those of another, nor does a sum of probabilities
            z, p = z + 1000.0 * rng.permutation(N)[:, None], p * rng.uniform(0.1, 1, (N, 1))
        share = rng.random((N, K)) + 0.01
        y = {
            "sparse": rng.integers(0, K, N),
            "categorical": (share / share.sum(-1, keepdims=True)).astype(dtype),
            "binary": rng.choice([0, 1, 0.3], (N, K)).astype(dtype),
        }[what]
        return {"y": y, "yhat": (z if g["logits"] else p).astype(dtype)}

    def _integers(self, rng: Any, g: Geometry, what: str, dtype: Any) -> dict[str, np.ndarray]:
        """Logits of which one is far above the others: softmax is 0 or 1 and every loss an integer."""
        N, K = g["N"], g["K"]
        if what == "binary":
            z, y = rng.choice([-1000.0, 1000.0], (N, K)), rng.integers(0, 2, (N, K)).astype(dtype)
        else:
            z = rng.integers(-4, 5, (N, K)) + 1000.0 * (np.arange(K) == rng.integers(0, K, (N, 1)))
            y = rng.integers(0, K, N)
        if what == "categorical":
            y = np.eye(K, dtype=dtype)[y]
        return {"y": y, "yhat": z.astype(dtype)}

    def arguments(self, name: str, p: Problem) -> Arguments:
        return (p["y"], p["yhat"], p.arrays.get("weights")), p.settings

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        """Everything is computed in float64: what is left in float32 is one rounding, and float64's own besides."""
        yhat, size = p["yhat"], np.abs(exact(self, name, p)[0])
        own = 100 * (yhat.shape[1] + len(yhat)) * unit(np.float64)
        mean = float(p["weights"].mean()) if "weights" in p.arrays else 1.0
        if name == "forward":
            return (Limit(1.01 * unit(p.dtype) * size + own * mean * (1 + np.abs(yhat).max()), size),)
        slack = own * (mean + size.max(-1, keepdims=True)) + 1e-45
        return (Limit(1.01 * unit(p.dtype) * size + slack, size),)
