"""PS3.5 8.1.1: which bits are the pixel, in every transfer syntax; and codestreams beside their header."""

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from convnet.data import dicom
from convnet.data.dicom.decode import stored_bits
from convnet.data.dicom.parse import read_header
from convnet.data.preparation import Preparation
from convnet.data.reading.examine import examine

SYNTAXES = {
    "native": ExplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
    "RLE": RLELossless,
    "JPEG-LS": JPEGLSLossless,
    "JPEG 2000": JPEG2000Lossless,
}
I, J = np.mgrid[:40, :48]
VALUES = ((I * 60 + J * 13) % 4096).astype(np.uint16)
OVERLAY = ((J > 20) & (J < 30)).astype(np.uint16) << 12


def written(make, pixels, syntax, **header):
    """A file whose pixels were encoded with all their bits, its header changed afterwards."""
    path = make(pixels, syntax=syntax if syntax == ExplicitVRBigEndian else None)
    ds = pydicom.dcmread(path)
    if syntax == ExplicitVRBigEndian:
        ds.PixelData = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder(">")).tobytes()
    elif syntax.is_encapsulated:
        ds.compress(syntax)
    for keyword, value in header.items():
        setattr(ds, keyword, value)
    ds.save_as(path)
    return path


def stored(path, frame=0):
    return dicom.steps(path, None, frame=frame)[0].array


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("signed", [False, True])
def test_bits_above_bits_stored_are_no_part_of_the_pixel(make, syntax, signed):
    path = written(make, VALUES | OVERLAY, SYNTAXES[syntax], BitsStored=12, HighBit=11, PixelRepresentation=int(signed))
    expected = np.where(VALUES >= 2048, VALUES.astype(int) - 4096, VALUES) if signed else VALUES
    np.testing.assert_array_equal(stored(path), expected)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_minus_one_stays_minus_one_in_a_container_of_16_bits(make, syntax):
    values = np.where(VALUES % 2, -1, 5).astype(np.int16) & 0x0FFF  # as some writers leave it
    path = written(make, values, SYNTAXES[syntax], BitsStored=12, HighBit=11, PixelRepresentation=1)
    np.testing.assert_array_equal(stored(path), np.where(VALUES % 2, -1, 5))


@pytest.mark.parametrize("syntax", ["native", "big endian", "RLE"])
@pytest.mark.parametrize(("stored_count", "high"), [(12, 15), (12, 13), (10, 11), (8, 15)])
@pytest.mark.parametrize("signed", [False, True])
def test_a_pixel_whose_high_bit_is_not_the_lowest_possible_is_read_where_it_stands(
    make, syntax, stored_count, high, signed
):
    values = VALUES % 2**stored_count
    noise = (VALUES % 3).astype(np.uint16)
    placed = values << (high + 1 - stored_count)
    if high < 15:
        placed = placed | noise << (high + 1)
    if high + 1 > stored_count:
        placed = placed | (noise & 1)
    header = {"BitsStored": stored_count, "HighBit": high, "PixelRepresentation": int(signed)}
    path = written(make, placed.astype(np.uint16), SYNTAXES[syntax], **header)
    half = 2 ** (stored_count - 1)
    expected = np.where(values >= half, values.astype(int) - 2 * half, values) if signed else values
    np.testing.assert_array_equal(stored(path), expected)


@pytest.mark.parametrize(("syntax", "high"), [("JPEG-LS", 15), ("JPEG 2000", 13), ("native", 10), ("native", 16)])
def test_a_high_bit_that_cannot_be_is_refused(make, syntax, high):
    path = written(make, VALUES, SYNTAXES[syntax], BitsStored=12, HighBit=high)
    with pytest.raises(dicom.DicomError, match=f"HighBit {high} with BitsStored 12"):
        dicom.read_images(path)


def test_what_a_lossy_coder_rounds_beyond_the_largest_value_becomes_the_largest():
    over = np.array([0, 4000, 4095, 4100], np.uint16)
    np.testing.assert_array_equal(stored_bits(over, 12, 11, lossy=True), [0, 4000, 4095, 4095])
    overlay = np.array([5, 4096 + 5, 4100, 8000], np.uint16)
    np.testing.assert_array_equal(stored_bits(overlay, 12, 11, lossy=True), overlay & 4095)


