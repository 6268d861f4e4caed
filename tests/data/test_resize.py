"""Geometry: square pixels, anti-aliasing, and the three policies for the aspect."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convnet.data import dicom
from convnet.data.dicom.resize import resample, resize

SIDES = st.integers(1, 40)


def disc(shape, spacing, radius):
    """A disc of `radius` mm in the middle of pixels of `spacing` mm, as uint8."""
    y, x = ((np.arange(n) - (n - 1) / 2) * s for n, s in zip(shape, spacing, strict=True))
    return (255 * (y[:, None] ** 2 + x[None, :] ** 2 <= radius**2)).astype(np.uint8)


def extent(image):
    """Height and width of what is brighter than half."""
    return tuple(np.ptp(np.nonzero(image > 0.5)[axis]) + 1 for axis in (0, 1))


@pytest.mark.parametrize("factor", [2, 2.5, 3, 4, 7.3])
def test_a_checkerboard_downsampled_is_grey(factor):
    n = 146
    board = np.indices((n, n)).sum(axis=0) % 2 * 1.0
    small = resample(board, (round(n / factor),) * 2)
    assert abs(small - 0.5).max() < 0.05


def test_stripes_too_fine_for_the_new_grid_become_grey():
    n = 50  # 0.8 of a new pixel a pair: linear interpolation alone would leave false stripes
    stripes = np.tile(np.arange(n) % 2 * 1.0, (n, 1))
    assert abs(resample(stripes, (20, 20))[:, 1:-1] - 0.5).max() < 0.01


def test_the_same_size_is_the_same_bits():
    image = np.random.default_rng(0).random((28, 28))
    np.testing.assert_array_equal(resize(image, 28), image)


@given(SIDES, SIDES, SIDES, st.sampled_from(["pad", "crop", "stretch"]))
def test_resize_gives_the_size_and_stays_in_range(rows, columns, size, aspect):
    image = np.random.default_rng(rows * 41 + columns).random((rows, columns))
    out = resize(image, size, aspect)
    assert out.shape == (size, size)
    assert out.min() >= (0 if aspect == "pad" else image.min())
    assert out.max() <= image.max()


@given(SIDES, SIDES, SIDES, SIDES)
def test_a_constant_stays_constant(rows, columns, to_rows, to_columns):
    np.testing.assert_allclose(resample(np.full((rows, columns), 0.3), (to_rows, to_columns)), 0.3, rtol=1e-12)


@given(st.integers(2, 60), st.integers(2, 60))
def test_a_mirrored_image_gives_the_mirrored_result(old, new):
    image = np.random.default_rng(old).random((old, old))
    np.testing.assert_allclose(resample(image[:, ::-1], (new, new)), resample(image, (new, new))[:, ::-1], atol=1e-9)


def test_a_ramp_keeps_its_values_at_pixel_centres():
    ramp = np.tile((np.arange(60) + 0.5) / 60, (60, 1))
    expected = (np.arange(20) + 0.5) / 20
    np.testing.assert_allclose(resample(ramp, (20, 20))[10, 3:-3], expected[3:-3], atol=1e-9)


def test_pad_keeps_all_and_centres_it_on_black():
    out = resize(np.ones((10, 20)), 20, "pad")
    assert (out[5:15] == 1).all()
    assert (out[:5] == 0).all()
    assert (out[15:] == 0).all()


def test_crop_takes_the_middle_without_black():
    image = np.tile(np.arange(20.0), (10, 1))
    np.testing.assert_array_equal(resize(image, 10, "crop"), image[:, 5:15])


def test_stretch_takes_all_and_loses_proportions():
    out = resize(np.tile(np.arange(20.0), (10, 1)), 10, "stretch")
    np.testing.assert_allclose(np.diff(out[5])[2:-2], 2, atol=1e-6)


@pytest.mark.parametrize(
    ("keyword", "spacing"),
    [("PixelSpacing", (2, 1)), ("ImagerPixelSpacing", (1, 2)), ("PixelAspectRatio", (3, 1))],
)
def test_a_disc_is_round_whatever_the_pixels(make, keyword, spacing):
    shape = (90 // spacing[0], 90 // spacing[1])
    path = make(disc(shape, spacing, 25), **{keyword: list(spacing)})
    height, width = extent(dicom.read_images(path, 60)[0])
    assert abs(height - width) <= 2
    assert abs(height - 50 * 60 / 90) <= 2


def test_pixel_spacing_goes_before_the_others(make):
    path = make(np.zeros((10, 10), np.uint8), PixelSpacing=[1, 1], PixelAspectRatio=[2, 1])
    assert dicom.read_images(path, None)[0].shape == (10, 10)


def test_a_spacing_that_is_not_plausible_is_refused(make):
    with pytest.raises(dicom.DicomError, match="not plausible"):
        dicom.read_images(make(np.zeros((4, 4), np.uint8), PixelSpacing=[50, 1]))


@pytest.mark.parametrize("size", [0, -1, 2.5, True, "28"])
def test_a_size_that_is_no_size_is_an_error(make, size):
    with pytest.raises(ValueError, match="expected a whole number of pixels"):
        dicom.read_images(make(np.zeros((4, 4), np.uint8)), size)


def test_an_unknown_aspect_is_an_error(make):
    with pytest.raises(ValueError, match="expected one of pad, crop, stretch"):
        dicom.read_images(make(np.zeros((4, 4), np.uint8)), aspect="fit")
