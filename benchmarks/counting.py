"""Work and traffic of a pass: floating-point operations that the formula has, and bytes that must move at least.

A multiply-add counts 2. A tap that hangs over the border has nothing to multiply and is not counted, so a kernel that
skips the padding earns no operations it did not execute.
"""

from __future__ import annotations

from math import prod

from benchmarks.cases import Conv
from kernels import conv2d

BYTES = 4  # of a float32


def taps(size: int, source: int, window: int, stride: int, before: int, dilation: int) -> int:
    """How many pairs (output i, tap p) along one axis read inside the image: 0 <= s*i + d*p - before < source."""
    return sum(0 <= stride * i + dilation * p - before < source for i in range(size) for p in range(window))


def output_shape(case: Conv) -> tuple[int, int, int, int]:
    """y's shape (N,Ho,Wo,F)."""
    return conv2d.geometry(case.x, case.k, **case.settings)[1]


def conv_flops(case: Conv) -> int:
    """Operations of any of the three passes: each multiplies and adds once for every tap, channel and filter."""
    settings, (n, ho, wo, f) = conv2d.geometry(case.x, case.k, **case.settings)
    (top, _), (left, _) = settings["padding"]
    (sh, sw), (dh, dw) = settings["stride"], settings["dilation"]
    rows = taps(ho, case.x[1], case.k[0], sh, top, dh)
    columns = taps(wo, case.x[2], case.k[1], sw, left, dw)
    return 2 * n * rows * columns * case.k[2] * f


def conv_bytes(case: Conv, name: str) -> int:
    """Bytes of a pass if every input is read once and every result written once."""
    x, k, y = prod(case.x), prod(case.k), prod(output_shape(case))
    bias = 0 if name == "backward_data" else case.k[3]
    return BYTES * (x + k + y + bias)