# --- sizes that contradict each other


@pytest.mark.parametrize("syntax", ["JPEG-LS", "JPEG 2000"])
@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"Rows": 48, "Columns": 40}, "holds 40 x 48 pixels, the header states 48 x 40"),
        ({"Rows": 20, "Columns": 48}, "holds 40 x 48 pixels, the header states 20 x 48"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}, "holds 1 samples"),
        ({"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}, "holds 16 bits a sample, the header allocates 8"),
    ],
)
def test_a_codestream_of_another_image_than_stated_is_refused(make, syntax, header, reason):
    path = written(make, VALUES, SYNTAXES[syntax], **header)
    with pytest.raises(dicom.DicomError, match=reason):
        dicom.read_images(path)


def several(make, arrays, syntax, table=True, **header):
    """A file of one compressed frame for each array, whatever their shapes."""
    streams = []
    for array in arrays:
        ds = pydicom.dcmread(make(array))
        ds.compress(syntax)
        streams.append(get_frame(ds.PixelData, 0, number_of_frames=1))
    ds.Rows, ds.Columns = arrays[0].shape
    ds.NumberOfFrames = len(arrays)
    ds.PixelData = encapsulate(streams, has_bot=table)
    for keyword, value in header.items():
        setattr(ds, keyword, value)
    path = make(arrays[0])
    ds.save_as(path)
    return path


GREYS = [np.full((40, 48), 20 * k + 10, np.uint8) for k in range(5)]


@pytest.mark.parametrize("syntax", ["JPEG-LS", "JPEG 2000", "RLE"])
@pytest.mark.parametrize("table", [True, False])
def test_more_frames_than_stated_are_all_read(make, syntax, table):
    path = several(make, GREYS, SYNTAXES[syntax], table, NumberOfFrames=3)
    images = dicom.read_images(path, None)
    np.testing.assert_allclose([image[0, 0] for image in images], [(20 * k + 10) / 255 for k in range(5)], atol=1e-6)


@pytest.mark.parametrize("syntax", ["JPEG-LS", "JPEG 2000"])
@pytest.mark.parametrize("table", [True, False])
def test_frames_of_a_file_that_states_one_are_not_one_frame_in_pieces(make, syntax, table):
    path = several(make, GREYS[:3], SYNTAXES[syntax], table, NumberOfFrames=1)
    assert len(dicom.read_images(path, None)) == 3


def test_a_frame_in_pieces_is_one_frame(make):
    path = written(make, VALUES, JPEG2000Lossless)
    ds = pydicom.dcmread(path)
    stream = get_frame(ds.PixelData, 0, number_of_frames=1)
    for table in (True, False):
        ds.PixelData = encapsulate([stream], fragments_per_frame=3, has_bot=table)
        ds.save_as(path)
        np.testing.assert_array_equal(stored(path), VALUES)


def test_uncompressed_frames_beyond_those_stated_are_all_read(make):
    frames = np.stack(GREYS)
    for stated in (1, 3):
        images = dicom.read_images(make(frames, NumberOfFrames=stated), None)
        np.testing.assert_allclose([i[0, 0] for i in images], [(20 * k + 10) / 255 for k in range(5)], atol=1e-6)


def test_bytes_that_are_no_whole_frame_are_padding(make):
    path = make(np.stack(GREYS), NumberOfFrames=5)
    ds = pydicom.dcmread(path)
    ds.PixelData = ds.PixelData + b"\0" * 1000
    ds.save_as(path)
    assert len(dicom.read_images(path, None)) == 5


def good_and_bad(path):
    """({frame: grey}, {frame: reason}) of a file."""
    found = list(dicom.each_frame(read_header(path), path, Preparation(None)))
    bad = {n: image.reason for n, image in enumerate(found) if isinstance(image, dicom.DicomError)}
    return {n: round(float(image[0, 0]) * 255) for n, image in enumerate(found) if n not in bad}, bad


