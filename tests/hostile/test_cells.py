"""Tables that a spreadsheet opens without running anything in them."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convnet.data.cohort.table import read_table
from convnet.data.cohort.write import write_table
from convnet.output import spreadsheet

FORMULAS = ("=1+1", "+cmd", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", " =1", "\r=1", "\n=1", "=1", "-1+1|x", "+1-800")


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_text_and_comes_back(text):
    assert spreadsheet.harmless(text).strip().startswith("'")
    assert spreadsheet.plain(spreadsheet.harmless(text)) == text


@pytest.mark.parametrize(
    "value", ["-1", "+1.5", "-1e-5", ".5", "-inf", "nan", -1, -1.5, None, "a=b", "x", "", "'quoted'"]
)
def test_numbers_and_plain_text_stay_as_they_are(value):
    assert spreadsheet.harmless(value) == value


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=4))
def test_any_text_comes_back_and_none_begins_like_a_formula(rows):
    read = list(csv.reader(io.StringIO(spreadsheet.lines(rows), newline=""), strict=True))
    assert [[spreadsheet.plain(cell) for cell in row] for row in read] == rows
    for cell in (cell for row in read for cell in row):
        assert not cell.lstrip().startswith(("=", "+", "-", "@")) or spreadsheet.NUMBER.fullmatch(cell)


@given(st.lists(st.text(alphabet="ab;,\t=@'\"+-1"), min_size=2, max_size=3))
def test_no_formula_begins_after_another_separator(row):
    for separator in (";", "\t"):
        for line in csv.reader(io.StringIO(spreadsheet.lines([row]), newline=""), delimiter=separator):
            for cell in line[1:]:
                assert not cell.startswith(("=", "+", "-", "@")) or spreadsheet.NUMBER.fullmatch(cell)


def test_a_written_table_holds_no_formula_and_is_read_back(tmp_path):
    row = ("=a/1.dcm", "=HYPERLINK(1)", "@patient", "train")
    text = write_table(tmp_path, [row]).read_text()
    assert text.splitlines()[1] == "'=a/1.dcm,'=HYPERLINK(1),'@patient,train"
    (back,) = read_table(tmp_path / "labels.csv")
    assert (back.path, back.label, back.patient, back.split) == row
