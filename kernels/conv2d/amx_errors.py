"""python -m kernels.conv2d.amx_errors: how far each variant's sums are from the exact ones. On any processor.

The matrix unit's numbers come from the exact model of its instructions (kernels/amx/model.py).
"""

import numpy as np

from kernels import conv2d
from kernels.amx.bounds import BOUNDS, roundings
from kernels.amx.instructions import MODEL
from kernels.amx.sums import PASSES
from kernels.conv2d import matrix_unit
from kernels.conv2d.amx_jobs import forward_job

PRODUCTS = {"cpu_amx": 6, "cpu_amx_3": 3, "cpu_amx_bf16": 1}
X, K = (1, 12, 18, 64), (3, 3, 64, 32)
TERMS = 3 * 3 * 64
SETTINGS = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}


def parts(x):
    """Return h, m and l of a float32 number: what split.py computes, one number at a time."""

    def rounded(value):
        bits = np.float32(value).view(np.uint32)
        return np.uint32((int(bits) + 0x8000) & 0xFFFF0000).view(np.float32)

    h = rounded(x)
    m = rounded(x - h)
    return h, m, x - h - m


def sums(variant, x, k):
    """Return conv2d.forward by a variant, on the model if it is one of the matrix unit's."""
    if variant not in PRODUCTS:
        return conv2d.forward(x, k, variant=variant)
    y = np.empty((x.shape[0], x.shape[1] - k.shape[0] + 1, x.shape[2] - k.shape[1] + 1, k.shape[3]), np.float32)
    job = forward_job(k.shape[:2], y.shape[1:3], (1, 1), (0, 0), (1, 1))
    nothing = np.zeros(0, np.float32)
    assert matrix_unit.sum_jobs(MODEL, PRODUCTS[variant], (job,), x, k, False, nothing, 1, y, TERMS)
    return y


def table():
    """Yield the lines of the table: median and largest error in units of 2^-24 * sum|terms|, and the bound."""
    yield "| variant | products | normal numbers | positive numbers | proven bound |"
    yield "|---|---|---|---|---|"
    rng = np.random.default_rng(3)
    problems = []
    for draw in (rng.standard_normal, rng.random):
        x, k = draw(X).astype(np.float32), draw(K).astype(np.float32)
        exact = conv2d.forward(x.astype(np.float64), k.astype(np.float64))
        size = conv2d.forward(abs(x).astype(np.float64), abs(k).astype(np.float64))
        problems.append((x, k, exact, size))
    for variant in ("cpu", *PRODUCTS):
        cells = []
        for x, k, exact, size in problems:
            error = abs(sums(variant, x, k) - exact) / (2.0**-24 * size)
            cells.append(f"{_short(np.median(error))}, {_short(error.max())}")
        bound = roundings(variant, TERMS + 2) if variant in BOUNDS else TERMS + 2
        yield f"| `{variant}` | {PRODUCTS.get(variant, '')} | {cells[0]} | {cells[1]} | {bound} |"


def _short(value):
    return f"{value:.2g}" if value < 100 else f"{value:.0f}"


if __name__ == "__main__":
    assert sorted(PASSES) == sorted(PRODUCTS.values())
    print("\n".join(table()))