@pytest.mark.parametrize("kind", ["native", "JPEG-LS"])
def test_a_frame_that_is_stated_and_missing_is_refused_by_its_number_alone(make, kind):
    if kind == "native":
        path = make(np.stack(GREYS), NumberOfFrames=7)
    else:
        path = several(make, GREYS, SYNTAXES[kind], NumberOfFrames=7)
    good, bad = good_and_bad(path)
    assert good == {k: 20 * k + 10 for k in range(5)}
    assert list(bad) == [5, 6]
    assert bad[6].startswith("frame 6 of 7, counted from 0: ")
    with pytest.raises(dicom.DicomError, match="frame 5 of 7"):
        dicom.read_images(path)


def test_an_edge_tile_of_another_size_is_refused_by_its_number_alone(make):
    path = several(make, [*GREYS[:3], GREYS[3][:, :20].copy(), GREYS[4]], JPEGLSLossless)
    good, bad = good_and_bad(path)
    assert good == {0: 10, 1: 30, 2: 50, 4: 90}
    assert "frame 3 of 5, counted from 0: its codestream holds 40 x 20 pixels" in bad[3]


@pytest.mark.parametrize("pictures", [False, True])
def test_diagnose_gets_the_other_frames_and_the_reason_in_the_frames_place(make, pictures):
    path = several(make, [*GREYS[:3], GREYS[3][:, :20].copy(), GREYS[4]], JPEGLSLossless)
    _, *frames = examine(path, Preparation(28).to_plain(), pictures)
    assert [isinstance(frame, str) for frame in frames] == [False, False, False, True, False]
    assert frames[3].startswith("frame 3 of 5")


def test_a_damaged_frame_is_refused_by_its_number_alone(make):
    path = several(make, GREYS, JPEG2000Lossless)
    ds = pydicom.dcmread(path)
    streams = [get_frame(ds.PixelData, k, number_of_frames=5) for k in range(5)]
    streams[1] = streams[1][:60] + b"\0\0"
    ds.PixelData = encapsulate(streams)
    ds.save_as(path)
    good, bad = good_and_bad(path)
    assert set(good) == {0, 2, 3, 4}
    assert "cannot be decoded" in bad[1]


def test_a_file_without_one_sound_frame_is_refused_as_a_whole(make):
    path = several(make, GREYS[:2], JPEGLSLossless, Rows=41)
    with pytest.raises(dicom.DicomError, match="frame 0 of 2"):
        list(dicom.each_frame(read_header(path), path, Preparation(None)))


@pytest.mark.parametrize("odd", [False, True])
def test_frames_of_8_bits_in_big_endian_words_are_read_in_order(make, odd):
    columns = 7 if odd else 8
    frames = np.arange(3 * 3 * columns, dtype=np.uint8).reshape(3, 3, columns)
    path = make(frames, NumberOfFrames=3, syntax=ExplicitVRBigEndian)
    ds = pydicom.dcmread(path)
    raw = frames.tobytes() + b"\0" * (frames.size % 2)
    ds.PixelData = bytes(raw[i ^ 1] for i in range(len(raw)))
    ds["PixelData"].VR = "OW"
    ds.save_as(path)
    for k in range(3):
        np.testing.assert_array_equal(stored(path, k), frames[k])


def test_frames_of_one_bit_need_not_begin_with_a_byte(make):
    frames = np.random.default_rng(0).integers(0, 2, (3, 5, 7)).astype(np.uint8)
    path = make(np.zeros((5, 7), np.uint8), NumberOfFrames=3)
    ds = pydicom.dcmread(path)
    ds.BitsAllocated = ds.BitsStored = 1
    ds.HighBit = 0
    raw = np.packbits(frames.ravel(), bitorder="little").tobytes()
    ds.PixelData = raw + b"\0" * (len(raw) % 2)
    ds.save_as(path)
    for k in range(3):
        np.testing.assert_array_equal(stored(path, k), frames[k])
