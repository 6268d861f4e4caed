"""Folders, tables, splits and .npz files: what comes out, and what is refused with which words."""

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convnet.data import cohort
from convnet.data.cohort import CohortError
from convnet.data.dicom import DicomError
from convnet.data.splits import assign
from convnet.data.table import read_table


@pytest.fixture
def folder(make, tmp_path):
    """folder(table) loads a.dcm ... d.dcm (grey 0, 51, 102, 153; patients SYNTH-a, -a, -b, -b) by a table."""
    for i, name in enumerate("abcd"):
        pixels = np.full((4, 4), 51 * i, np.uint8)
        make(pixels, f"images/sub/{name}.dcm", patient=f"SYNTH-{'aabb'[i]}")

    def load(table, **options):
        path = tmp_path / "labels.csv"
        path.write_bytes(table if isinstance(table, bytes) else table.encode())
        return cohort.load_folder(tmp_path / "images", path, **options)

    return load


HEAD = "path,label,patient,split\n"
GOOD = HEAD + "sub/a.dcm,ill,1,train\nsub/b.dcm,well,2,train\nsub/c.dcm,ill,3,val\nsub/d.dcm,well,4,test\n"


def test_a_folder_and_its_table_become_a_cohort(folder):
    c = folder(GOOD)
    assert c.x.shape == (4, 28, 28, 1)
    assert c.x.dtype == np.float32
    np.testing.assert_array_equal(c.x[:, 0, 0, 0], (np.array([0, 51, 102, 153]) / 255).astype(np.float32))
    assert c.y.dtype == np.int64
    assert (c.y.tolist(), c.classes) == ([0, 1, 0, 1], ("ill", "well"))
    assert c.paths == ["sub/a.dcm", "sub/b.dcm", "sub/c.dcm", "sub/d.dcm"]
    assert c.splits == ["train", "train", "val", "test"]
    assert len(set(c.patients)) == 4
    assert (c.frames.tolist(), c.skipped) == ([0, 0, 0, 0], [])
    assert c.counts() == {
        "train": {"ill": 1, "well": 1},
        "val": {"ill": 1, "well": 0},
        "test": {"ill": 0, "well": 1},
    }
    x, y = c.split("train")
    np.testing.assert_array_equal(x, c.x[:2])
    assert y.tolist() == [0, 1]
    assert c.where("test").tolist() == [3]


