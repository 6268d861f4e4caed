"""The settings of max and average pooling in normal form."""

from typing import Any

from kernels import checks


def normalize(
    op: str, x_shape: tuple[int, ...], size: Any, stride: Any, pad: Any
) -> tuple[dict[str, Any], tuple[int, int, int, int]]:
    """Return a pooling's settings in normal form and y's shape; ValueError unless every window holds a real pixel."""
    n, h, w, c = x_shape
    size = checks.pair(op, "size", size)
    stride = size if stride is None else checks.pair(op, "stride", stride)
    if h == 0 or w == 0:
        raise ValueError(f"{op}: an image must have pixels, got {x_shape} (N,H,W,C)")
    pad = checks.padding(op, pad, (h, w), size, stride, (1, 1))
    for axis, p, sides in zip("HW", size, pad, strict=True):
        if max(sides) >= p:
            raise ValueError(
                f"{op}: padding must be less than the window's size along {axis} ({p}), got {sides}: "
                "a window would hold no pixel of the image"
            )
    ho, wo = checks.window_count(op, (h, w), size, stride, pad)
    return {"size": size, "stride": stride, "padding": pad}, (n, ho, wo, c)
