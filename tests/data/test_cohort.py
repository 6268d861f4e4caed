"""Folders and their tables: what comes out, and what is refused with which words."""

import numpy as np
import pytest

from convnet.data import cohort
from convnet.data.cohort import CohortError
from convnet.data.dicom import DicomError


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
        (HEAD + "sub/a.dcm,ill,1,future\n", "row 2: split 'future' is unknown: expected train, val, test"),
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
    assert reasons["sub/d.dcm"] == "row 5 has an empty label (nothing, or NaN)"
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
