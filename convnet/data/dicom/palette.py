"""PALETTE COLOR: stored values as colours (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6 and C.7.9.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convnet.data.dicom.header import encoding
from convnet.data.dicom.tables import Table, filled, first_mapped, read_table, unsigned_words
from convnet.data.errors import DicomError

if TYPE_CHECKING:
    from pydicom import Dataset

COLOURS = ("Red", "Green", "Blue")
MOST = 2**16  # entries of a table


def apply_palette(stored: np.ndarray, ds: Dataset, path: object) -> tuple[np.ndarray, int]:
    """Look up the colours: (rows, columns) -> ((rows, columns, 3) float64, the largest value)."""
    tables = [colour_table(ds, colour, path) for colour in COLOURS]
    rgb = np.stack([table.look_up(stored) for table in tables], axis=-1)
    wide = max(table.top for table in tables) > 255  # 8-bit entries may be kept in 16-bit words, in either half
    return rgb, 2**16 - 1 if wide else 255


def colour_table(ds: Dataset, colour: str, path: object) -> Table:
    """Read one colour's table, plain or segmented. Raises DicomError."""
    descriptor = f"{colour}PaletteColorLookupTableDescriptor"
    signed = bool(ds.get("PixelRepresentation"))
    if not filled(ds, descriptor):
        raise DicomError(path, f"its colour palette cannot be read: it states no {descriptor}")
    if filled(ds, f"{colour}PaletteColorLookupTableData"):
        return read_table(ds, ds, path, signed, descriptor, f"{colour}PaletteColorLookupTableData")
    keyword = f"Segmented{colour}PaletteColorLookupTableData"
    if not filled(ds, keyword):
        raise DicomError(path, f"its colour palette cannot be read: it states no {colour}PaletteColorLookupTableData")
    try:
        n, first, bits = (int(v) for v in ds[descriptor].value)
        big = not encoding(ds).little and ds[keyword].VR != "OB"
        words = unsigned_words(ds[keyword].value, big)
        numbers = words.astype("<u2").view(np.uint8) if bits <= 8 else words
        entries = expand(numbers.tolist(), 8 if bits <= 8 else 16)
    except (TypeError, ValueError, IndexError):
        raise DicomError(path, f"its colour palette cannot be read: {keyword} is damaged") from None
    if len(entries) < (n % MOST or MOST):
        raise DicomError(path, f"its colour palette cannot be read: {keyword} has {len(entries)} entries, not {n}")
    return Table(
        np.array(entries[: n % MOST or MOST], np.float64), first_mapped(first, signed, ds), 255 if bits <= 8 else 65535
    )


def expand(numbers: list[int], bits: int) -> list[int]:
    """Expand segments (PS3.3 C.7.9.2): discrete (0), linear (1), or a copy of earlier segments (2).

    Raises IndexError, ValueError for damaged segments.
    """
    out: list[int] = []
    at = 0
    while at + 2 < len(numbers):
        at = segment(numbers, at, bits, out)
    return out


def segment(numbers: list[int], at: int, bits: int, out: list[int]) -> int:
    """Append one segment's entries to `out` -> where the next segment begins."""
    kind, length = numbers[at], numbers[at + 1]
    if kind == 0:
        found = numbers[at + 2 : at + 2 + length]
        if len(found) != length:
            raise IndexError
        out += found
        at += 2 + length
    elif kind == 1:
        start, end = out[-1], numbers[at + 2]
        out += [round(start + (end - start) * step / length) for step in range(1, length + 1)]
        at += 3
    elif kind == 2:
        parts = 4 if bits == 8 else 2  # a byte offset, its least significant part first
        place = sum(numbers[at + 2 + i] << (bits * i) for i in range(parts)) // (bits // 8)
        for _ in range(length):
            if numbers[place] == 2:
                raise ValueError
            place = segment(numbers, place, bits, out)
        at += 2 + parts
    else:
        raise ValueError
    if len(out) > MOST:
        raise ValueError
    return at
