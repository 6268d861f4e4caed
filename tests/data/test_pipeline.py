"""The stages of the pixel pipeline against values computed by hand and by pydicom."""

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.pixels import apply_modality_lut, apply_voi, apply_windowing
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, JPEG2000Lossless

from convnet.data import dicom
from convnet.data.dicom.tables import read_table
from convnet.data.dicom.window import apply_window, scale

CT = {"Modality": "CT", "RescaleSlope": 1, "RescaleIntercept": -1024}


def after(path, name, **options):
    """The array after one named step."""
    return next(step.array for step in dicom.steps(path, **options) if step.name == name)


def lut(entries, first, bits):
    """A LUT item with explicit entries."""
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item.LUTData = list(entries)
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    return item


def test_hounsfield_units_are_slope_times_stored_plus_intercept(make):
    path = make(np.array([[0, 1024], [1084, 2048]], np.int16), **{**CT, "RescaleSlope": 2})
    np.testing.assert_array_equal(after(path, "modality"), [[-1024, 1024], [1144, 3072]])
    assert any(step.what == "HU = 2.0 * stored - 1024" for step in dicom.steps(path))


def test_hounsfield_units_of_a_real_ct_are_pydicoms(real):
    ds = pydicom.dcmread(real / "CT_small.dcm")
    got = after(real / "CT_small.dcm", "modality")
    np.testing.assert_array_equal(got, apply_modality_lut(ds.pixel_array, ds))


def test_a_ct_without_a_window_gets_soft_tissue(make):
    path = make(np.array([[0, 864], [1063, 1263]], np.int16), **CT)  # -1024, -160, 39, 239 HU
    grey = dicom.read_images(path, size=None)[0]
    np.testing.assert_array_equal(grey, np.array([[0, 0], [199 / 399, 1]], np.float32))


def test_the_callers_window_overrides_the_files(make):
    path = make(np.array([[1024, 1074]], np.int16), WindowCenter=0, WindowWidth=10, **CT)
    np.testing.assert_array_equal(dicom.read_images(path, None)[0], [[np.float32(5 / 9), 1]])
    given_window = dicom.read_images(path, None, window=(50.5, 101))[0]
    np.testing.assert_array_equal(given_window, np.array([[0, 0.5]], np.float32))


def test_the_callers_window_overrides_a_voi_table(make):
    voi = Sequence([lut([0, 255], 0, 8)])
    path = make(np.array([[0, 50, 100]], np.uint8), VOILUTSequence=voi)
    np.testing.assert_array_equal(dicom.read_images(path, None)[0], [[0, 1, 1]])
    np.testing.assert_allclose(dicom.read_images(path, None, window=(50.5, 101))[0], [[0, 0.5, 1]])


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@given(center=st.integers(-300, 300), width=st.integers(2, 3000))
def test_windows_are_pydicoms(function, center, width):
    values = np.arange(-2000, 2000, 7, dtype=float).reshape(1, -1)
    ds = Dataset()
    ds.PhotometricInterpretation, ds.BitsStored, ds.PixelRepresentation = "MONOCHROME2", 8, 0
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = center, width, function
    grey, _ = apply_window(values, center, width, function)
    with np.errstate(over="ignore"):  # in pydicom
        expected = apply_windowing(values, ds) / 255
    np.testing.assert_allclose(grey, expected, atol=1e-12)


def test_a_linear_window_of_width_1_is_a_threshold():
    grey, _ = apply_window(np.array([39.0, 39.5, 40.0]), 40, 1, "LINEAR")
    np.testing.assert_array_equal(grey, [0, 0, 1])


def test_monochrome1_is_inverted(make):
    pixels = np.array([[0, 64, 255]], np.uint8)
    plain = dicom.read_images(make(pixels, "m2.dcm"), None)[0]
    inverted = dicom.read_images(make(pixels, "m1.dcm", PhotometricInterpretation="MONOCHROME1"), None)[0]
    np.testing.assert_array_equal(plain, (pixels / 255).astype(np.float32))
    np.testing.assert_array_equal(inverted, (1 - pixels / 255).astype(np.float32))


