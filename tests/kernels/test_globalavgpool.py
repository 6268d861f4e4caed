"""globalavgpool: every variant is the mean over the image, and its gradient."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import globalavgpool, registry
from tests.guards import assert_guards_stand, guarded
from tests.pool_strategies import SEEDS, hidden
from tests.rounding import assert_within
from tests.strategies import DTYPES, draw_seeded

VARIANTS = registry.variants("globalavgpool", "cpu")
EVERY = pytest.mark.parametrize("variant", VARIANTS)
ALL = pytest.mark.parametrize("variant", ["reference", *VARIANTS])
SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 7), st.integers(1, 7), st.integers(1, 9))


@EVERY
@given(shape=SHAPES, dtype=DTYPES, seed=SEEDS)
def test_integers_divisible_by_the_number_of_pixels_agree_with_the_reference_bit_for_bit(variant, shape, dtype, seed):
    pixels = shape[1] * shape[2]
    x, dy = (
        draw_seeded(shape, dtype, seed, True) * pixels,
        draw_seeded((shape[0], shape[3]), dtype, seed + 1, True) * pixels,
    )
    y, dx = globalavgpool.forward(x, variant=variant), globalavgpool.backward(dy, shape, variant=variant)
    np.testing.assert_array_equal(y, globalavgpool.forward(x, variant="reference"))
    np.testing.assert_array_equal(dx, globalavgpool.backward(dy, shape, variant="reference"))
    assert y.dtype == dx.dtype == dtype
    assert np.vdot(dy, y) == np.vdot(dx, x)  # the adjoint, exactly
    np.testing.assert_array_equal(dx.sum((1, 2)), dy)


@EVERY
@given(shape=SHAPES, dtype=DTYPES, seed=SEEDS)
def test_both_passes_are_within_the_rounding_bound_of_the_reference(variant, shape, dtype, seed):
    """y: a sum of H*W terms and a division. dx: one division."""
    x, dy = draw_seeded(shape, dtype, seed, False), draw_seeded((shape[0], shape[3]), dtype, seed + 1, False)
    exact, magnitude = (globalavgpool.forward(a, variant="reference") for a in (x, np.abs(x)))
    assert_within(globalavgpool.forward(x, variant=variant), exact, magnitude, shape[1] * shape[2] + 1, dtype)
    exact = globalavgpool.backward(dy, shape, variant="reference")
    assert_within(globalavgpool.backward(dy, shape, variant=variant), exact, np.abs(exact), 1, dtype)


@EVERY
@pytest.mark.parametrize("shape", [(1, 33, 34, 40), (9, 16, 16, 31), (2, 200, 170, 1), (1, 16, 17, 3)])
def test_images_of_several_chunks_that_threads_share_are_exact_for_integers(variant, shape):
    x = np.random.default_rng(5).integers(-9, 10, shape)
    y = globalavgpool.forward(x.astype(np.float32), variant=variant)
    np.testing.assert_array_equal(y, (x.sum((1, 2)) / (shape[1] * shape[2])).astype(np.float32))
    dy = y * np.float32(3)
    dx = globalavgpool.backward(dy, shape, variant=variant)
    share = dy / np.float32(shape[1] * shape[2])
    np.testing.assert_array_equal(dx, np.broadcast_to(share[:, None, None, :], shape))


@ALL
def test_a_nan_reaches_its_own_image_and_channel_alone(variant):
    x = np.ones((2, 5, 5, 3), np.float32)
    x[1, 4, 4, 2] = np.nan
    np.testing.assert_array_equal(globalavgpool.forward(x, variant=variant), [[1, 1, 1], [1, 1, np.nan]])


@EVERY
@settings(max_examples=20)
@given(shape=SHAPES, dtype=DTYPES, seed=SEEDS)
def test_a_strided_read_only_view_gives_the_contiguous_answer_and_is_not_mutated(variant, shape, dtype, seed):
    x = draw_seeded(shape, dtype, seed, False)
    view = hidden(x)
    before = view.base.copy()
    y = globalavgpool.forward(x, variant=variant)
    np.testing.assert_array_equal(globalavgpool.forward(view, variant=variant), y)
    np.testing.assert_array_equal(view.base, before)
    dx = globalavgpool.backward(hidden(y), shape, variant=variant)
    np.testing.assert_array_equal(dx, globalavgpool.backward(y, shape, variant=variant))


@ALL
@given(shape=SHAPES, dtype=DTYPES, seed=SEEDS)
def test_every_result_goes_to_out_and_nowhere_else(variant, shape, dtype, seed):
    x = draw_seeded(shape, dtype, seed, False)
    (y, band_y), (dx, band_dx) = guarded((shape[0], shape[3]), dtype), guarded(shape, dtype)
    assert globalavgpool.forward(x, variant=variant, out=y) is y
    np.testing.assert_array_equal(y, globalavgpool.forward(x, variant=variant).astype(dtype))
    assert globalavgpool.backward(y, shape, variant=variant, out=dx) is dx
    np.testing.assert_array_equal(dx, globalavgpool.backward(y, shape, variant=variant).astype(dtype))
    assert_guards_stand(band_y)
    assert_guards_stand(band_dx)


@ALL
@pytest.mark.parametrize("shape", [(0, 4, 4, 3), (2, 4, 4, 0)])
def test_no_images_or_no_channels_give_an_empty_result(variant, shape):
    y = globalavgpool.forward(np.ones(shape, np.float32), variant=variant)
    assert y.shape == (shape[0], shape[3])
    assert globalavgpool.backward(y.astype(np.float32), shape, variant=variant).shape == shape


@pytest.mark.parametrize("shape", [(2, 0, 4, 3), (2, 4, 0, 3)])
def test_an_image_without_pixels_has_no_mean(shape):
    with pytest.raises(ValueError, match=r"globalavgpool: the mean of an image needs pixels, got \(2, "):
        globalavgpool.forward(np.ones(shape))
    with pytest.raises(ValueError, match="needs pixels"):
        globalavgpool.backward(np.ones((2, 3)), shape)


def test_a_wrong_argument_is_named_with_what_arrived_and_what_was_expected():
    with pytest.raises(ValueError, match=r"globalavgpool: x must have 4 axes \(N,H,W,C\), got shape \(2, 3\)"):
        globalavgpool.forward(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"dy must have shape \(2, 3\) \(what forward makes of x_shape=\(2, 4, 4, 3\)"):
        globalavgpool.backward(np.ones((2, 4)), (2, 4, 4, 3))
    with pytest.raises(ValueError, match=r"out must be float64 of shape \(2, 3\), got float64 of \(3, 2\)"):
        globalavgpool.forward(np.ones((2, 4, 4, 3)), out=np.ones((3, 2)))
