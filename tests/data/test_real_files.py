"""Real and damaged files: each one decodes, or is refused with one line."""

import random
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convnet.data import dicom

ROOT = Path(pydicom.data.__file__).parent / "test_files"
FILES = sorted(p for p in ROOT.rglob("*") if p.is_file())

# files without an image, or with a damaged one; every other file must decode
REFUSED = {
    **dict.fromkeys(["ExplVR_BigEndNoMeta.dcm", "ExplVR_LitEndNoMeta.dcm"], "RT Ion Plan Storage"),
    **dict.fromkeys(["rtplan.dcm", "rtplan_truncated.dcm"], "RT Plan Storage"),
    **dict.fromkeys(["reportsi.dcm", "reportsi_with_empty_number_tags.dcm"], "Basic Text SR Storage"),
    "rtstruct.dcm": "RT Structure Set Storage",
    "test-SR.dcm": "Comprehensive SR Storage",
    "MR_truncated.dcm": "would end at byte 8192, the file's pixel data at 8130",
    "JPEG2000-embedded-sequence-delimiter.dcm": "its codestream holds",
    "badVR.dcm": "NumberOfFrames in the header",
    **dict.fromkeys(["crayons.icc", "README.txt", "rtplan.dump", "rtstruct.dump"], "is not"),
    **dict.fromkeys(["test1.json", "test_PN.json", "zipMR.gz", "README", "UN_sequence.dcm"], "is not"),
    **dict.fromkeys(["empty_charset_LEI.dcm", "meta_missing_tsyntax.dcm", "no_meta.dcm"], "is not"),
    **dict.fromkeys(["nested_priv_SQ.dcm", "no_meta_group_length.dcm", "priv_SQ.dcm"], "is not"),
}


def expected_refusal(path):
    """What the reason must say, or None where the file must decode."""
    if "DICOMDIR" in path.name:
        return "DICOMDIR"
    return "no pixel data" if "TINY_ALPHA" in str(path) and path.name != "README" else REFUSED.get(path.name)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_real_file_decodes_or_is_refused_for_the_right_reason(path):
    reason = expected_refusal(path)
    if reason is not None:
        with pytest.raises(dicom.DicomError) as refused:
            dicom.read_images(path)
        assert reason in refused.value.reason
        assert str(refused.value) == f"{path}: {refused.value.reason}"
        assert "\n" not in str(refused.value)
        return
    images = dicom.read_images(path, size=28)
    assert len(images) == dicom.describe(path)["frames"]
    for image in images:
        assert image.shape == ((1, 28, 12) if "ecg" in path.name else (28, 28))
        assert image.dtype == np.float32
        assert 0 <= image.min() <= image.max() <= 1
    shown = dicom.steps(path, size=28)
    np.testing.assert_array_equal(shown[-1].array, images[0])


@pytest.mark.parametrize("name", ["RLE", "bigendian", "expb", "implicit", "jp2klossless", "jpeg_ls_lossless", "padded"])
def test_every_lossless_encoding_of_one_image_gives_the_same_bits(real, name):
    expected = dicom.read_images(real / "MR_small.dcm", size=None)[0]
    np.testing.assert_array_equal(dicom.read_images(real / f"MR_small_{name}.dcm", size=None)[0], expected)


def test_rle_dose_frames_equal_the_uncompressed_ones(real):
    for a, b in zip(dicom.read_images(real / "rtdose.dcm"), dicom.read_images(real / "rtdose_rle.dcm"), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_colour_file_gives_its_luminance_over_255(real):
    path = real / "examples_rgb_color.dcm"
    rgb = pydicom.dcmread(path).pixel_array.astype(float)
    expected = (rgb @ [0.299, 0.587, 0.114] / 255).astype(np.float32)
    np.testing.assert_allclose(dicom.read_images(path, size=None)[0], expected, atol=1e-7)


def test_a_palette_file_gives_the_luminance_of_its_palette(real):
    ds = pydicom.dcmread(real / "examples_palette.dcm")
    rgb = pydicom.pixels.apply_color_lut(ds.pixel_array, ds).astype(float)
    got = dicom.read_images(real / "examples_palette.dcm", size=None)[0]
    np.testing.assert_allclose(got, rgb @ [0.299, 0.587, 0.114] / 65535, atol=1e-6)


def test_a_file_without_preamble_and_meta_header_decodes(real, tmp_path):
    ds = pydicom.dcmread(real / "CT_small.dcm")
    path = tmp_path / "bare.dcm"
    del ds.file_meta
    ds.preamble = None
    ds.save_as(path, implicit_vr=False, little_endian=True)
    assert path.read_bytes()[128:132] != b"DICM"
    np.testing.assert_array_equal(dicom.read_images(path)[0], dicom.read_images(real / "CT_small.dcm")[0], strict=True)


def test_no_identifier_is_in_a_description_or_an_error(real, tmp_path):
    ds = pydicom.dcmread(real / "MR_small.dcm")
    ds.PatientName, ds.PatientID, ds.AccessionNumber = "Secret^Name", "SECRET-ID", "SECRET-ACC"
    ds.save_as(tmp_path / "a.dcm")
    assert "secret" not in str(dicom.describe(tmp_path / "a.dcm")).lower()
    assert "secret" not in str([s.what for s in dicom.steps(tmp_path / "a.dcm")]).lower()
    ds.PixelData = ds.PixelData[:100]
    ds.save_as(tmp_path / "b.dcm")
    with pytest.raises(dicom.DicomError) as refused:
        dicom.read_images(tmp_path / "b.dcm")
    assert "secret" not in str(refused.value).lower()


@pytest.mark.filterwarnings("error")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["CT_small.dcm", "MR_small_RLE.dcm", "rtdose.dcm", "MR_small_bigendian.dcm"]),
    seed=st.integers(0, 2**32),
    hits=st.sampled_from([1, 3, 10, 40]),
)
def test_a_damaged_file_decodes_or_is_refused_without_noise(real, tmp_path, name, seed, hits):
    chance = random.Random(seed)
    data = bytearray((real / name).read_bytes())
    for _ in range(hits):
        data[chance.randrange(130, 3000)] = chance.randrange(256)
    path = tmp_path / "damaged.dcm"
    path.write_bytes(data[: chance.choice([len(data), chance.randrange(len(data))])])
    for read in (dicom.read_images, dicom.steps, dicom.describe):
        try:
            read(path)
        except dicom.DicomError as error:
            assert "\n" not in str(error)  # noqa: PT017 - either outcome is right, any other exception fails
