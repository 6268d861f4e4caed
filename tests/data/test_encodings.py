"""The table of what can be read (convnet/data/dicom/README.md), against files in every encoding."""

import zlib

import numpy as np
import pytest

from convnet.data import dicom
from convnet.data.dicom import other_syntaxes
from tests.data import encodings, pictures

CELLS = [(syntax, photometric) for syntax, found in encodings.SYNTAXES.items() for photometric in found]


def test_a_deflated_frame_that_unfolds_to_more_than_is_stated_is_refused(tmp_path):
    ds = pictures.native("MONOCHROME2")
    for data, reason in (
        (bytes(10**7), "unfolds to other than 1024 bytes"),
        (b"", "unfolds to other"),
        (None, "damaged"),
    ):
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        stream = b"\xff" * 50 if data is None else deflate.compress(data) + deflate.flush()
        encodings.save_other(ds, stream, other_syntaxes.DEFLATED, tmp_path / "a.dcm")
        with pytest.raises(dicom.DicomError, match=reason):
            dicom.read_images(tmp_path / "a.dcm")


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_jpeg_xl_keeps_the_values_of_its_own_number_of_bits(tmp_path, bits):
    imagecodecs = pytest.importorskip("imagecodecs", reason="imagecodecs is in the extra [jpegxl]")
    ds = pictures.native("MONOCHROME2", 16)
    values = pictures.grey(bits)
    ds.BitsStored, ds.HighBit = bits, bits - 1
    encodings.save_other(
        ds,
        imagecodecs.jpegxl_encode(values, lossless=True, bitspersample=bits),
        other_syntaxes.JPEG_XL_LOSSLESS,
        tmp_path / "a.dcm",
    )
    np.testing.assert_array_equal(dicom.steps(tmp_path / "a.dcm", None)[0].array, values)


def test_a_missing_jpeg_xl_decoder_names_the_package(tmp_path, monkeypatch):
    ds = pictures.native("MONOCHROME2")
    encodings.save_other(ds, b"\xff\x0a", other_syntaxes.JPEG_XL, tmp_path / "a.dcm")
    monkeypatch.setattr(other_syntaxes, "find_spec", lambda name: None)
    with pytest.raises(dicom.DicomError, match=r"'JPEG XL' needs a decoder .* pip install imagecodecs"):
        dicom.read_images(tmp_path / "a.dcm")


@pytest.mark.parametrize(("syntax", "photometric"), CELLS, ids=lambda v: v.replace("1.2.840.10008.1.2", "…"))
def test_the_picture_comes_out_of_its_encoding(syntax, photometric):
    assert encodings.outcome(syntax, photometric) not in ("WRONG", "refused", "")


@pytest.mark.parametrize("syntax", [s for s in encodings.syntaxes() if s not in encodings.SYNTAXES])
def test_a_transfer_syntax_outside_the_table_is_refused_by_name(syntax):
    assert encodings.refused(syntax)


def test_the_readme_says_what_was_found():
    assert encodings.in_readme() == encodings.table()
