"""Axes made of atoms: what the layout says of an array is what NumPy does to one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convnet.exchange.onnx.layout import Layout, LayoutError, channels_last, matched, order_rows, plain


def engine_array(array: np.ndarray, layout: Layout) -> np.ndarray:
    """The engine's array, flat, of an array with ONNX's axes."""
    return layout.arrange(array, (layout.order,)).reshape(-1)


@st.composite
def moves(draw):
    """A shape, channels first or not, and transpositions and reshapes that follow."""
    shape = tuple(draw(st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=2, max_size=4)))
    steps = draw(st.lists(st.tuples(st.sampled_from(["transpose", "reshape", "gather"]), st.randoms()), max_size=6))
    return shape, draw(st.booleans()), steps


def another_shape(size: int, random) -> tuple[int, ...]:
    shape = []
    while size > 1:
        divisors = [d for d in range(2, size + 1) if size % d == 0]
        shape.append(random.choice(divisors))
        size //= shape[-1]
    shape.insert(random.randint(0, len(shape)), 1)
    return tuple(shape)


@given(moves())
def test_transpositions_and_reshapes_leave_the_engine_s_array_where_it_is(case):
    shape, first, steps = case
    array = np.arange(np.prod(shape)).reshape(shape)
    layout = channels_last(shape) if first else plain(shape)
    before = engine_array(array, layout)
    assert (before == (np.moveaxis(array, 0, -1) if first else array).reshape(-1)).all()
    for what, random in steps:
        try:
            if what == "transpose":
                axes = list(range(array.ndim))
                random.shuffle(axes)
                array, layout = array.transpose(axes), layout.transposed(tuple(axes))
            elif what == "reshape":
                wanted = another_shape(array.size, random)
                array, layout = array.reshape(wanted), layout.reshaped(wanted)
            else:
                layout = layout.gathered(random.randrange(array.ndim))
        except LayoutError:
            return
        assert layout.shape == array.shape
        assert (engine_array(array, layout) == before).all()
        assert (layout.arrange(array, layout.groups()).reshape(-1) == before).all()


def test_rows_of_a_flattened_image_follow_the_engine():
    image = channels_last((3, 2, 4))
    flat = image.reshaped((24,))
    matrix = np.arange(48.0).reshape(24, 2)
    rows = order_rows(matrix, flat.axes[0], flat.order)
    x = np.arange(24.0).reshape(3, 2, 4)
    assert np.array_equal(x.reshape(-1) @ matrix, np.moveaxis(x, 0, -1).reshape(-1) @ rows)


def test_numbers_of_a_channel_are_repeated_along_the_other_axes():
    layout = channels_last((3, 2, 4))
    per_channel = np.arange(3.0).reshape(3, 1, 1)
    found = np.broadcast_to(layout.arrange(per_channel, layout.groups()), (2, 4, 3))
    assert (found == np.arange(3.0)).all()


def test_a_reshape_that_cuts_across_transposed_axes_is_refused():
    with pytest.raises(LayoutError, match="without moving numbers"):
        channels_last((3, 2, 2)).reshaped((2, 6))


def test_two_values_are_split_alike():
    one, other = matched(plain((8, 3)), plain((2, 4, 3)).reshaped((8, 3)))
    assert one.axes == other.axes
    assert one.order == other.order