def test_monochrome1_is_inverted_after_its_window(make):
    pixels = np.array([[0, 100, 150, 200, 4000]], np.uint16)
    path = make(pixels, WindowCenter=150.5, WindowWidth=101, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(dicom.read_images(path, None)[0], [[1, 1, 0.5, 0, 0]])


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_out_of_the_range(make, photometric):
    pixels = np.array([[-2000, 10, 20, 30]], np.int16)
    path = make(pixels, PixelPaddingValue=-2000, PhotometricInterpretation=photometric)
    expected = [[0, 0, 0.5, 1]] if photometric == "MONOCHROME2" else [[0, 1, 0.5, 0]]
    np.testing.assert_array_equal(dicom.read_images(path, None)[0], expected)


def test_a_padding_range_is_black(make):
    pixels = np.array([[0, 5, 9, 10, 20, 30]], np.uint16)
    path = make(pixels, PixelPaddingValue=0, PixelPaddingRangeLimit=9)
    np.testing.assert_array_equal(dicom.read_images(path, None)[0], [[0, 0, 0, 0, 0.5, 1]])


def test_bits_outside_bits_stored_do_not_count(make):
    noisy = np.array([[0xF000, 0x57FF, 0x0FFF]], np.uint16)  # 12 stored bits below 4 of something else
    np.testing.assert_array_equal(after(make(noisy, BitsStored=12), "stored"), [[0, 0x7FF, 0xFFF]])
    signed = make(noisy.view(np.int16), "signed.dcm", BitsStored=12)
    np.testing.assert_array_equal(after(signed, "stored"), [[0, 2047, -1]])


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2"])
def test_little_and_big_endian_signed_and_unsigned_agree(make, dtype):
    info = np.iinfo(dtype)
    values = np.array([[info.min, info.min + 1, 1, info.max]])
    little = make(values.astype("<" + dtype), "l.dcm")
    big = make(values.astype(">" + dtype), "b.dcm", syntax=ExplicitVRBigEndian)
    np.testing.assert_array_equal(after(little, "stored"), values)
    np.testing.assert_array_equal(after(big, "stored"), values)
    np.testing.assert_array_equal(dicom.read_images(little)[0], dicom.read_images(big)[0])


def test_a_modality_table_is_looked_up_and_clipped(make):
    table = Sequence([lut([5, 10, 20, 40], 2, 16)])
    path = make(np.array([[0, 2, 3, 4, 5, 200]], np.uint8), ModalityLUTSequence=table)
    np.testing.assert_array_equal(after(path, "modality"), [[5, 5, 10, 20, 40, 40]])
    ds = pydicom.dcmread(path)
    np.testing.assert_array_equal(after(path, "modality"), apply_modality_lut(ds.pixel_array, ds))


def test_a_voi_table_is_pydicoms():
    values, ds = np.arange(300).reshape(1, -1), Dataset()
    ds.VOILUTSequence = Sequence([lut([0, 3, 9, 27, 81, 4095], 100, 12)])
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    table = read_table(ds.VOILUTSequence[0], ds, "file", signed=False)
    np.testing.assert_array_equal(table.look_up(values), apply_voi(values, ds))
    assert table.top == 4095


def test_a_table_that_is_too_short_is_refused(make):
    item = lut([1, 2], 0, 8)
    item.LUTDescriptor = [5, 0, 8]
    path = make(np.zeros((2, 2), np.uint8), VOILUTSequence=Sequence([item]))
    with pytest.raises(dicom.DicomError, match="2 entries of 8 bits: expected 5"):
        dicom.read_images(path)


def test_a_constant_image_is_0_not_nan(make):
    np.testing.assert_array_equal(dicom.read_images(make(np.full((4, 4), 700, np.uint16)))[0], 0)


def test_an_image_that_is_all_padding_is_0(make):
    path = make(np.full((4, 4), 7, np.uint16), PixelPaddingValue=7)
    np.testing.assert_array_equal(dicom.read_images(path)[0], 0)


def test_float_pixels_decode_and_nan_is_refused(make):
    path = make(np.zeros((2, 2), np.uint16))
    for values, name in (([[0.5, 1.5], [2.5, 4.5]], "good"), ([[0, np.nan], [0, 0]], "nan")):
        ds = pydicom.dcmread(path)
        del ds.PixelData, ds.BitsStored, ds.HighBit, ds.PixelRepresentation
        ds.BitsAllocated, ds.FloatPixelData = 32, np.array(values, "<f4").tobytes()
        ds.save_as(path.with_name(name))
    np.testing.assert_array_equal(dicom.read_images(path.with_name("good"), None)[0], [[0, 0.25], [0.5, 1]])
    with pytest.raises(dicom.DicomError, match="not numbers"):
        dicom.read_images(path.with_name("nan"))


def test_each_frame_is_an_image(make):
    frames = np.array([[[0, 255]], [[255, 0]], [[51, 102]]], np.uint8)
    images = dicom.read_images(make(frames, NumberOfFrames=3), None)
    np.testing.assert_array_equal(images, (frames / 255).astype(np.float32))
    second = dicom.steps(make(frames, NumberOfFrames=3), None, frame=1)[-1].array
    np.testing.assert_array_equal(second, images[1])


def test_a_frame_that_does_not_exist_is_refused(make):
    with pytest.raises(dicom.DicomError, match="frame 1 does not exist: the file has 1"):
        dicom.steps(make(np.zeros((2, 2), np.uint8)), frame=1)


def test_enhanced_files_have_a_rescale_and_window_for_each_frame(make):
    def group(intercept):
        rescale, window, item = Dataset(), Dataset(), Dataset()
        rescale.RescaleSlope, rescale.RescaleIntercept = 1, intercept
        window.WindowCenter, window.WindowWidth = 0.5, 201
        item.PixelValueTransformationSequence, item.FrameVOILUTSequence = [rescale], [window]
        return item

    measures, shared = Dataset(), Dataset()
    measures.PixelSpacing = [2, 1]
    shared.PixelMeasuresSequence = [measures]
    path = make(
        np.full((2, 2, 2), 100, np.int16),
        NumberOfFrames=2,
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=[group(-100), group(-50)],
        **{**CT, "RescaleIntercept": 777},
    )
    first, second = dicom.read_images(path, None)
    assert first.shape == (4, 2)  # 2 x 2 pixels of 2 mm x 1 mm
    np.testing.assert_array_equal(first, 0.5)
    np.testing.assert_array_equal(second, 0.75)


def test_a_missing_decoder_names_the_package_to_install(make, monkeypatch):
    from pydicom.pixels.decoders.base import Decoder

    path = make(np.zeros((2, 2), np.uint8))
    ds = pydicom.dcmread(path)
    ds.file_meta.TransferSyntaxUID = JPEG2000Lossless
    ds.PixelData = pydicom.encaps.encapsulate([b"\0\0"])
    ds["PixelData"].is_undefined_length = True
    ds.save_as(path)
    monkeypatch.setattr(Decoder, "is_available", property(lambda self: False))
    with pytest.raises(dicom.DicomError, match="pip install pylibjpeg pylibjpeg-openjpeg"):
        dicom.read_images(path)


def test_video_is_refused(make):
    path = make(np.zeros((2, 2), np.uint8))
    ds = pydicom.dcmread(path)
    ds.file_meta.TransferSyntaxUID = pydicom.uid.MPEG2MPML
    ds.PixelData = pydicom.encaps.encapsulate([b"\0\0"])
    ds["PixelData"].is_undefined_length = True
    ds.save_as(path)
    with pytest.raises(dicom.DicomError, match="is not supported: export the file as frames"):
        dicom.read_images(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(dicom.DicomError, match="cannot be opened: No such file"):
        dicom.read_images(tmp_path / "none.dcm")


def test_describe_gives_the_facts_of_the_header(real):
    assert dicom.describe(real / "CT_small.dcm") == {
        "modality": "CT",
        "sop_class": "CT Image Storage",
        "transfer_syntax": "Explicit VR Little Endian",
        "rows": 128,
        "columns": 128,
        "frames": 1,
        "bits_stored": 16,
        "bits_allocated": 16,
        "signed": True,
        "photometric": "MONOCHROME2",
        "spacing": (0.661468, 0.661468),
        "spacing_from": "PixelSpacing",
        "window": None,
        "orientation": "LP",
        "body_part": None,
    }


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_scale_is_in_0_to_1_whatever_the_range(values, low, high):
    out = scale(np.array(values), min(low, high), max(low, high))
    assert ((out >= 0) & (out <= 1)).all()


@pytest.mark.parametrize(
    "header",
    [{"RescaleSlope": "-1e308"}, {"RescaleIntercept": "1e308"}, {"WindowCenter": "-1.7e308", "WindowWidth": "1e308"}],
)
def test_a_number_that_would_overflow_is_refused_by_name_and_one_within_reason_is_not(make, header):
    pixels = np.array([[0, 1, 65535]], np.uint16)
    with pytest.raises(dicom.DicomError, match=f"{next(iter(header))} in the header is beyond 1e[+]100"):
        dicom.read_images(make(pixels, **header))
    within = {keyword: value.replace("308", "99") for keyword, value in header.items()}
    image = dicom.read_images(make(pixels, **within))[0]
    assert ((image >= 0) & (image <= 1)).all()
