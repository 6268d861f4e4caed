"""What is taken from a header beside pixels: no identifier, and never a damaged value."""

import pytest
from pydicom import Dataset

from convnet.data.dicom.facts import facts


def region(meaning):
    item = Dataset()
    item.CodeMeaning = meaning
    return item


def holder(keyword, item):
    ds = Dataset()
    setattr(ds, keyword, [item])
    return ds


BREAST = holder("AnatomicRegionSequence", region("Breast"))


@pytest.mark.parametrize(
    ("ds", "expected"),
    [
        (BREAST, "BREAST"),
        (holder("SharedFunctionalGroupsSequence", holder("FrameAnatomySequence", BREAST)), "BREAST"),
        (holder("AnatomicRegionSequence", region("Doe, John; born 1.2.1960")), ""),
        (Dataset(), ""),
    ],
)
def test_the_body_part_is_found_where_each_kind_of_file_keeps_it(ds, expected):
    assert facts(ds)["body_part"] == expected
    ds.BodyPartExamined = "head"
    assert facts(ds)["body_part"] == "HEAD"


def test_only_code_strings_are_taken_as_modality_and_body_part():
    ds = Dataset()
    ds.add_new("Modality", "LO", "Doe^John")
    ds.add_new("BodyPartExamined", "LO", "Foot of Mr. Doe")
    assert (facts(ds)["modality"], facts(ds)["body_part"]) == ("", "")
