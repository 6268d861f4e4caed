"""Usual mistakes in a dot product of 8-bit integers."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from convnet.exercises.feedback.mistake import Case, Mistake, by


def _product(case: Case, how: str) -> Any:
    p, zero = case.problem, case.problem.settings["zero"]
    kind: Any = np.int8 if "8" in how else np.int64
    x: Any = p["x"].astype(kind)
    k: Any = p["k"].astype(kind)
    if how == "no zero":
        zero = 0
    if how == "added zero":
        zero = -zero
    with np.errstate(all="ignore"):
        shifted = x - kind(zero) if "8" in how else x - zero
        if how == "zero of k":
            k = k - zero
        total = shifted @ k if how != "products in 8 bits" else (shifted[:, :, None] * k).sum(1, dtype=np.int64)
        if how == "16":
            total = total.astype(np.int16)
        y = p["scale"].astype(float) * total.astype(float) + p["b"]
        y = (y - p["b"]) if how == "no bias" else y
        y = total + p["b"].astype(float) if how == "no scale" else y
    return total.astype(np.int64), y


QUANTISED: dict[str, tuple[Mistake, ...]] = {
    "forward": tuple(
        by(says, partial(_product, how=how))
        for how, says in {
            "sum in 8 bits": "it overflows: 8 bits hold nothing above 127, so convert to int32 first",
            "products in 8 bits": "the products overflow: 8 bits hold nothing above 127, so convert x and k first",
            "16": "the sum overflows: 16 bits hold nothing above 32,767, so sum in int32",
            "no zero": "the zero point is not subtracted: x - zero",
            "added zero": "the zero point is added; subtract it from x",
            "zero of k": "the zero point is subtracted from k as well; it belongs to x alone",
            "no bias": "the bias is missing: y = scale * total + b",
            "no scale": "the scale is missing: y = scale * total + b",
        }.items()
    )
}
