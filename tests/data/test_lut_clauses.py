"""PS3.3 C.11.1 (Modality LUT), C.11.2 (VOI LUT), C.7.6.16.2 (by frame), C.7.6.3.1.5-6 (palette): a row for a clause.

Each row states the grey values by hand, from the clause's own formula.
"""

import struct

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)

from convnet.data import dicom

CT = {"Modality": "CT", "RescaleSlope": "1", "RescaleIntercept": "-1024"}
SYNTAXES = {"explicit": ExplicitVRLittleEndian, "implicit": ImplicitVRLittleEndian, "big": ExplicitVRBigEndian}


def table(entries, first, bits, vr="OW", descriptor="US", n=None, packed=False, syntax=ExplicitVRLittleEndian):
    """An item with a LUT Descriptor of that VR, whatever the sign of `first`, and its entries."""
    item = Dataset()
    n = len(entries) if n is None else n
    first = first % 2**16 if descriptor == "US" else (first + 2**15) % 2**16 - 2**15
    item.add_new("LUTDescriptor", descriptor, [n % 2**16, first, bits])
    order = "<" if syntax.is_little_endian else ">"
    if packed:  # two entries a word, the first in its low byte
        words = np.frombuffer(np.array(entries, "u1").tobytes() + b"\0" * (len(entries) % 2), "<u2")
        item.add_new("LUTData", vr, words.astype(f"{order}u2").tobytes() if vr == "OW" else words.tolist())
    elif vr == "OW":
        item.add_new("LUTData", vr, np.array(entries).astype(f"{order}u2").tobytes())
    else:
        item.add_new("LUTData", vr, [int(e) for e in entries])
    return item


def shown(tmp_path, pixels, syntax=ExplicitVRLittleEndian, frames=None, **header):
    """The grey values of a file with these pixels and this header."""
    pixels, ds = np.atleast_2d(pixels), Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.SOPClassUID = CTImageStorage if header.get("Modality") == "CT" else MRImageStorage
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.Modality, ds.SamplesPerPixel, ds.PhotometricInterpretation = "MR", 1, "MONOCHROME2"
    shape = pixels.shape if frames is None else pixels.shape[1:]
    if frames is not None:
        ds.NumberOfFrames = frames
    ds.Rows, ds.Columns = shape
    ds.BitsAllocated = ds.BitsStored = 8 * pixels.dtype.itemsize
    ds.PixelRepresentation = int(pixels.dtype.kind == "i")
    for keyword, value in header.items():
        setattr(ds, keyword, value)
    ds.HighBit = ds.BitsStored - 1
    raw = pixels.astype(pixels.dtype.newbyteorder("<" if syntax.is_little_endian else ">")).tobytes()
    ds.PixelData = raw + b"\0" * (len(raw) % 2)
    ds["PixelData"].VR = "OW" if ds.BitsAllocated > 8 else "OB"
    path = tmp_path / "image.dcm"
    ds.save_as(path, enforce_file_format=True)
    images = dicom.read_images(path, None)
    return images[0] if frames is None else images


def group(**voi):
    """A functional group with a Frame VOI LUT Sequence."""
    inside, item = Dataset(), Dataset()
    for keyword, value in voi.items():
        setattr(inside, keyword, value)
    item.FrameVOILUTSequence = [inside]
    return item


U12 = {"BitsStored": 12}
RAMP = [0, 13107, 26214, 39321, 52428, 65535]  # fifths of 65535
FIFTHS = [0, 0.2, 0.4, 0.6, 0.8, 1]
PIXELS = np.array([[1021, 1022, 1023, 1024, 1025, 1026]], np.uint16)  # -3 to 2 HU


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("descriptor", ["US", "SS"])
def test_the_first_value_of_a_voi_lut_is_signed_where_the_rescaled_range_may_be(tmp_path, syntax, descriptor):
    """C.11.2.1.1: SS if the possible output range after Rescale Slope and Intercept may be signed."""
    uid = SYNTAXES[syntax]
    voi = table(RAMP, -3, 16, descriptor=descriptor, syntax=uid)
    grey = shown(tmp_path, PIXELS, uid, VOILUTSequence=[voi], **CT, **U12)
    np.testing.assert_allclose(grey, [FIFTHS], atol=1e-6)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("descriptor", ["US", "SS"])
