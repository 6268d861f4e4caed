"""The table of what can be read (convnet/data/dicom/README.md), against files in every encoding."""

import pytest

from tests.data import encodings

CELLS = [(syntax, photometric) for syntax, found in encodings.SYNTAXES.items() for photometric in found]


@pytest.mark.parametrize(("syntax", "photometric"), CELLS, ids=lambda v: v.replace("1.2.840.10008.1.2", "…"))
def test_the_picture_comes_out_of_its_encoding(syntax, photometric):
    assert encodings.outcome(syntax, photometric) not in ("WRONG", "refused", "")


@pytest.mark.parametrize("syntax", [s for s in encodings.syntaxes() if s not in encodings.SYNTAXES])
def test_a_transfer_syntax_outside_the_table_is_refused_by_name(syntax):
    assert encodings.refused(syntax)


def test_the_readme_says_what_was_found():
    assert encodings.in_readme() == encodings.table()
