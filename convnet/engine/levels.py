"""How the operations on 8-bit levels are bound to a plan's arrays: forward only, for levels have no gradient."""

from __future__ import annotations

from functools import partial
from typing import Any

from convnet.engine.site import Pair, Site, nothing
from kernels import registry
from kernels.int8 import Levels
from kernels.int8.levels import check_multipliers, check_sum


def of_levels(s: Site) -> Pair:
    """Bind an operation on levels; ValueError if the plan wants its gradient, or a sum may not be exact."""
    operation, layer = s.step.operation, s.step.layer.name
    if s.target != "cpu":
        raise ValueError(f"{layer}: 8-bit levels are for the CPU; this model is on {s.target!r}")
    if s.dy is not None:
        raise ValueError(
            f"{layer} ({operation}) rounds to 8-bit levels, which has no gradient: use the model that was quantized"
        )
    settings: dict[str, Any] = dict(s.settings)
    if operation in ("quantize", "dequantize"):
        from kernels.int8 import cpu  # Numba, which a model can be made without

        return partial(getattr(cpu, operation), s.x[0], **settings, out=s.y), nothing
    if settings.get("levels") is not None:
        settings["levels"] = Levels(*settings["levels"])
    if s.p:
        kernel, bias, multiplier = s.p
        check_multipliers(layer, multiplier, kernel.shape[-1])
        check_sum(layer, kernel[..., 0].size, settings["x_zero"], bias)
    run = registry.find(operation.removesuffix("_int8"), s.target, "forward_int8")
    return partial(run, *s.x, *s.p, **settings, out=s.y), nothing
