"""convpool: each variant is the composition of its three operations, in every way that its backward passes have."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kernels import conv2d, convpool, maxpool2d, registry, relu
from kernels.convpool import tiles_argmax, tiles_grey
from kernels.verify import properties
from kernels.verify.implementation import Registered
from kernels.verify.operations.convpool import ConvPool, make_geometry
from kernels.verify.problems import case
from kernels.verify.property_list import PROPERTIES
from tests.array_strategies import SEEDS, strided_read_only
from tests.strategies import DTYPES

VARIANTS = registry.variants("convpool", "cpu")
ALL = pytest.mark.parametrize("variant", ["reference", *VARIANTS])
EVERY = pytest.mark.parametrize("variant", VARIANTS)
OPERATION = ConvPool()


@st.composite
def geometries(draw):
    """Shapes for each way of backward: 3x3 of one channel, of channels in sixteens, and any other."""
    P, Q, C = draw(st.sampled_from([(3, 3, 1), (3, 3, 16), (3, 3, 32), (3, 3, 2), (2, 4, 1), (1, 1, 3)]))
    N, F = draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 5, 16, 17, 32, 35]))
    return make_geometry((N, P + draw(st.integers(1, 6)), Q + draw(st.integers(1, 6)), C), (P, Q, C, F))


@EVERY
@pytest.mark.parametrize("what", ["integers", "random"])
@settings(max_examples=25)
@example(g=make_geometry((2, 9, 8, 16), (3, 3, 16, 40)), dtype=np.float32, seed=0)
@given(g=geometries(), dtype=DTYPES, seed=SEEDS)
def test_every_pass_is_the_composition_of_the_three_operations(variant, what, g, dtype, seed):
    """Small integers bit for bit, random numbers within the rounding bound of their sums; cpu_naive is its oracle."""
    held = PROPERTIES[what]
    large = variant != "cpu_naive"  # the compiled loops know as well as the reference, which is slow
    impl = Registered(OPERATION, variant)
    for name in OPERATION.passes:
        held.check(OPERATION, impl, name, case(OPERATION, impl, g, dtype, held.kind, seed, large))


@settings(max_examples=10)
@given(seed=SEEDS)
def test_the_reference_is_conv2d_then_maxpool2d_then_relu(seed):
    """By the public functions of the three."""
    rng = np.random.default_rng(seed)
    x, k, b = (rng.integers(-3, 4, s).astype(float) for s in ((2, 6, 7, 2), (3, 2, 2, 3), 3))
    largest, argmax = maxpool2d.forward(conv2d.forward(x, k, b), 2)
    y, chosen = convpool.forward(x, k, b, variant="reference")
    np.testing.assert_array_equal(y, relu.forward(largest))
    np.testing.assert_array_equal(chosen, argmax)
    dy = rng.integers(-3, 4, y.shape).astype(float)
    dz = maxpool2d.backward(relu.backward(dy, y), argmax, (2, 4, 6, 3), size=2)
    np.testing.assert_array_equal(
        convpool.backward_data(dy, y, argmax, k, x.shape, variant="reference"), conv2d.backward_data(dz, k, x.shape)
    )
    given_ = convpool.backward_weights(x, dy, y, argmax, k.shape, variant="reference")
    for a, e in zip(given_, conv2d.backward_weights(x, dz, k.shape), strict=True):
        np.testing.assert_array_equal(a, e)


@pytest.mark.parametrize("k_shape", [(3, 3, 1, 5), (3, 3, 32, 5)])
def test_a_shape_for_which_it_pays_has_loops_of_its_own_in_backward_weights(k_shape):
    assert convpool.pays(k_shape)
    assert tiles_grey.fits(k_shape) or tiles_argmax.fits(k_shape)


@ALL
def test_a_tie_goes_to_the_first_pixel_and_a_window_at_zero_passes_nothing_on(variant):
    x = np.zeros((1, 4, 6, 1), np.float32)
    x[0, 1:3, 1:3] = 1  # the second window's z are smaller than 0, and the first one's all 4 or less
    k = np.ones((3, 3, 1, 2), np.float32)
    k[..., 1] = 0
    b = np.array([0, -1], np.float32)
    y, argmax = convpool.forward(x, k, b, variant=variant)
    np.testing.assert_array_equal(y[0, 0, :, 0], [4, 2])
    np.testing.assert_array_equal(argmax, 0)
    np.testing.assert_array_equal(y[..., 1], 0)
    dy = np.ones(y.shape, np.float32)
    y = y.astype(np.float32)
    only_second = dy * np.array([0, 1], np.float32)
    assert not convpool.backward_data(only_second, y, argmax, k + 1, x.shape, variant=variant).any()
    dk, db = convpool.backward_weights(x, dy, y, argmax, k.shape, variant=variant)
    np.testing.assert_array_equal(db, [2, 0])
    assert not dk[..., 1].any()


@ALL
@pytest.mark.parametrize("channels", [1, 2, 16])
def test_a_nan_pixel_spoils_only_its_windows_and_its_place_is_the_first_nans(variant, channels):
    rng = np.random.default_rng(0)
    x, k = rng.standard_normal((2, 8, 8, channels)), rng.standard_normal((3, 3, channels, 3))
    x[1, 3, 2, 0] = np.nan  # of the convolution's results (1..3, 0..2): windows (0..1, 0..1)
    y, argmax = convpool.forward(x, k, variant=variant)
    spoilt = np.zeros(y.shape, bool)
    spoilt[1, :2, :2] = True
    np.testing.assert_array_equal(np.isnan(y), spoilt)
    for (i, j), first in {(0, 0): 2, (0, 1): 2, (1, 0): 0, (1, 1): 0}.items():
        np.testing.assert_array_equal(argmax[1, i, j], first)


@EVERY
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(max_examples=25)
@given(g=geometries(), dtype=DTYPES, seed=SEEDS)
def test_nan_and_infinity_reach_backward_by_the_chosen_pixels_or_by_products_with_zero(variant, g, dtype, seed):
    """All results that hold one by the formula of the chosen pixels, and none that do not in the composition."""
    impl, rng = Registered(OPERATION, variant), np.random.default_rng(seed)
    p = case(OPERATION, impl, g, dtype, "integers", seed, True)
    special = {name: p[name].copy() for name in ("x", "dy", "k")}
    for _ in range(3):
        array = special[rng.choice(list(special))]
        array.flat[rng.integers(array.size)] = rng.choice([np.nan, np.inf, -np.inf])
    p = p.replace(**special)
    for name in ("backward_data", "backward_weights"):
        function, (args, _) = getattr(convpool, name), OPERATION.arguments(name, p)
        found, least, most = (
            r if isinstance(r, tuple) else (r,)
            for r in (function(*args, variant=v) for v in (variant, "cpu_naive", "reference"))
        )
        for actual, few, many in zip(found, least, most, strict=True):
            assert not np.isfinite(actual[~np.isfinite(few)]).any()
            assert np.isfinite(actual[np.isfinite(many)]).all()


@ALL
@pytest.mark.parametrize("channels", [1, 2, 16])
def test_no_images_give_empty_results_and_gradients_of_zero(variant, channels):
    x, k = np.ones((0, 6, 6, channels), np.float32), np.ones((3, 3, channels, 5), np.float32)
    y, argmax = convpool.forward(x, k, variant=variant)
    assert y.shape == argmax.shape == (0, 2, 2, 5)
    y = y.astype(np.float32)
    assert convpool.backward_data(y, y, argmax, k, x.shape, variant=variant).shape == x.shape
    for gradient in convpool.backward_weights(x, y, y, argmax, k.shape, variant=variant):
        assert not gradient.any()


@EVERY
@settings(max_examples=10)
@given(g=geometries(), seed=SEEDS)
def test_strided_read_only_views_give_the_contiguous_answer(variant, g, seed):
    p = OPERATION.problem(g, np.float32, "integers", seed, "cpu_naive")
    q = p.replace(**{name: strided_read_only(a) for name, a in p.arrays.items()})
    impl = Registered(OPERATION, variant)
    for name in OPERATION.passes:
        pairs = zip(
            properties.results(OPERATION, impl, name, q), properties.results(OPERATION, impl, name, p), strict=True
        )
        for a, b in pairs:
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": np.ones((5, 5, 1), np.float32)}, ValueError, r"convpool: x must have 4 axes \(N,H,W,C\)"),
        ({"x": np.ones((1, 5, 5, 2), np.float32)}, ValueError, "convpool: x has 2 channels but k expects 1"),
        ({"x": np.ones((1, 3, 5, 1), np.float32)}, ValueError, "convpool: .* along H, the padded image has 1"),
        ({"k": np.ones((3, 3, 1, 2))}, TypeError, "convpool: all arrays must have one dtype"),
        ({"b": np.ones(3, np.float32)}, ValueError, r"convpool: b must have shape \(2,\)"),
    ],
)
def test_a_wrong_argument_is_named_with_what_arrived_and_what_was_expected(change, error, message):
    right = {"x": np.ones((1, 5, 5, 1), np.float32), "k": np.ones((3, 3, 1, 2), np.float32)}
    with pytest.raises(error, match=message):
        convpool.forward(**{**right, **change})


def test_an_operation_without_a_variant_for_gpus_says_so(monkeypatch):
    monkeypatch.setitem(registry.OPERATIONS, "convpool", ("cpu_naive", "cpu"))
    with pytest.raises(ValueError, match="convpool: there is no variant for the target 'cuda' yet"):
        convpool.forward(np.ones((1, 5, 5, 1), np.float32), np.ones((3, 3, 1, 2), np.float32), variant="cuda")


def test_backward_refuses_an_argmax_outside_the_window_and_arrays_of_other_shapes():
    x, k = np.ones((1, 5, 5, 1), np.float32), np.ones((3, 3, 1, 2), np.float32)
    y, argmax = convpool.forward(x, k)
    with pytest.raises(ValueError, match="convpool: argmax must be below 4, the pixels of a window, got 7"):
        convpool.backward_data(y, y, np.full_like(argmax, 7), k, x.shape)
    with pytest.raises(ValueError, match=r"convpool: dy must have shape \(1, 1, 1, 2\) \(what forward makes of"):
        convpool.backward_weights(x, y[..., :1], y, argmax, k.shape)
    with pytest.raises(TypeError, match="convpool: argmax must be uint8, got int64"):
        convpool.backward_data(y, y, argmax.astype(int), k, x.shape)
