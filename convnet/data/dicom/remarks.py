"""Remarks: what was ignored in a header so that its image could be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

NAME = "_convnet_remarks"  # an attribute of the Dataset object, never an element: it is not written to files
MOST = 50  # of one file


def remark(ds: Dataset, text: str) -> None:
    """Record that something in the header was ignored; the same remark only once. No header text is quoted."""
    found = vars(ds).setdefault(NAME, {})
    if len(found) < MOST:
        found[text] = None


def remarks(ds: Dataset) -> list[str]:
    """Return what has been ignored so far, in the order in which it was met."""
    return list(vars(ds).get(NAME, ()))
