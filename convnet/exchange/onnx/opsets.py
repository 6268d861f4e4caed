"""What differs between opsets, in one place: every node is brought into the newest form before it is converted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from convnet.exchange.onnx.values import Constant, constant

Arguments = list[Any]  # Value, Constant or None
Attributes = dict[str, Any]

# operator: (the opset since which these are inputs, in this order after the first input)
_INPUTS_SINCE: dict[str, tuple[int, tuple[str, ...]]] = {
    "Clip": (11, ("min", "max")),
    "Dropout": (12, ("ratio",)),
    "Pad": (11, ("pads", "value")),
    "ReduceMax": (18, ("axes",)),
    "ReduceMean": (18, ("axes",)),
    "ReduceSum": (13, ("axes",)),
    "Slice": (10, ("starts", "ends", "axes")),
    "Split": (13, ("split",)),
    "Squeeze": (13, ("axes",)),
    "Unsqueeze": (13, ("axes",)),
    "Upsample": (9, ("scales",)),
}


def newest_form(
    operator: str, arguments: Arguments, attributes: Attributes, opset: int
) -> tuple[str, Arguments, Attributes]:
    """Return operator, inputs and attributes as the newest opset would have them."""
    since, names = _INPUTS_SINCE.get(operator, (0, ()))
    if opset < since:
        arguments = [*arguments[:1], *(_input(attributes.get(name)) for name in names)]
        attributes = {k: v for k, v in attributes.items() if k not in names}
    change = _CHANGES.get(operator)
    return change(operator, arguments, dict(attributes), opset) if change else (operator, arguments, attributes)


def _input(value: Any) -> Constant | None:
    if value is None:
        return None
    return constant(np.asarray(value, np.float32 if isinstance(value, float) else None))


Change = Callable[[str, Arguments, Attributes, int], tuple[str, Arguments, Attributes]]


def _softmax(operator: str, arguments: Arguments, attributes: Attributes, opset: int) -> Any:
    """Before opset 13 the axes from `axis` on are one (`flat`), and `axis` is 1 if it is not given."""
    if opset < 13:
        return operator, arguments, {"axis": 1, **attributes, "flat": True}
    return operator, arguments, {"axis": -1, **attributes}


def _upsample(operator: str, arguments: Arguments, attributes: Attributes, opset: int) -> Any:
    """Upsample, opsets 7 to 9, is Resize with coordinates that scale by multiplication alone."""
    words = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return "Resize", [arguments[0], None, *arguments[1:]], {"mode": "nearest", **attributes, **words}


def _resize(operator: str, arguments: Arguments, attributes: Attributes, opset: int) -> Any:
    """Opset 10's has no region of interest and no coordinate modes: it is Upsample's."""
    if opset < 11:
        return _upsample(operator, arguments, attributes, opset)
    return operator, arguments, attributes


def _groupnorm(operator: str, arguments: Arguments, attributes: Attributes, opset: int) -> Any:
    """Before opset 21 scale and bias have a number for each group, not for each channel (`per_group`)."""
    return operator, arguments, {**attributes, "per_group": opset < 21}


def _batchnorm(operator: str, arguments: Arguments, attributes: Attributes, opset: int) -> Any:
    """Opset 7 and 8 have `spatial`, whose default is what the operator does since."""
    return operator, arguments, {"spatial": 1, **attributes}


_CHANGES: dict[str, Change] = {
    "BatchNormalization": _batchnorm,
    "GroupNormalization": _groupnorm,
    "LogSoftmax": _softmax,
    "Resize": _resize,
    "Softmax": _softmax,
    "Upsample": _upsample,
}
