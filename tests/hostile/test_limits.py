"""What a file may cost is known before its pixels are decoded."""

import io
import os
import tracemalloc
import zlib

import numpy as np
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from convnet.data import dicom, limits
from convnet.data.cohort.write import new_image
from convnet.data.errors import DicomError
from convnet.data.limits import Limits, parse_limits

resource = pytest.importorskip("resource", reason="POSIX")


@pytest.fixture
def lowered():
    """lowered(file=100) sets this process's limits for one test."""
    before = limits.current()
    yield lambda **few: limits.apply(Limits(**few))
    limits.apply(before)


@pytest.fixture
def image(tmp_path):
    """image(Keyword=value) -> the path of a plain 20 x 20 file."""

    def make(**header):
        ds = new_image("1.2.840.10008.5.1.4.1.1.4", np.arange(400, dtype=np.int16).reshape(20, 20), "S", "k", "MR")
        for keyword, value in header.items():
            setattr(ds, keyword, value)
        ds.save_as(tmp_path / "image.dcm", enforce_file_format=True)
        return tmp_path / "image.dcm"

    return make


def deflated(path, zeros=0):
    """The same file, deflated, with an element of so many zeros at its end."""
    ds = pydicom.dcmread(path)
    if zeros:
        ds.add_new(0x7FE00020, "OB", bytes(zeros))
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    ds.save_as(path, enforce_file_format=True)
    return path


def test_a_file_beyond_the_size_limit_is_refused_unread(image, lowered):
    path = image()
    lowered(file=path.stat().st_size)
    assert len(dicom.read_images(path)) == 1
    lowered(file=path.stat().st_size - 1)
    with pytest.raises(DicomError, match=r"has 1\.\d+ KiB, the limit is .*: raise it with --limit file=\.\.\. if you"):
        dicom.read_images(path)


def test_a_deflated_file_is_read_up_to_its_limit_and_refused_beyond(image, lowered):
    plain = dicom.read_images(image())[0]
    path = deflated(image(), zeros=2**20)
    np.testing.assert_array_equal(dicom.read_images(path)[0], plain)
    lowered(inflated=2**20 + 4000)
    np.testing.assert_array_equal(dicom.read_images(path)[0], plain)
    lowered(inflated=2**20)
    with pytest.raises(DicomError, match="unfolds to more than the limit of 1 MiB: raise it with --limit inflated"):
        dicom.read_images(path)


def test_a_bomb_is_refused_without_being_unfolded(image, lowered):
    dicom.describe(image())  # what is imported is not counted
    path = deflated(image(), zeros=2**26)
    assert path.stat().st_size < 2**18
    lowered(inflated=2**24)
    tracemalloc.start()
    with pytest.raises(DicomError, match="unfolds"):
        dicom.describe(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**24


def test_a_damaged_deflated_file_is_refused(image):
    path = deflated(image())
    data = path.read_bytes()
    path.write_bytes(data[:-20])
    with pytest.raises(DicomError, match="is not DICOM, or is damaged"):
        dicom.read_images(path)


@pytest.mark.parametrize("extent", [(65535, 65535, 1), (20, 20, 10_000), (40_000, 30_000, 1)])
def test_more_pixels_than_the_limit_are_refused_before_decoding(image, extent, monkeypatch):
    rows, columns, frames = extent
    monkeypatch.setattr(dicom, "decode", lambda *_: pytest.fail("decoded"))
    path = image(Rows=rows, Columns=columns, NumberOfFrames=frames)
    limits.apply(Limits(values=20 * 20 * 10_000 - 1))
    try:
        with pytest.raises(DicomError, match=rf"states {rows} x {columns} x 1 x {frames} pixel values, the limit is"):
            dicom.read_images(path)
    finally:
        limits.apply(Limits())


def test_more_frames_than_the_limit_are_refused(image):
    with pytest.raises(DicomError, match="states 10001 frames, the limit is 10000: raise it with --limit frames"):
        dicom.read_images(image(NumberOfFrames=10_001))


def test_a_length_that_lies_allocates_no_more_than_there_is(tmp_path, image):
    data = bytearray(image().read_bytes())
    at = data.index(b"\xe0\x7f\x10\0OW\0\0") + 8  # Pixel Data
    data[at : at + 4] = (2**32 - 2).to_bytes(4, "little")
    (tmp_path / "lies.dcm").write_bytes(data)
    before = resource.getrlimit(resource.RLIMIT_AS)
    with limits.opened(tmp_path / "lies.dcm") as file:
        assert len(file.read(2**40)) == len(data)
        assert file.read(2**40) == b""
        file.seek(0)
        assert file.read() == bytes(data)
    np.testing.assert_array_equal(dicom.read_images(tmp_path / "lies.dcm"), dicom.read_images(image()))
    assert resource.getrlimit(resource.RLIMIT_AS) == before  # limits are for workers


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.dcm")
    for path in (tmp_path / "pipe.dcm", "/dev/zero", tmp_path):
        with pytest.raises(DicomError, match=r"is no file \(a folder, a pipe or a device\)|Is a directory"):
            dicom.read_images(path)


def test_the_meta_header_is_searched_for_the_deflated_syntax_wherever_it_stands(image):
    path = deflated(image())
    with path.open("rb") as file:
        assert limits.deflated(file)
        rest = file.read()
    assert zlib.decompressobj(-15).decompress(rest)[:2] == b"\x08\0"  # it stands where the data set begins
    assert not limits.deflated(io.BytesIO(image().read_bytes()))
    assert not limits.deflated(io.BytesIO(b""))


def test_limits_are_changed_by_name_with_units():
    got = parse_limits(["memory=4G", "seconds=2.5", "file= 10 MiB", "frames=20"])
    assert got == Limits(memory=4 * 2**30, seconds=2.5, file=10 * 2**20, frames=20)
    assert parse_limits([]) == Limits()


@pytest.mark.parametrize(
    "setting", ["memory", "memory=", "memory=lots", "size=3", "seconds=0", "memory=-1", "file=1e9"]
)
def test_a_setting_that_makes_no_sense_is_refused_with_what_would(setting):
    with pytest.raises(ValueError, match="--limit"):
        parse_limits([setting])


def test_an_archive_that_unfolds_to_more_than_is_read_into_memory_is_refused(tmp_path):
    from convnet.data import cohort

    arrays = {f"{s}_images": np.zeros((10, 28, 28), np.uint8) for s in ("train", "val", "test")}
    arrays |= {f"{s}_labels": np.arange(10) % 2 for s in ("train", "val", "test")}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    assert len(cohort.load_npz(tmp_path / "a.npz").y) == 30
    with pytest.raises(cohort.CohortError, match=r"a\.npz: unfolds to 23\.\d+ KiB: more than the limit of 19\.\d+ KiB"):
        cohort.load_npz(tmp_path / "a.npz", limits=Limits(arrays=20_000))
