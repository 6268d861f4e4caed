"""The table of labels: its columns, spellings, absolute paths, workbooks, and labels that are probably not meant."""

import pytest

from convnet.data.cohort import CohortError
from convnet.data.cohort.labels import alike, describe_labels, measured, multiple
from convnet.data.cohort.table import Columns, read_table


def written(tmp_path, text, name="labels.csv"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


def test_columns_may_have_other_names(tmp_path):
    table = written(tmp_path, "Image File,Finding Labels,Patient ID,Fold,label\na.png,Mass,7,Training,x\n")
    (row,) = read_table(table, Columns("image file", "Finding Labels", "PATIENT ID", "fold"))
    assert (row.path, row.label, row.patient, row.split) == ("a.png", "Mass", "7", "train")


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        (Columns(path="file"), "expected one column 'file' in the first line, found: path, label; --path-column names"),
        (Columns(label="finding"), "one column 'finding'"),
        (Columns(patient="person"), "one column 'person'"),
        (Columns(split="fold"), "one column 'fold'"),
    ],
)
def test_a_column_that_is_named_and_missing_is_an_error(tmp_path, columns, reason):
    with pytest.raises(CohortError, match=reason):
        read_table(written(tmp_path, "path,label\na,b\n"), columns)


def test_a_column_that_stands_twice_is_an_error_only_if_it_is_read(tmp_path):
    table = written(tmp_path, "path,label,note,note\na,b,1,2\n")
    assert read_table(table)[0].label == "b"
    with pytest.raises(CohortError, match="one column 'note'"):
        read_table(table, Columns(label="note"))


@pytest.mark.parametrize(
    ("spelt", "split"),
    [("Training", "train"), ("TRAIN", "train"), ("Validation", "val"), ("valid", "val"), ("dev", "val"),
     ("testing", "test"), ("hold-out", "test"), (" Test ", "test")],
)  # fmt: skip
def test_usual_spellings_of_splits_are_understood(tmp_path, spelt, split):
    assert read_table(written(tmp_path, f"path,label,split\na,b,{spelt}\n"))[0].split == split


def test_another_word_for_a_split_is_refused(tmp_path):
    with pytest.raises(CohortError, match="split 'trian' is unknown"):
        read_table(written(tmp_path, "path,label,split\na,b,trian\n"))


def test_an_absolute_path_inside_the_folder_is_taken_and_one_outside_is_not(tmp_path):
    inside, outside = tmp_path / "data" / "x" / "a.dcm", tmp_path / "b.dcm"
    table = written(tmp_path, f"path,label\n{inside},b\n")
    assert read_table(table, folder=tmp_path / "data")[0].path == "x/a.dcm"
    for path in (outside, tmp_path / "data", tmp_path / "data" / ".." / "b.dcm", "/etc/passwd"):
        with pytest.raises(CohortError, match="leaves the folder"):
            read_table(written(tmp_path, f"path,label\n{path},b\n"), folder=tmp_path / "data")
    with pytest.raises(CohortError, match="leaves the folder"):
        read_table(table)


def test_a_workbooks_first_sheet_is_a_table(tmp_path):
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is in the extra [xlsx]")
    book = openpyxl.Workbook()
    for row in (["Path", "Label", "Patient"], ["a.dcm", 1, "007"], ["b.dcm", 2.0, None], [None, None, None]):
        book.active.append(row)
    book.create_sheet("other").append(["nothing"])
    book.save(tmp_path / "labels.xlsx")
    rows = read_table(tmp_path / "labels.xlsx")
    assert [(r.path, r.label, r.patient) for r in rows] == [("a.dcm", "1", "007"), ("b.dcm", "2", "")]


@pytest.mark.parametrize("content", [b"", b"path,label\na,b\n", b"PK\x03\x04 nothing"])
def test_what_is_no_workbook_is_refused_in_one_line(tmp_path, content):
    pytest.importorskip("openpyxl", reason="openpyxl is in the extra [xlsx]")
    (tmp_path / "labels.xlsx").write_bytes(content)
    with pytest.raises(CohortError, match="is no Excel workbook"):
        read_table(tmp_path / "labels.xlsx")


def test_labels_that_differ_in_case_spaces_or_number_format_are_alike():
    found = alike(["Mass", "mass", " MASS", "no finding", "No_Finding", "0", "0.0", "1", "effusion", "-1", "1.0"])
    assert [set(group) for group in found] == [
        {"0", "0.0"},
        {"1", "1.0"},
        {" MASS", "Mass", "mass"},
        {"No_Finding", "no finding"},
    ]
    assert alike(["a", "b", "10", "1", "1e5", "-1"]) == []


def test_sixty_numbers_for_sixty_images_are_a_measurement_and_ten_grades_are_not():
    assert measured([f"{v / 7:.3f}" for v in range(60)])
    assert not measured([str(v % 10) for v in range(60)])
    assert not measured([str(v) for v in range(10)])
    assert not measured([f"class {v}" for v in range(60)])
    values = [f"{n / 7:.3f}" for n in range(60)]
    (told,) = describe_labels(values)
    assert told.startswith("60 different numbers for 60 images are read as a measurement (regression)")
    (told,) = describe_labels(values, "classes")
    assert told.endswith("look like measurements, not like classes; --task regression takes them so")
    assert list(describe_labels(values, "regression")) == []


def test_cells_of_several_findings_are_recognised():
    assert multiple(["Effusion|Mass", "Mass", "Effusion", "No Finding"]) == ["Effusion|Mass"]
    assert multiple(["a;b", "a;c", "b;c"]) == ["a;b", "a;c", "b;c"]
    assert multiple(["grade 1, mild", "grade 2, severe"]) == []
    (told,) = describe_labels(["Effusion|Mass", "Mass", "Effusion"])
    assert "'Effusion|Mass'" in told
    assert "are read as several findings of one image (multilabel)" in told
    (told,) = describe_labels(["Effusion|Mass", "Mass", "Effusion"], "classes")
    assert "separate findings by '|' for --task multilabel" in told


@pytest.mark.parametrize("empty", ["nan", "NaN", "<NA>", "NaT", " "])
def test_a_cell_of_nan_is_an_empty_cell_and_neither_a_class_nor_a_patient(tmp_path, empty):
    table = written(tmp_path, f"path,label,patient\na.png,{empty},7\nb.png,ill,{empty}\nc.png,nano,8\n")
    assert [(row.label, row.patient) for row in read_table(table)] == [("", "7"), ("ill", ""), ("nano", "8")]
