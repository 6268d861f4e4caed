"""conv2d's result depends on the numbers alone: not on their order in memory, nor on the order of the images."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import conv2d
from tests.conv_strategies import SEEDS, VARIANTS, assert_same, passes, problems_for
from tests.strategies import ConvProblem, draw_seeded

EVERY = pytest.mark.parametrize("variant", VARIANTS)
FEW = settings(max_examples=25)
NAMES = ("x", "k", "b", "dy")


def unrounded(p: ConvProblem, seed: int) -> ConvProblem:
    """The same problem with numbers over some decades, whose sums depend on the order of the terms."""
    return replace(p, **{n: draw_seeded(getattr(p, n).shape, p.x.dtype, seed, False) for n in NAMES})


def at_offset(a: np.ndarray, offset: int) -> np.ndarray:
    """A copy of a that begins `offset` bytes behind a cache line's begin."""
    memory = np.empty(a.nbytes + 256, np.uint8)
    begin = -memory.ctypes.data % 64 + offset
    view = memory[begin : begin + a.nbytes].view(a.dtype).reshape(a.shape)
    view[...] = a
    return view


LAYOUTS = {
    "Fortran order": np.asfortranarray,
    "channels first": lambda a: np.ascontiguousarray(np.moveaxis(a, -1, 0)).transpose(*range(1, a.ndim), 0),
    "backwards": lambda a: a[::-1].copy()[::-1],
    "every second number": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "the middle of an image": lambda a: np.pad(a, 1, constant_values=np.nan)[tuple([slice(1, -1)] * a.ndim)],
    "one byte off": lambda a: at_offset(a, 1),
}


@EVERY
@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=10)
@given(data=st.data(), seed=SEEDS)
def test_any_layout_of_the_inputs_gives_the_same_bits(variant, layout, data, seed):
    p = unrounded(data.draw(problems_for(variant)), seed)
    q = replace(p, **{n: LAYOUTS[layout](getattr(p, n)) for n in NAMES})
    assert_same(passes(q, variant), passes(p, variant))


@EVERY
@FEW
@given(data=st.data(), seed=SEEDS, offsets=st.tuples(*[st.integers(0, 15)] * 5))
def test_any_alignment_of_inputs_and_out_gives_the_same_bits(variant, data, seed, offsets):
    p = unrounded(data.draw(problems_for(variant)), seed)
    size = p.x.dtype.itemsize
    moved = [at_offset(getattr(p, n), size * o) for n, o in zip(NAMES, offsets, strict=False)]
    q = ConvProblem(*moved, p.settings)
    y, dx, dk, db = passes(p, variant)
    outs = [at_offset(np.full_like(a, np.nan), size * offsets[4]) for a in (y, dx, dk, db)]
    conv2d.forward(q.x, q.k, q.b, variant=variant, out=outs[0], **p.settings)
    conv2d.backward_data(q.dy, q.k, q.x.shape, variant=variant, out=outs[1], **p.settings)
    conv2d.backward_weights(q.x, q.dy, q.k.shape, variant=variant, out=(outs[2], outs[3]), **p.settings)
    assert_same(outs, (y, dx, dk, db))


@EVERY
@FEW
@given(data=st.data(), seed=SEEDS)
def test_the_order_of_the_images_orders_y_and_dx_and_leaves_dk_and_db(variant, data, seed):
    p = data.draw(problems_for(variant))
    images = 4
    x, dy = (draw_seeded((images, *a.shape[1:]), a.dtype, seed + i, True) for i, a in enumerate((p.x, p.dy)))
    order = np.random.default_rng(seed).permutation(images)
    y, dx, dk, db = passes(replace(p, x=x, dy=dy), variant)
    assert_same(passes(replace(p, x=x[order], dy=dy[order]), variant), (y[order], dx[order], dk, db))


@EVERY
@FEW
@given(data=st.data(), seed=SEEDS)
def test_an_image_has_the_same_bits_alone_and_among_others(variant, data, seed):
    p = data.draw(problems_for(variant))
    x, dy = (draw_seeded((5, *a.shape[1:]), a.dtype, seed + i, False) for i, a in enumerate((p.x, p.dy)))
    y, dx, _, _ = passes(replace(p, x=x, dy=dy), variant)
    for n in range(5):
        one = passes(replace(p, x=x[n : n + 1], dy=dy[n : n + 1]), variant)
        assert_same(one[:2], (y[n : n + 1], dx[n : n + 1]))
