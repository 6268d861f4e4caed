"""resample: padding and slices are NumPy's, resizing is ONNX's rule, and backward is the adjoint of forward."""

import numpy as np
import pytest

from kernels import registry, resample
from kernels.resample import taps as make
from kernels.resample.taps import COORDINATES, ROUNDINGS, Sampling

ALL = pytest.mark.parametrize("variant", ["reference", *registry.variants("resample", "cpu")])
X = np.random.default_rng(0).standard_normal((2, 5, 6, 3))


@ALL
@pytest.mark.parametrize("mode", ["constant", "edge", "reflect"])
def test_padding_is_numpys(mode, variant):
    taps = (None, make.pad(5, 2, 1, mode), make.pad(6, 0, 3, mode), None)
    np.testing.assert_array_equal(
        resample.forward(X, taps, variant=variant), np.pad(X, ((0, 0), (2, 1), (0, 3), (0, 0)), mode)
    )


@ALL
def test_slices_of_any_step_are_numpys_and_places_without_taps_are_filled(variant):
    taps = (None, make.cut(5, 4, 3, -2), make.pad(6, -1, -2), make.pad(3, 1, 1))
    expected = np.pad(X[:, 4::-2, 1:-2], ((0, 0), (0, 0), (0, 0), (1, 1)), constant_values=7)
    np.testing.assert_array_equal(resample.forward(X, taps, fill=7, variant=variant), expected)


@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("lengths", [(5, 9), (6, 4), (3, 1), (1, 4), (4, 8)])
def test_linear_resizing_is_interpolation_at_onnxs_coordinates(lengths, coordinates):
    length, count = lengths
    x, i, scale = np.random.default_rng(1).standard_normal(length), np.arange(count), count / length
    at = {
        "half_pixel": (i + 0.5) / scale - 0.5,
        "pytorch_half_pixel": (i + 0.5) / scale - 0.5 if count > 1 else np.zeros(1),
        "asymmetric": i / scale,
        "align_corners": i * (length - 1) / max(count - 1, 1),
    }[coordinates]
    y = resample.forward(x, (make.resize(length, count, Sampling("linear", coordinates)),))
    np.testing.assert_allclose(y, np.interp(at, np.arange(length), x), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [
        ("round_prefer_floor", [0, 0, 1, 1]),
        ("round_prefer_ceil", [0, 1, 1, 1]),
        ("floor", [0, 0, 1, 1]),
        ("ceil", [0, 1, 1, 1]),
    ],
)
def test_a_place_halfway_between_two_pixels_is_rounded_by_the_rule(rounding, expected):
    """2 -> 4, asymmetric: the new pixels lie at 0, 1/2, 1 and 3/2, which is beyond the last."""
    y = resample.forward(np.array([0.0, 1.0]), (make.resize(2, 4, Sampling("nearest", "asymmetric", rounding)),))
    np.testing.assert_array_equal(y, expected)
    assert {r for r in ROUNDINGS} >= {rounding}


@ALL
@pytest.mark.parametrize("method", ["nearest", "linear"])
@pytest.mark.parametrize("lengths", [(9, 4), (4, 9)])
def test_backward_is_the_adjoint_of_forward(lengths, method, variant):
    rng, (down, across) = np.random.default_rng(2), lengths
    taps = (None, make.resize(5, down, Sampling(method)), make.resize(6, across, Sampling(method)), make.pad(3, 0, 1))
    y = resample.forward(X, taps, variant=variant)
    dy = rng.standard_normal(y.shape)
    dx = resample.backward(dy, X.shape, taps, variant=variant)
    assert np.vdot(dy, y) == pytest.approx(np.vdot(dx, X), rel=1e-12)


@ALL
def test_minus_zero_and_nan_go_where_they_are_read_and_nowhere_else(variant):
    x = np.array([-0.0, np.nan, 1.0])
    y = resample.forward(x, (make.pad(3, 1, 1, "edge"),), variant=variant)
    assert variant == "reference" or np.signbit(y[:2]).all()
    np.testing.assert_array_equal(np.isnan(y), [False, False, True, False, False])
    linear = resample.forward(x, (make.resize(3, 5, Sampling("linear", "align_corners")),), variant=variant)
    np.testing.assert_array_equal(np.isnan(linear), [False, True, True, True, False])  # a weight of 0 reads nothing


def test_large_arrays_that_several_threads_share_are_numpys():
    x = np.random.default_rng(3).standard_normal((3, 60, 50, 8)).astype(np.float32)
    taps = (None, make.resize(60, 120, Sampling()), make.resize(50, 100, Sampling()), None)
    y = resample.forward(x, taps)
    np.testing.assert_array_equal(y, x.repeat(2, 1).repeat(2, 2))
    np.testing.assert_array_equal(resample.backward(y, x.shape, taps), 4 * x)


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"resample: taps must be a tuple with one entry for each axis of x, \(3,\)"):
        resample.forward(np.ones(3), (None, None))
    with pytest.raises(ValueError, match="place 0 reads 3, but that axis of x has 3 places"):
        resample.forward(np.ones(3), ((((3, 1.0),),),))
    with pytest.raises(ValueError, match="reflection adds less than the axis's length, 3, got 3 and 0"):
        make.pad(3, 3, 0, "reflect")
    with pytest.raises(ValueError, match=r"coordinates must be one of half_pixel, .*, got 'corner'"):
        make.resize(3, 4, Sampling("linear", "corner"))