@pytest.mark.parametrize("first", [3, 40_000])
def test_the_first_value_is_unsigned_where_the_range_cannot_be_negative(tmp_path, syntax, descriptor, first):
    """C.11.2.1.1: US otherwise; the same 16 bits in SS would be -25536."""
    uid, pixels = SYNTAXES[syntax], np.arange(first, first + 6, dtype=np.uint16)
    if descriptor == "SS" and syntax != "implicit" and first > 2**15:
        pytest.skip("an explicit negative number is taken at its word")
    voi = table(RAMP, first, 16, descriptor=descriptor, syntax=uid)
    np.testing.assert_allclose(shown(tmp_path, pixels, uid, VOILUTSequence=[voi]), [FIFTHS], atol=1e-6)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_sign_follows_a_negative_slope_and_signed_pixels(tmp_path, syntax):
    """C.11.2.1.1: the possible range of slope -1 from 12 bits is -4095 to 0, of signed pixels -32768 to 32767."""
    uid = SYNTAXES[syntax]
    voi = table(RAMP, -6, 16, descriptor="US", syntax=uid)
    header = {"RescaleSlope": "-1", "RescaleIntercept": "0", **U12, "VOILUTSequence": [voi]}
    down = shown(tmp_path, np.arange(1, 7, dtype=np.uint16), uid, **header)
    np.testing.assert_allclose(down, [FIFTHS[::-1]], atol=1e-6)
    signed = shown(tmp_path, np.arange(-6, 0, dtype=np.int16), uid, VOILUTSequence=[voi])
    np.testing.assert_allclose(signed, [FIFTHS], atol=1e-6)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("kind", [np.uint16, np.int16])
def test_the_first_value_of_a_modality_lut_has_the_sign_of_the_pixels(tmp_path, syntax, kind):
    """C.11.1.1: the first value is US or SS as Pixel Representation says, the output unsigned."""
    uid, start = SYNTAXES[syntax], 40_000 if kind == np.uint16 else -3
    item = table([0, 1000, 40_000], start, 16, descriptor="US", syntax=uid)
    header = {"ModalityLUTSequence": [item], "WindowCenter": 20_000.5, "WindowWidth": 40_001}
    grey = shown(tmp_path, np.arange(start, start + 3).astype(kind), uid, **header)
    np.testing.assert_allclose(grey, [[0, 0.025, 1]], atol=1e-6)


def test_a_voi_lut_behind_a_modality_lut_is_unsigned(tmp_path):
    """C.11.2.1.1: US if the VOI LUT follows a Modality LUT Sequence, whose output is unsigned."""
    modality = table([39_999, 40_000, 40_005], 0, 16)
    header = {"ModalityLUTSequence": [modality], "VOILUTSequence": [table(RAMP, 40_000, 16)]}
    grey = shown(tmp_path, np.array([0, 1, 2], np.int16), **header)
    np.testing.assert_allclose(grey, [[0, 0, 1]], atol=1e-6)


@pytest.mark.parametrize("vr", ["OW", "US", "SS"])
def test_lut_data_is_unsigned_whatever_its_vr(tmp_path, vr):
    """C.11.1.1 and C.11.2.1.1: the entries are unsigned; 65535 in SS reads as -1."""
    entries = RAMP if vr != "SS" else [(e + 2**15) % 2**16 - 2**15 for e in RAMP]
    grey = shown(tmp_path, np.arange(6, dtype=np.uint16), VOILUTSequence=[table(entries, 0, 16, vr)])
    np.testing.assert_allclose(grey, [FIFTHS], atol=1e-6)


def test_values_outside_get_the_first_and_the_last_entry(tmp_path):
    """C.11.1.1: values below the first value mapped get the first entry, those above the last value the last."""
    grey = shown(tmp_path, np.array([0, 9, 10, 11, 12, 500], np.uint16), VOILUTSequence=[table([51, 102, 204], 10, 8)])
    np.testing.assert_allclose(grey, [[0.2, 0.2, 0.2, 0.4, 0.8, 0.8]], atol=1e-6)


