"""NIfTI, NRRD and MetaImage files: their slices, values and place in the patient are SimpleITK's and nibabel's."""

import gzip
import struct
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from convnet.data import limits as bounds
from convnet.data.cohort import load_folder
from convnet.data.dicom.pipeline import last
from convnet.data.errors import DicomError
from convnet.data.limits import Limits
from convnet.data.preparation import PLANES, Preparation
from convnet.data.reading import tasks
from convnet.data.reading.kinds import open_source
from convnet.data.reading.readers import Readers
from tests.data.volume_files import TURNS, seen, volume

NAMES = ("a.nii", "a.nii.gz", "a.nrrd", "a.mha")


def written(tmp_path, name="a.nii", turn="as DICOM", compressed=False, dtype=np.int16):
    sitk.WriteImage(volume(turn, dtype), str(tmp_path / name), compressed)
    return str(tmp_path / name)


def images(path, **settings):
    preparation = Preparation(**{"size": None, **settings})
    source = open_source(path)
    return [last(source.stages(number, preparation)).array for number in source.numbers(preparation)]


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "compressed"])
@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("name", NAMES)
def test_slices_are_turned_as_an_independent_library_turns_them(tmp_path, name, turn, compressed):
    path = written(tmp_path, name, turn, compressed)
    for plane in PLANES:
        expected, spacing = seen(path, plane)
        found, pixels = open_source(path).volume.view(plane)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_allclose(pixels, spacing, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_grey_is_the_whole_volumes_range_in_every_slice(tmp_path, name):
    path = written(tmp_path, name, "tilted")
    expected, _ = seen(path, "axial")
    low, high = expected.min(), expected.max()
    for number, values in enumerate(expected):
        stages = {s.name: s.array for s in open_source(path).stages(number, Preparation(None))}
        np.testing.assert_allclose(stages["window"], (values - float(low)) / float(high - low), atol=1e-12)


def test_a_given_window_means_what_it_means_for_dicom(tmp_path, make):
    values = np.arange(-50, 50, dtype=np.int16).reshape(10, 10)
    dicom = make(values, Modality="CT", RescaleSlope=1, RescaleIntercept=0, RescaleType="HU")
    nib.save(nib.Nifti1Image(values.T[:, :, None], np.diag([-1, -1, 1, 1])), tmp_path / "a.nii")
    for window in ((0.0, 40.0), (3.0, 1.0), (0.0, 0.5)):
        (one,), (two,) = images(str(dicom), window=window), images(str(tmp_path / "a.nii"), window=window)
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("slope", "intercept", "expected"),
    [(2.0, -5.0, (2.0, -5.0)), (0.0, 7.0, (1.0, 0.0)), (float("nan"), 7.0, (1.0, 0.0)), (-1.0, 0.0, (-1.0, 0.0))],
)
def test_the_rules_of_scl_slope_are_nibabels(tmp_path, slope, intercept, expected):
    path = tmp_path / "a.nii"
    nib.save(nib.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.eye(4)), path)
    data = bytearray(path.read_bytes())
    data[112:120] = struct.pack("<ff", slope, intercept)  # scl_slope, scl_inter
    path.write_bytes(data)
    found = open_source(str(path)).volume
    assert (found.slope, found.intercept) == expected
    np.testing.assert_allclose(found.slope * found.stored + found.intercept, nib.load(path).get_fdata())


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4", "f8"])
def test_every_kind_of_number_in_either_byte_order(tmp_path, kind, order, dtype):
    values = np.arange(24).reshape(2, 3, 4).astype(order + dtype)
    header = kind.header_class(endianness=order)
    header.set_data_dtype(values.dtype)
    nib.save(kind(values, np.eye(4), header), tmp_path / "a.nii")
    found = open_source(str(tmp_path / "a.nii")).volume
    np.testing.assert_array_equal(found.stored, values)
    assert found.letters() == "RAH"


def test_the_range_that_a_file_asks_for_is_used(tmp_path):
    image = nib.Nifti1Image(np.arange(8, dtype=np.int16).reshape(2, 2, 2), np.eye(4))
    image.header["cal_min"], image.header["cal_max"] = 2, 4
    nib.save(image, tmp_path / "a.nii")
    found = np.stack(
        [
            s.array
            for n in (0, 1)
            for s in open_source(str(tmp_path / "a.nii")).stages(n, Preparation(None))
            if s.name == "window"
        ]
    )
    np.testing.assert_allclose(np.sort(found.ravel()), np.clip((np.arange(8) - 2) / 2, 0, 1))


def test_without_an_orientation_slices_are_as_stored_and_it_is_said(tmp_path):
    image = nib.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), None)
    image.header["sform_code"] = image.header["qform_code"] = 0
    nib.save(image, tmp_path / "a.nii")
    source = open_source(str(tmp_path / "a.nii"))
    assert source.volume.affine is None
    np.testing.assert_array_equal(source.volume.view("axial")[0], np.arange(24).reshape(2, 3, 4).transpose(2, 1, 0))
    assert source.remarks() == [
        "the file states no orientation: its slices are shown as they are stored, along its third axis as axial"
    ]
    assert source.describe()["orientation"] is None


@pytest.mark.parametrize(
    ("slices", "expected"),
    [
        ("axial", [0, 1, 2, 3, 4]),
        ("axial:1", [2]),
        ("axial:2", [1, 3]),
        ("axial:9", [0, 1, 2, 3, 4]),
        ("sagittal:3", [1, 4, 7]),
    ],
)
def test_a_choice_of_slices_is_spread_evenly_about_the_middle(tmp_path, slices, expected):
    assert list(open_source(written(tmp_path)).numbers(Preparation(slices=slices))) == expected


