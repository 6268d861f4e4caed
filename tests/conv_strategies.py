"""Convolution problems of small integers, whose sums are exact, within the settings that a variant has."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from kernels import conv2d, registry
from tests.strategies import DTYPES, ConvProblem, conv_problems, draw_seeded

VARIANTS = registry.variants("conv2d", "cpu")
GENERAL = registry.general("conv2d", "cpu")  # the variants that have every setting
SEEDS = st.integers(0, 2**32 - 1)


def general(variant: str) -> str:
    """The variant itself, or `cpu_naive` for a step that a variant of registry.OWN_BOUNDS has no settings for."""
    return variant if variant in GENERAL else "cpu_naive"


@st.composite
def problems_for(draw, variant: str, plain: bool = False) -> ConvProblem:
    """Any settings; `plain` ones are without padding and groups. Only 3x3 kernels for a variant of OWN_BOUNDS.

    Such a variant's transforms are of halves and quarters for few channels, so small integers are exact in it too.
    """
    if variant in GENERAL:
        p = draw(conv_problems(integers=True))
        if not plain:
            return p
        settings = {**p.settings, "padding": 0, "groups": 1}
        grow = [(0, 0), *(np.add(sides, draw(st.integers(0, 2))) for sides in p.settings["padding"]), (0, 0)]
        x = draw_seeded([n + sum(g) for n, g in zip(p.x.shape, grow, strict=True)], p.x.dtype, draw(SEEDS), True)
        k = draw_seeded((*p.k.shape[:2], x.shape[3], p.k.shape[3]), x.dtype, draw(SEEDS), True)
    else:
        sides = [draw(st.integers(3, 9)) for _ in (0, 1)]
        x_shape = (draw(st.integers(1, 2)), *sides, draw(st.integers(1, 4)))
        x = draw_seeded(x_shape, draw(DTYPES), draw(SEEDS), True)
        k = draw_seeded((3, 3, x_shape[3], draw(st.integers(1, 5))), x.dtype, draw(SEEDS), True)
        settings = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
        if not plain:
            settings["padding"] = tuple((draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in (0, 1))
    _, y_shape = conv2d.geometry(x.shape, k.shape, **settings)
    b, dy = draw_seeded(k.shape[3:], x.dtype, draw(SEEDS), True), draw_seeded(y_shape, x.dtype, draw(SEEDS), True)
    return ConvProblem(x, k, b, dy, settings)


def again(p: ConvProblem, name: str, seed: int) -> ConvProblem:
    """The same problem with other integers in one of its arrays."""
    return replace(p, **{name: draw_seeded(getattr(p, name).shape, p.x.dtype, seed, True)})


def passes(p: ConvProblem, variant: str, b: bool = True) -> tuple[np.ndarray, ...]:
    """y, dx, dk, db."""
    return (
        conv2d.forward(p.x, p.k, p.b if b else None, variant=variant, **p.settings),
        conv2d.backward_data(p.dy, p.k, p.x.shape, variant=variant, **p.settings),
        *conv2d.backward_weights(p.x, p.dy, p.k.shape, variant=variant, **p.settings),
    )


def assert_same(actual, expected) -> None:
    for a, e in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(a, e)
