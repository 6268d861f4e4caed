"""Regularizers with Keras's names: what large parameters cost, added to the loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.utils import name_what_exists
from kernels import checks


class L1L2(dict):
    """l1 * sum |w| + l2 * sum w^2; a dict of the two factors, so that it is plain JSON in a layer's settings."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        where = type(self).__name__
        super().__init__(l1=checks.number(where, "l1", l1 or 0.0, 0.0), l2=checks.number(where, "l2", l2 or 0.0, 0.0))

    def __call__(self, w: Any) -> float:
        """Return what these parameters cost."""
        w = np.asarray(w, float)
        return self["l1"] * float(np.abs(w).sum()) + self["l2"] * float((w * w).sum())

    def add_gradient(self, w: np.ndarray, gradient: np.ndarray) -> None:
        """Add l1 * sign(w) + 2 * l2 * w to a gradient."""
        if self["l1"]:
            gradient += gradient.dtype.type(self["l1"]) * np.sign(w)
        if self["l2"]:
            gradient += gradient.dtype.type(2 * self["l2"]) * w

    def get_config(self) -> dict[str, Any]:
        """Return the factors, as plain JSON."""
        return dict(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value:g}' for name, value in self.get_config().items())})"


class L1(L1L2):
    """l1 * sum |w|."""

    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(l1=l1)

    def get_config(self) -> dict[str, Any]:
        """Return the factor, as plain JSON."""
        return {"l1": self["l1"]}


class L2(L1L2):
    """l2 * sum w^2."""

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=l2)

    def get_config(self) -> dict[str, Any]:
        """Return the factor, as plain JSON."""
        return {"l2": self["l2"]}


BY_NAME: dict[str, Any] = {
    "L1": L1,
    "l1": L1,
    "L2": L2,
    "l2": L2,
    "L1L2": lambda: L1L2(0.01, 0.01),
    "l1_l2": lambda: L1L2(0.01, 0.01),
}
__getattr__ = name_what_exists("convnet.regularizers", ["L1", "L2", "L1L2"])


def get(where: str, given: Any) -> L1L2 | None:
    """Return a regularizer: from one, its name, its two factors, or Keras's class_name and config; None for none."""
    if given is None or isinstance(given, L1L2):
        return given
    if isinstance(given, str) and given in BY_NAME:
        return BY_NAME[given]()
    if isinstance(given, dict):
        config = given.get("config", given)
        if isinstance(config, dict) and set(config) <= {"l1", "l2"}:
            return L1L2(**config)
    raise ValueError(
        f"{where}: regularizer {given!r} is not supported; choose one of: convnet.regularizers.L1, L2, L1L2, or a "
        f"name: {', '.join(BY_NAME)}"
    )
