"""Look-up tables: of grey values (PS3.3 C.11.1.1, C.11.2.1.1) and of colours (C.7.6.3.1.5 and C.7.6.3.1.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.data.dicom.header import encoding
from convnet.data.dicom.remarks import remark
from convnet.data.errors import DicomError

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True, eq=False)
class Table:
    """entries (n,) float64 of the input values first, first + 1, ...; top is the largest output that its bits hold."""

    entries: np.ndarray
    first: int
    top: int

    def look_up(self, values: np.ndarray) -> np.ndarray:
        """Return entries[clip(value - first, 0, n - 1)], float64, in the shape of values."""
        index = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1)
        return self.entries[index.astype(np.int64)]


def usable(items: Any, ds: Dataset, name: str) -> Dataset | None:
    """Return the first item of a sequence that holds a table, None where no item does."""
    for item in items or ():
        if filled(item, "LUTDescriptor") and filled(item, "LUTData"):
            return item
        remark(ds, f"an item of {name} without a table was ignored")
    return None


def filled(item: Dataset, keyword: str) -> bool:
    """Return True if the element is there and holds a value."""
    value = item.get(keyword)
    return value is not None and (not hasattr(value, "__len__") or len(value) > 0)


def read_table(
    item: Dataset, ds: Dataset, path: object, signed: bool, descriptor: str = "LUTDescriptor", data: str = "LUTData"
) -> Table:
    """Read the table of one item of a Modality or VOI LUT Sequence, or of one colour of a palette.

    descriptor  keyword of (n, first value mapped, bits for each entry), n = 0 for 65,536 entries
    data        keyword of the entries: unsigned words, whatever their VR; bytes two to a word where bits is 8
    signed      whether the values to be looked up may be negative: that, and not the VR, makes `first` signed

    Raises DicomError for a table that cannot be read.
    """
    try:
        n, first, bits = (int(v) for v in item[descriptor].value)
        element = item[data]
        big = not encoding(ds).little and element.VR != "OB"
        n = n % 2**16 or 2**16
        words = unsigned_words(element.value, big)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise DicomError(path, f"its look-up table ({descriptor}, {data}) cannot be read") from None
    if len(words) < n <= 2 * len(words):
        words, bits = words.astype("<u2").view(np.uint8), min(bits, 8)
    if not 1 <= bits <= 16 or len(words) < n:
        what = f"its look-up table has {len(words)} entries of {bits} bits"
        raise DicomError(path, f"{what}: expected {n}, 16 bits at most")
    entries = words[:n].astype(np.float64)
    needed = int(entries.max()).bit_length()
    if needed > bits:
        remark(ds, f"{descriptor} states {bits} bits, but {data} has entries of {needed}")
    return Table(entries, first_mapped(first, signed, ds), 2 ** max(bits, needed) - 1)


def first_mapped(first: int, signed: bool, ds: Dataset) -> int:
    """Return the first value mapped, from 16 bits whose sign the VR does not decide.

    A negative number that an explicit VR states where no value can be negative stays as it is stated.
    """
    if not signed and first < 0 and not encoding(ds).implicit:
        return first
    first %= 2**16
    return first - 2**16 if signed and first >= 2**15 else first


def unsigned_words(value: Any, big: bool) -> np.ndarray:
    """Return LUT Data as (n,) unsigned 16-bit numbers. Raises TypeError, ValueError for what is none."""
    if isinstance(value, (bytes, bytearray)):
        return np.frombuffer(bytes(value) + b"\0" * (len(value) % 2), ">u2" if big else "<u2").astype(np.uint16)
    numbers = np.atleast_1d(np.asarray(value))
    if numbers.dtype.kind not in "iu" or numbers.ndim != 1:
        raise TypeError
    return (numbers % 2**16).astype(np.uint16)
