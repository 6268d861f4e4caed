"""Fillers in a header: ignored as viewers ignore them, with a remark that says so."""

import base64

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGExtended12Bit

from convnet.data import dicom
from convnet.data.dicom.parse import read_header
from convnet.data.dicom.pipeline import render
from convnet.data.dicom.remarks import remarks

RAMP = np.arange(0, 4096, 16, dtype=np.uint16).reshape(16, 16)
FULL = (RAMP / 4080).astype(np.float32)
MADE = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDAsKDAkKCgr/wQALDAAQABABAREA/8QAFgABAQEAAAAAAAAAAAAAAAAADAoN/8QAHBAAAAYDAAAAAAAAAAAAAAAAAAsMKDdFVWJy/9oACAEBAAAAAMwHTuhHDBrQMdRcah4AndCOGDWgY6i41Ev6d0I4YNaBjqLjUPAE7oRwwa0DHUXGo//Z"  # noqa: E501


def read(path):
    """(the image, the remarks)."""
    ds = read_header(path)
    return render(ds, path, None)[0], remarks(ds)


@pytest.mark.parametrize(
    ("header", "remark"),
    [
        ({"WindowCenter": 0, "WindowWidth": 0}, "a window whose center is missing, or whose width is not above 0"),
        ({"WindowCenter": 5, "WindowWidth": -3}, "a window whose center is missing, or whose width is not above 0"),
        ({"WindowCenter": 5}, "a window whose center is missing, or whose width is not above 0"),
        ({"RescaleSlope": 0, "RescaleIntercept": 0}, "RescaleSlope 0 was ignored"),
        ({"RescaleSlope": 0, "RescaleIntercept": 9}, "RescaleSlope 0 was ignored"),
        ({"NumberOfFrames": 0}, "NumberOfFrames 0 was read as 1"),
        ({"PixelSpacing": [0, 0]}, "PixelSpacing was ignored: it is not two positive numbers"),
        ({"PixelSpacing": [-1, 1]}, "PixelSpacing was ignored: it is not two positive numbers"),
        ({"PixelSpacing": ["0.2", "0.0", "0.2"]}, "PixelSpacing was ignored: it is not two positive numbers"),
        ({"ImagerPixelSpacing": ["0.2"]}, "ImagerPixelSpacing was ignored: it is not two positive numbers"),
        ({"PixelAspectRatio": ["1"]}, "PixelAspectRatio was ignored: it is not two positive numbers"),
        ({"VOILUTSequence": [Dataset()]}, "an item of VOI LUT Sequence without a table was ignored"),
        ({"ModalityLUTSequence": [Dataset()]}, "an item of Modality LUT Sequence without a table was ignored"),
    ],
)
def test_a_filler_loses_no_image_and_is_told(make, header, remark):
    image, told = read(make(RAMP, BitsStored=12, **header))
    np.testing.assert_array_equal(image, FULL)
    assert any(remark in text for text in told), told


def test_a_sound_header_has_no_remarks(make):
    image, told = read(make(RAMP, BitsStored=12, WindowCenter=2040.5, WindowWidth=4081, PixelSpacing=[1, 1]))
    np.testing.assert_array_equal(image, FULL)
    assert told == []


def test_a_spacing_that_is_a_filler_gives_way_to_the_next_one(make):
    path = make(np.zeros((4, 4), np.uint8), PixelSpacing=[0, 0], ImagerPixelSpacing=[2, 1])
    assert dicom.read_images(path, None)[0].shape == (8, 4)
    assert dicom.describe(path)["spacing_from"] == "ImagerPixelSpacing"


@pytest.mark.parametrize("function", [None, "LINEAR", "NONSENSE"])
def test_the_callers_window_wins_over_any_filler(make, function):
    header = {} if function is None else {"VOILUTFunction": function}
    path = make(RAMP, BitsStored=12, WindowCenter=0, WindowWidth=0, **header)
    narrow = dicom.read_images(path, None, window=(2048, 0.5))[0]
    np.testing.assert_array_equal(narrow, np.where(RAMP == 2048, 0.5, RAMP > 2048))


def test_a_narrow_window_is_told_to_be_exact(make):
    image, told = read(make(RAMP, BitsStored=12, WindowCenter=2048, WindowWidth=0.5))
    np.testing.assert_array_equal(image, np.where(RAMP == 2048, 0.5, RAMP > 2048))
    assert told == ["a LINEAR window narrower than 1 was read as LINEAR_EXACT"]


def test_jpeg_extended_with_a_spectrum_that_ends_at_0_is_read(make):
    i, j = np.mgrid[:16, :16]
    values = (i * 100 + j * 120).astype(np.uint16)  # what dcmcjpeg +ee +q 95 encoded; it left Se at 0
    path = make(values, BitsStored=12, WindowCenter=2047.5, WindowWidth=4095, VOILUTFunction="LINEAR_EXACT")
    ds = pydicom.dcmread(path)
    ds.file_meta.TransferSyntaxUID = JPEGExtended12Bit
    ds.PixelData = encapsulate([base64.b64decode(MADE)])
    ds["PixelData"].is_undefined_length = True
    ds.save_as(path)
    np.testing.assert_allclose(dicom.read_images(path, None)[0], values / 4095, atol=0.01)


@pytest.mark.parametrize("keyword", ["Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation"])
def test_a_missing_attribute_is_named(make, keyword):
    path = make(RAMP, BitsStored=12)
    ds = pydicom.dcmread(path)
    del ds[keyword]
    ds.save_as(path)
    name = pydicom.datadict.dictionary_description(keyword)
    with pytest.raises(dicom.DicomError, match=f"states no {name} "):
        dicom.read_images(path)


@pytest.mark.parametrize("keyword", ["BitsAllocated", "BitsStored", "PixelRepresentation"])
def test_a_missing_attribute_of_integers_is_named(make, keyword):
    path = make(RAMP)
    ds = pydicom.dcmread(path)
    del ds[keyword]
    ds.save_as(path)
    with pytest.raises(dicom.DicomError, match=pydicom.datadict.dictionary_description(keyword)):
        dicom.read_images(path)


# --- PET and nuclear medicine


def test_a_pet_slice_without_a_window_is_refused_and_the_remedy_named(make):
    path = make(RAMP, Modality="PT", RescaleSlope=2, RescaleIntercept=0, Units="BQML")
    with pytest.raises(dicom.DicomError, match="give --window CENTRE WIDTH in BQML"):
        dicom.read_images(path)
    grey = dicom.read_images(path, None, window=(4080.5, 8161))[0]
    np.testing.assert_allclose(grey, FULL, atol=1e-6)


@pytest.mark.parametrize("modality", ["PT", "NM"])
def test_frames_of_activity_are_shown_on_one_scale(make, modality):
    frames = np.array([[[0, 10]], [[0, 40]], [[20, 20]]], np.uint16)
    images = dicom.read_images(make(frames, Modality=modality, NumberOfFrames=3), None)
    np.testing.assert_allclose(images, [[[0, 0.25]], [[0, 1]], [[0.5, 0.5]]], atol=1e-6)