def test_a_choice_of_slices_that_is_none_is_refused():
    for text in ("", "axial:", "axial:0", "axial:x", "oblique", "axial:-1", None, 3):
        with pytest.raises(ValueError, match="slices="):
            Preparation(slices=text)


def test_a_cohort_holds_the_chosen_slices_by_their_own_numbers(tmp_path):
    for n in range(6):
        written(tmp_path, f"{n}.nii.gz")
    (tmp_path / "labels.csv").write_text("path,label\n" + "".join(f"{n}.nii.gz,{'ab'[n % 2]}\n" for n in range(6)))
    for cache in (False, True):
        found = load_folder(tmp_path, tmp_path / "labels.csv", size=8, slices="axial:2", split_all="test", cache=cache)
        assert found.frames.tolist() == [1, 3] * 6
        assert len(set(found.groups().tolist())) == 6  # a volume's slices stay together


def refusals(tmp_path):
    """name, bytes, the words of the refusal"""
    plain = Path(written(tmp_path, "plain.nii")).read_bytes()
    yield "four.nii", four(tmp_path), "several volumes in one file"
    yield "pair.nii", plain[:344] + b"ni1\0" + plain[348:], "pair .hdr and .img"
    yield "short.nii", plain[:-1], "ends too early"
    yield "far.nii", plain[:108] + struct.pack("<f", 1e9) + plain[112:], "begin at byte"
    yield "nowhere.nii", plain[:108] + struct.pack("<f", float("nan")) + plain[112:], "begin at byte"
    yield "slope.nii", plain[:112] + struct.pack("<f", float("inf")) + plain[116:], "scl_slope"
    yield "colours.nii", plain[:70] + struct.pack("<hh", 128, 24) + plain[74:], "expected plain numbers"
    yield "none.nii", b"\0" * 400, "not a NIfTI file"
    yield "cut.nii.gz", gzip.compress(plain)[:-9], "end too early"
    yield "nan.nii", numbers(tmp_path, np.nan), "not numbers"
    mha = Path(written(tmp_path, "plain.mha")).read_bytes()
    yield "two.mha", mha.replace(b"ElementDataFile = LOCAL", b"ElementDataFile = /etc/passwd"), "another file"
    yield "flat.mha", mha.replace(b"TransformMatrix = 1 0 0", b"TransformMatrix = 0 0 0"), "do not span space"
    yield "words.mha", mha.replace(b"ElementSpacing = 0.5", b"ElementSpacing = half"), "no numbers"
    yield "many.mha", mha.replace(b"DimSize = 9 7 5", b"DimSize = 9 7 5 4 3"), "expected one volume"
    yield "none.mha", b"hello", "not a MetaImage file"
    nrrd = Path(written(tmp_path, "plain.nrrd")).read_bytes()
    yield "far.nrrd", nrrd.replace(b"encoding: raw", b"encoding: raw\ndata file: /etc/passwd"), "states 'data file'"
    yield "hex.nrrd", nrrd.replace(b"encoding: raw", b"encoding: hex"), "expected raw or gzip"
    yield (
        "rgb.nrrd",
        nrrd.replace(b"kinds: domain domain domain", b"kinds: RGB-color domain domain"),
        "an axis of colours",
    )
    yield "none.nrrd", b"hello", "not an NRRD file"
    yield "a.mhd", b"", "save it as one .mha"
    yield "a.7z", b"", "is an archive"


def four(tmp_path):
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2, 3), np.int16), np.eye(4)), tmp_path / "4d.nii")
    return (tmp_path / "4d.nii").read_bytes()


def numbers(tmp_path, value):
    nib.save(nib.Nifti1Image(np.full((2, 2, 2), value, np.float32), np.eye(4)), tmp_path / "f.nii")
    return (tmp_path / "f.nii").read_bytes()


def test_what_is_not_one_plain_volume_is_refused_by_name(tmp_path):
    for name, data, reason in list(refusals(tmp_path)):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(DicomError, match=reason):
            images(str(path))


@pytest.fixture
def strict_limits():
    yield bounds.apply
    bounds.apply(Limits())


def test_a_bomb_is_refused_before_it_unfolds(tmp_path, strict_limits):
    plain = Path(written(tmp_path, "plain.nii")).read_bytes()
    (tmp_path / "bomb.nii.gz").write_bytes(gzip.compress(plain[:352] + bytes(2**24)))
    strict_limits(Limits(inflated=2**20))
    with pytest.raises(DicomError, match="--limit inflated"):
        images(str(tmp_path / "bomb.nii.gz"))
    huge = plain[:40] + struct.pack("<8h", 3, 32767, 32767, 32767, 1, 1, 1, 1) + plain[56:]
    (tmp_path / "huge.nii").write_bytes(huge)
    with pytest.raises(DicomError, match="--limit values"):
        images(str(tmp_path / "huge.nii"))


def test_a_worker_reads_volumes_and_names_what_may_identify(tmp_path):
    image = nib.Nifti1Image(np.arange(8, dtype=np.int16).reshape(2, 2, 2), np.eye(4))
    image.header["descrip"] = b"Zebralowitz"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"born 1937"))
    nib.save(image, tmp_path / "a.nii")
    with Readers(workers=1) as readers:
        about, *found, _ = readers.read(tasks.labelled_images, tmp_path / "a.nii", Preparation(8).to_plain())
        (told,) = readers.read(tasks.identifying, tmp_path / "a.nii")
    assert about["numbers"] == [0, 1]
    assert [image.shape for image in found] == [(8, 8)] * 2
    assert told["fields"] == ["descrip", "extension: comment"]
    assert "Zebra" not in str(told)