def test_65536_entries_are_stated_as_0(tmp_path):
    """C.11.1.1: when the number of entries is 65,536 the first value is 0."""
    voi = table(np.arange(65_536)[::-1], 0, 16, n=65_536)
    grey = shown(tmp_path, np.array([0, 13_107, 65_535], np.uint16), VOILUTSequence=[voi])
    np.testing.assert_allclose(grey, [[1, 0.8, 0]], atol=1e-6)


def test_65536_entries_of_8_bits_are_bytes(tmp_path):
    """C.11.1.1 and C.7.6.3.1.6: entries of 8 bits in a format of 8 bits allocated."""
    voi = table(np.arange(65_536) // 256, 0, 8, n=65_536, packed=True)
    grey = shown(tmp_path, np.array([0, 256, 65_535], np.uint16), VOILUTSequence=[voi])
    np.testing.assert_allclose(grey, [[0, 1 / 255, 1]], atol=1e-6)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("vr", ["OW", "US"])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("entries", [[0, 51, 102, 255], [0, 51, 255]])
def test_8_bit_entries_stand_in_bytes_or_in_words(tmp_path, syntax, vr, packed, entries):
    """C.11.1.1: 8 bits for each entry; an odd number is padded. Two bytes of a word: the low one first."""
    uid = SYNTAXES[syntax]
    voi = table(entries, 0, 8, vr, packed=packed, syntax=uid)
    grey = shown(tmp_path, np.arange(len(entries), dtype=np.uint16), uid, VOILUTSequence=[voi])
    np.testing.assert_allclose(grey, [np.array(entries) / 255], atol=1e-6)


@pytest.mark.parametrize("bits", range(8, 17))
def test_the_largest_output_is_that_of_the_bits(tmp_path, bits):
    """C.11.2.1.1: the third value, 8 to 16, is the number of bits of the output."""
    top = 2**bits - 1
    grey = shown(tmp_path, np.array([0, 1], np.uint16), VOILUTSequence=[table([top // 5, top], 0, bits)])
    np.testing.assert_allclose(grey, [[(top // 5) / top, 1]], atol=1e-6)


def test_entries_with_more_bits_than_stated_are_not_cut_off(tmp_path):
    """C.11.2.1.1: the entries say how many bits there are where the descriptor says fewer."""
    grey = shown(tmp_path, np.array([0, 1, 2], np.uint16), VOILUTSequence=[table([0, 819, 4095], 0, 8)])
    np.testing.assert_allclose(grey, [[0, 0.2, 1]], atol=1e-6)


@pytest.mark.parametrize("sequence", ["VOILUTSequence", "ModalityLUTSequence"])
@pytest.mark.parametrize("missing", ["LUTData", "LUTDescriptor", "both"])
def test_an_item_without_a_table_is_no_table(tmp_path, sequence, missing):
    """C.11.1, C.11.2: LUT Descriptor and LUT Data are of type 1; the window holds where they are missing."""
    item = table(RAMP, 0, 16)
    for keyword in ("LUTData", "LUTDescriptor") if missing == "both" else (missing,):
        del item[keyword]
    grey = shown(tmp_path, np.array([0, 10, 20], np.uint16), WindowCenter=10.5, WindowWidth=21, **{sequence: [item]})
    np.testing.assert_allclose(grey, [[0, 0.5, 1]], atol=1e-6)


def test_of_several_tables_the_first_that_is_one_holds(tmp_path):
    """C.11.2.1.1: one of several alternative views, the first."""
    items = [Dataset(), table([0, 65_535], 0, 16), table([65_535, 0], 0, 16)]
    grey = shown(tmp_path, np.array([0, 1], np.uint16), VOILUTSequence=items)
    np.testing.assert_array_equal(grey, [[0, 1]])


def test_of_several_windows_the_first_usable_one_holds(tmp_path):
    """C.11.2.1.2: several values of Window Center and Width are alternative views; a width of 0 is none."""
    pixels = np.array([0, 10, 20], np.uint16)
    header = {"WindowCenter": [99, 10.5, 3], "WindowWidth": [0, 21, 3]}
    np.testing.assert_allclose(shown(tmp_path, pixels, **header), [[0, 0.5, 1]], atol=1e-6)


@pytest.mark.parametrize("where", ["PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"])
def test_functional_groups_carry_tables_as_well_as_windows(tmp_path, where):
    """C.7.6.16.2.10 (Frame VOI LUT with LUT): VOI LUT Sequence in Frame VOI LUT Sequence."""
    item = group(VOILUTSequence=[table([65_535, 0], 0, 16)])
    groups = [item, item] if where.startswith("Per") else [item]
    pixels = np.array([[[0, 1]], [[1, 0]]], np.uint16)
    top = {"WindowCenter": 0.5, "WindowWidth": 1}
    found = shown(tmp_path, pixels, frames=2, **{where: groups}, **top)
    np.testing.assert_array_equal(found, [[[1, 0]], [[0, 1]]])


def test_a_frames_own_window_goes_before_a_table_at_the_top(tmp_path):
    """C.7.6.16.2.10: what the functional group states holds for the frame."""
    groups = [group(WindowCenter=10.5, WindowWidth=21), group(WindowCenter=20.5, WindowWidth=41)]
    pixels = np.array([[[0, 10]], [[20, 40]]], np.uint16)
    header = {"PerFrameFunctionalGroupsSequence": groups, "VOILUTSequence": [table([65_535, 0], 0, 16)]}
    found = shown(tmp_path, pixels, frames=2, **header)
    np.testing.assert_allclose(found, [[[0, 0.5]], [[0.5, 1]]], atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(None, [0, 199 / 399, 1]), ("HU", [0, 199 / 399, 1])]
    + [(k, [0, 864 / 1263, 1]) for k in ("MGML", "Z_EFF", "ED", "EDW", "HU_MOD", "PCT", "US", "OD")],
)
def test_only_hounsfield_units_get_the_window_of_ct(tmp_path, kind, expected):
    """C.11.1.1.2: Rescale Type says what the values are; HU alone are Hounsfield units."""
    header = CT if kind is None else {**CT, "RescaleType": kind}
    grey = shown(tmp_path, np.array([[0, 1063, 1263]], np.uint16), **header)
    if kind not in (None, "HU"):
        expected = [0, 1063 / 1263, 1]
    np.testing.assert_allclose(grey, [expected], atol=1e-6)


@pytest.mark.parametrize(
    ("function", "center", "width", "expected"),
    [
        ("LINEAR", 10.5, 21, [0, 0.25, 0.5, 0.75, 1]),  # 10 -+ 10
        ("LINEAR", 10, 1, [0, 0, 1, 1, 1]),  # above 9.5
        ("LINEAR_EXACT", 10, 20, [0, 0.25, 0.5, 0.75, 1]),
        ("LINEAR_EXACT", 10, 0.5, [0, 0, 0.5, 1, 1]),
        ("LINEAR", 10, 0.5, [0, 0, 0.5, 1, 1]),  # narrower than 1: as LINEAR_EXACT
        ("SIGMOID", 10, 20, [1 / (1 + np.exp(-x)) for x in (-2, -1, 0, 1, 2)]),
        ("SOMETHING", 10.5, 21, [0, 0.25, 0.5, 0.75, 1]),  # as LINEAR
        (None, 10.5, 21, [0, 0.25, 0.5, 0.75, 1]),
    ],
)
def test_a_window_is_its_functions_formula(tmp_path, function, center, width, expected):
    """C.11.2.1.2.1 and C.11.2.1.3: LINEAR, SIGMOID and LINEAR_EXACT."""
    header = {} if function is None else {"VOILUTFunction": function}
    pixels = np.array([0, 5, 10, 15, 20], np.uint16)
    grey = shown(tmp_path, pixels, WindowCenter=center, WindowWidth=width, **header)
    np.testing.assert_allclose(grey, [expected], atol=1e-6)


# --- palettes


def coloured(tmp_path, index, tables, first=0, bits=16, syntax=ExplicitVRLittleEndian, segmented=False, vr="OW"):
    """The colours of a PALETTE COLOR file, (rows, columns, 3) in [0, 1]."""
    shown(tmp_path, index, syntax)
    path = tmp_path / "image.dcm"
    ds = pydicom.dcmread(path)
    ds.PhotometricInterpretation = "PALETTE COLOR"
    order = "<" if syntax.is_little_endian else ">"
    for colour, entries in zip(("Red", "Green", "Blue"), tables, strict=True):
        name = f"{colour}PaletteColorLookupTable"
        n = 256 if segmented else len(entries)
        ds.add_new(tag_for_keyword(f"{name}Descriptor"), "SS" if first < 0 else "US", [n % 65_536, first, bits])
        data = np.array(entries, np.uint16)
        if bits == 8:
            data = np.frombuffer(np.array(entries, "u1").tobytes() + b"\0" * (len(entries) % 2), "<u2")
        keyword = f"Segmented{name}Data" if segmented else f"{name}Data"
        ds.add_new(tag_for_keyword(keyword), vr, data.astype(f"{order}u2").tobytes())
    ds.save_as(path)
    return dicom.read_images(path, None, channels=3)[0]


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("first", [0, 5, -5])
def test_palettes_are_words_of_the_files_byte_order(tmp_path, syntax, bits, first):
    """C.7.6.3.1.5-6, PS3.5 A.3: OW; in big endian the words are swapped, so are 8-bit entries two to a word."""
    unit = 1 if bits == 8 else 257
    tables = np.arange(256), 255 - np.arange(256), np.arange(256) * 3 % 256
    kind = np.int16 if first < 0 else np.uint16
    index = np.arange(first, first + 256).astype(kind).reshape(16, 16)
    rgb = coloured(tmp_path, index, [t * unit for t in tables], first, bits, SYNTAXES[syntax])
    expected = np.stack(tables, axis=-1).reshape(16, 16, 3) / 255
    np.testing.assert_allclose(rgb, expected, atol=1e-6)


def test_a_palette_of_more_than_256_entries_of_8_bits_does_not_wrap(tmp_path):
    """C.7.6.3.1.5: the number of entries does not depend on their bits."""
    entries = np.arange(600) // 3
    rgb = coloured(tmp_path, np.array([[0, 299, 599, 800]], np.uint16), [entries] * 3, bits=8)
    np.testing.assert_allclose(rgb[0, :, 0], np.array([0, 99, 199, 199]) / 255, atol=1e-6)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("bits", [8, 16])
def test_segmented_palettes_are_expanded(tmp_path, syntax, bits):
    """C.7.9.2: discrete, linear, and indirect segments; 0 and 10, up to 250 in 24 steps, then the first two again."""
    unit = 1 if bits == 8 else 257
    start = [0, 2, 0, 10 * unit, 1, 24, 250 * unit]
    again = [2, 1, 0, 0] if bits == 16 else [2, 1, 0, 0, 0, 0]
    rest = [1, 228, 10 * unit]
    index = np.array([[0, 1, 2, 25, 26, 27, 255]], np.uint16)
    rgb = coloured(tmp_path, index, [start + again + rest] * 3, bits=bits, syntax=SYNTAXES[syntax], segmented=True)
    np.testing.assert_allclose(rgb[0, :, 0] * 255, [0, 10, 20, 250, 0, 10, 10], atol=1e-3)


@pytest.mark.parametrize("missing", ["RedPaletteColorLookupTableDescriptor", "BluePaletteColorLookupTableData"])
def test_a_palette_without_a_table_is_refused_by_name(tmp_path, missing):
    """C.7.6.3.1: the three descriptors and data are required where Photometric Interpretation is PALETTE COLOR."""
    coloured(tmp_path, np.array([[0, 1]], np.uint16), [[0, 65_535]] * 3)
    ds = pydicom.dcmread(tmp_path / "image.dcm")
    del ds[missing]
    ds.save_as(tmp_path / "image.dcm")
    with pytest.raises(dicom.DicomError, match=missing):
        dicom.read_images(tmp_path / "image.dcm")


def test_a_table_made_by_hand_is_the_bytes_it_should_be():
    item = table([1, 65_535], -3, 16, descriptor="US")
    assert item.LUTData == struct.pack("<2H", 1, 65_535)
    assert list(item.LUTDescriptor) == [2, 65_533, 16]