@pytest.mark.parametrize(
    "table",
    [
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.replace(",", ";"),
        GOOD.replace(",", "\t"),
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("sub/", "sub\\"),
        GOOD.replace("sub/", "./sub/").replace("path,label", "Path , LABEL"),
    ],
    ids=["BOM", "semicolons", "tabs", "CRLF", "backslashes", "spaces and case"],
)
def test_tables_as_spreadsheets_write_them_are_read(folder, table):
    assert folder(table).paths == folder(GOOD).paths


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (GOOD.encode().replace(b"ill", b"\xe9"), "is not UTF-8: save the table as 'CSV UTF-8'"),
        ("file,label\na,b\n", "expected one column 'path' in the first line, found: file, label"),
        ("path,class\na,b\n", "expected one column 'label'"),
        ("", "expected one column 'path' in the first line, found: nothing"),
        (HEAD, "has no rows"),
        (HEAD + "../a.dcm,ill,1,train\n", "row 2: path '../a.dcm' leaves the folder"),
        (HEAD + "sub/../../a.dcm,ill,1,train\n", "leaves the folder"),
        (HEAD + "/etc/a.dcm,ill,1,train\n", "row 2: path '/etc/a.dcm' leaves the folder"),
        (HEAD + "C:\\a.dcm,ill,1,train\n", "leaves the folder"),
        (HEAD + ",ill,1,train\n", "row 2: the path is empty"),
        (GOOD + "./sub/a.dcm,well,1,train\n", "rows 2 and 6: both name 'sub/a.dcm'"),
        (HEAD + "sub/a.dcm,ill,1,holdout\n", "row 2: split 'holdout' is unknown: expected train, val, test"),
        (HEAD + "sub/a.dcm,ill,1,\n", "split '' is unknown"),
        (HEAD + "sub/a.dcm,ill\n", "row 2: 2 cells, expected 4"),
        (HEAD + 'sub/a.dcm,"ill,1,train\n', "is not a CSV table"),
        (HEAD + "none.dcm,ill,1,train\n", "no image could be used; none.dcm: row 2: no such file"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_the_reason(folder, table, words):
    with pytest.raises(CohortError) as refused:
        folder(table)
    assert words in str(refused.value)


def test_what_cannot_be_read_is_reported_and_the_run_goes_on(folder, tmp_path):
    (tmp_path / "images" / "bad.dcm").write_bytes(b"no image")
    (tmp_path / "images" / "extra.txt").write_text("not listed")
    (tmp_path / "images" / ".hidden").write_text("nobody's")
    table = GOOD.replace("sub/d.dcm,well", "sub/d.dcm,") + "bad.dcm,ill,5,train\ngone.dcm,ill,6,test\n"
    c = folder(table)
    assert c.paths == ["sub/a.dcm", "sub/b.dcm", "sub/c.dcm"]
    reasons = {s.path: s.reason for s in c.skipped}
    assert list(reasons) == ["sub/d.dcm", "bad.dcm", "gone.dcm", "extra.txt"]
    assert reasons["sub/d.dcm"] == "row 5 has an empty label"
    assert "is not" in reasons["bad.dcm"]
    assert reasons["gone.dcm"] == "row 7: no such file"
    assert reasons["extra.txt"] == "is not in the table of labels"


def test_strict_stops_at_the_first_image_that_cannot_be_read(folder):
    with pytest.raises(DicomError, match=r"gone\.dcm: row 6: no such file"):
        folder(GOOD + "gone.dcm,ill,6,test\n", strict=True)


def test_a_patient_in_two_splits_is_an_error_that_names_images_not_patients(folder):
    with pytest.raises(CohortError) as refused:
        folder(GOOD.replace(",4,test", ",1,test"))
    assert str(refused.value) == (
        "1 patient(s) in more than one split, an image of each: sub/a.dcm (train), sub/d.dcm (test)"
    )


def test_without_a_patient_column_the_files_own_patients_count(folder):
    table = "path,label,split\nsub/a.dcm,ill,train\nsub/b.dcm,well,test\n"
    with pytest.raises(CohortError, match=r"1 patient.s. in more than one split") as refused:
        folder(table)
    assert "SYNTH" not in str(refused.value)


def test_the_files_own_patients_get_pseudonyms(folder):
    table = "path,label,split\nsub/a.dcm,ill,train\nsub/b.dcm,well,train\nsub/c.dcm,ill,val\n"
    one, two, three = folder(table).patients
    assert one == two != three
    assert "SYNTH" not in one + three


def test_split_all_puts_every_image_in_one_split(folder):
    assert folder(GOOD, split_all="test").splits == ["test"] * 4


def test_classes_can_be_given_and_an_unknown_label_is_an_error(folder):
    c = folder(GOOD, classes=("well", "other", "ill"))
    assert (c.classes, c.y.tolist()) == (("well", "other", "ill"), [2, 0, 2, 0])
    with pytest.raises(CohortError, match=r"labels 'ill' are none of the classes"):
        folder(GOOD, classes=("well",))


def test_whole_number_classes_are_in_numeric_order(folder):
    c = folder(GOOD.replace("ill", "10").replace("well", "9"))
    assert (c.classes, c.y.tolist()) == (("9", "10"), [1, 0, 1, 0])


def test_progress_counts_every_row(folder):
    seen = []
    folder(GOOD + "gone.dcm,ill,6,test\n", on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_every_frame_of_a_file_is_an_image_of_the_same_patient_and_split(make, folder):
    make(np.zeros((3, 4, 4), np.uint8), "images/loop.dcm", NumberOfFrames=3)
    c = folder(GOOD + "loop.dcm,well,9,train\n")
    assert c.paths[4:] == ["loop.dcm"] * 3
    assert c.frames[4:].tolist() == [0, 1, 2]
    assert c.splits[4:] == ["train"] * 3
    assert c.x.shape[0] == 7


def test_images_of_several_shapes_need_a_size(make, folder):
    make(np.zeros((5, 4), np.uint8), "images/other.dcm")
    table = GOOD + "other.dcm,well,9,train\n"
    with pytest.raises(CohortError, match="images of 2 shapes"):
        folder(table, size=None)
    assert folder(table, size=8).x.shape == (5, 8, 8, 1)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from("ab")), min_size=1, max_size=120),
    st.integers(0, 9),
)
def test_a_drawn_split_exists_whenever_it_can_and_never_parts_a_patient(images, seed):
    groups, labels = [str(g) for g, _ in images], [c for _, c in images]
    # possible if some patient can go to test and every class still has somebody left to train on
    others = [{c for g, c in zip(groups, labels, strict=True) if g != patient} for patient in groups]
    if all(left != set(labels) for left in others):
        with pytest.raises(CohortError):
            assign(groups, labels, sorted(set(labels)), seed)
        return
    splits = assign(groups, labels, sorted(set(labels)), seed)
    assert len(set(zip(groups, splits, strict=True))) == len(set(groups))
    assert splits == assign(groups, labels, sorted(set(labels)), seed)
    for c in set(labels):
        assert "train" in {s for s, label in zip(splits, labels, strict=True) if label == c}


def test_a_drawn_split_is_70_10_20_in_each_class_and_changes_with_the_seed_only():
    labels = ["rare"] * 10 + ["common"] * 90
    splits = assign([""] * 100, labels, ["common", "rare"], seed=3)
    for name, rare, common in (("train", 7, 63), ("val", 1, 9), ("test", 2, 18)):
        assert (splits[:10].count(name), splits[10:].count(name)) == (rare, common)
    assert splits == assign([""] * 100, labels, ["common", "rare"], seed=3)
    assert splits != assign([""] * 100, labels, ["common", "rare"], seed=4)


def test_a_class_that_would_be_missing_from_train_is_an_error():
    with pytest.raises(CohortError, match="no image of class c would be in train"):
        assign([""] * 10, ["a", "b"] * 5, ["a", "b", "c"])


def test_one_patient_alone_cannot_be_split():
    with pytest.raises(CohortError, match=r"1 patient.s. cannot be split: test would be empty"):
        assign(["ANON"] * 10, ["a", "b"] * 5, ["a", "b"])


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
        ({"val_labels": np.zeros((10, 14), np.uint8)}, "expected one whole number an image"),
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
