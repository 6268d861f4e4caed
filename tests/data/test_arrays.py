"""Cohorts of arrays and .npz files, and cohorts written as DICOM."""

import numpy as np
import pydicom
import pytest

from convnet.data import cohort
from convnet.data.cohort import CohortError
from convnet.data.cohort.table import read_table


def arrays(n=10, **changes):
    """The arrays of a small MedMNIST file."""
    rng = np.random.default_rng(0)
    out = {}
    for name in ("train", "val", "test"):
        out[f"{name}_images"] = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        out[f"{name}_labels"] = (np.arange(n) % 2).astype(np.uint8)[:, None]
    return {k: v for k, v in {**out, **changes}.items() if v is not None}


def test_an_npz_is_its_pixels_over_255(tmp_path):
    data = arrays()
    np.savez(tmp_path / "a.npz", **data)
    c = cohort.load(tmp_path / "a.npz")
    np.testing.assert_array_equal(c.split("val")[0][..., 0], (data["val_images"] / 255).astype(np.float32))
    assert c.split("val")[1].tolist() == [0, 1] * 5
    assert c.classes == ("0", "1")


def test_a_colour_npz_becomes_luminance(tmp_path):
    rgb = np.random.default_rng(1).integers(0, 256, (10, 28, 28, 3), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", **arrays(train_images=rgb))
    got = cohort.load_npz(tmp_path / "a.npz").split("train")[0][..., 0]
    np.testing.assert_allclose(got, rgb @ [0.299, 0.587, 0.114] / 255, atol=1e-6)


def test_an_npz_of_another_size_is_resized(tmp_path):
    big = {f"{name}_images": np.full((10, 56, 56), 51, np.uint8) for name in ("train", "val", "test")}
    np.savez(tmp_path / "a.npz", **arrays(**big))
    x = cohort.load_npz(tmp_path / "a.npz").x
    assert x.shape == (30, 28, 28, 1)
    np.testing.assert_allclose(x, 0.2, rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"val_images": None}, "is not a MedMNIST file: val_images missing"),
        ({"val_labels": np.zeros((10, 14), np.uint8)}, "expected as many labels an image as train"),
        ({"val_labels": np.full((10, 14), 7, np.uint8)}, "or 0 and 1 for each of several findings"),
        ({"val_labels": np.zeros((9, 1), np.uint8)}, "10 val_images but 9 val_labels"),
        ({"val_images": np.zeros((10, 28, 28), np.int32)}, "val_images has type int32: expected uint8"),
        ({"val_images": np.zeros((10, 28), np.uint8)}, "val_images has shape (10, 28)"),
        ({"val_images": np.array([{}] * 10, object)}, "is not an .npz file of plain arrays"),
    ],
)
def test_a_foreign_npz_is_refused_with_the_reason(tmp_path, changes, words):
    np.savez(tmp_path / "a.npz", **arrays(**changes))
    with pytest.raises(CohortError) as refused:
        cohort.load_npz(tmp_path / "a.npz")
    assert words in str(refused.value)


@pytest.mark.parametrize("at", [0, 50, 3000, -30])
def test_a_damaged_npz_is_refused(tmp_path, at):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, **arrays())
    data = bytearray(path.read_bytes())
    path.write_bytes(data[: len(data) // 2] if at == 0 else data[:at] + b"\xff" * 20 + data[at:][20:])
    with pytest.raises(CohortError, match=r"a\.npz"):
        cohort.load_npz(path)


@pytest.mark.parametrize(
    ("source", "words"), [("none", "does not exist"), ("a.txt", "neither a folder nor an .npz file")]
)
def test_a_source_that_is_neither_is_refused(tmp_path, source, words):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(CohortError, match=words):
        cohort.load(tmp_path / source)


@pytest.mark.parametrize("bad", [np.array([[[1.5]]]), np.array([[[np.nan]]]), np.array([[[-0.1]]])])
def test_arrays_outside_0_to_1_are_refused(bad):
    with pytest.raises(CohortError, match="expected float values in"):
        cohort.from_arrays(bad, [0], splits=["train"])


def test_arrays_become_a_cohort_with_a_drawn_split():
    x = np.zeros((20, 6, 6), np.uint8)
    c = cohort.from_arrays(x, np.arange(20) % 2, patients=[str(i // 2) for i in range(20)])
    assert c.x.shape == (20, 6, 6, 1)
    assert len(set(zip(c.patients, c.splits, strict=True))) == 10
    with pytest.raises(CohortError, match="20 images but 3 labels"):
        cohort.from_arrays(x, [0, 1, 0])


def same(a, b):
    """Two cohorts hold the same images, labels and splits, bit for bit."""
    np.testing.assert_array_equal(a.x, b.x, strict=True)
    np.testing.assert_array_equal(a.y, b.y, strict=True)
    assert (a.classes, a.splits) == (b.classes, b.splits)


def test_every_8_bit_grey_survives_being_written_as_dicom(tmp_path):
    x = np.arange(3 * 28 * 28).reshape(3, 28, 28).astype(np.uint8)
    c = cohort.from_arrays(x, ["b", "a", "b"], splits=["test", "train", "train"], patients=["u", "v", "v"])
    table = cohort.write_dicom(c, tmp_path / "out")
    again = cohort.load(tmp_path / "out")
    same(c, again)
    assert again.patients[0] != again.patients[1] == again.patients[2]
    assert [r.path for r in read_table(table)] == again.paths


def test_a_grey_between_two_8_bit_values_is_written_as_the_nearest(tmp_path):
    x = np.array([[[10.4, 10.6]]]) / 255
    cohort.write_dicom(cohort.from_arrays(x, [0], splits=["train"]), tmp_path / "out")
    again = cohort.load(tmp_path / "out", size=None).x
    np.testing.assert_array_equal(again.ravel(), (np.array([10, 11]) / 255).astype(np.float32))


def test_written_files_depend_on_the_seed_alone(tmp_path):
    c = cohort.from_arrays(np.zeros((2, 4, 4), np.uint8), [0, 0], splits=["train", "test"])
    uids = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        cohort.write_dicom(c, tmp_path / name, seed=seed)
        uids.append([pydicom.dcmread(p).SOPInstanceUID for p in sorted((tmp_path / name).rglob("*.dcm"))])
    assert uids[0] == uids[1]
    assert len({uid for some in uids for uid in some}) == 4


def test_written_files_do_not_overwrite(tmp_path):
    c = cohort.from_arrays(np.zeros((1, 4, 4), np.uint8), [0], splits=["train"])
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(CohortError, match="not an empty folder"):
        cohort.write_dicom(c, tmp_path)


def test_breastmnist_as_780_dicom_files_equals_the_npz(breastmnist, tmp_path):
    c = cohort.load(breastmnist)
    assert (len(c.y), c.classes) == (780, ("0", "1"))
    cohort.write_dicom(c, tmp_path / "study", modality="US")
    same(c, cohort.load(tmp_path / "study", strict=True))
