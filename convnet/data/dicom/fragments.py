"""Encapsulated pixel data (PS3.5 A.4): where each frame's bytes are."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from convnet.data.dicom.codestream import STARTS

if TYPE_CHECKING:
    from pydicom import Dataset

NAME = "_convnet_frames"  # an attribute of the Dataset object: the pixel data are walked through once
ITEM = b"\xfe\xff\x00\xe0"

Place = tuple[int, int]  # where a fragment's bytes begin, and end


def frame_fragments(ds: Dataset, stated: int) -> list[list[Place]]:
    """Return the fragments of each frame that the pixel data hold: as many as are there, not as many as are stated.

    By the Extended or the Basic Offset Table where it points at fragments; else a fragment that begins as a codestream
    does begins a frame; else, as for RLE, each fragment is one, or all are the one frame that is stated. Of the first
    two the one that agrees with the stated number goes first.
    """
    if NAME not in vars(ds):
        data = ds.PixelData
        table, found = items(data)
        ways = [way for way in (offsets(ds, data, table, found), beginnings(data, found)) if way]
        whole = [0] if stated == 1 and found else list(range(len(found)))
        starts = next((way for way in ways if len(way) == stated), [*ways, whole][0])
        ends = [*starts[1:], len(found)] if starts else []
        vars(ds)[NAME] = [found[a:b] for a, b in zip(starts, ends, strict=True)]
    return vars(ds)[NAME]


def frame_bytes(ds: Dataset, frame: int, stated: int) -> bytes:
    """Return the codestream of one frame. Raises IndexError where the pixel data hold fewer frames."""
    return b"".join(ds.PixelData[start:end] for start, end in frame_fragments(ds, stated)[frame])


def items(data: bytes) -> tuple[Place, list[Place]]:
    """Return the places of the Basic Offset Table and of the fragments, as far as the data go."""
    found: list[Place] = []
    at = 0
    while data[at : at + 4] == ITEM:
        start = at + 8
        end = start + int.from_bytes(data[at + 4 : start], "little")
        found.append((start, min(end, len(data))))
        at = end
    return (found[0], found[1:]) if found else ((0, 0), [])


def offsets(ds: Dataset, data: bytes, table: Place, found: list[Place]) -> list[int] | None:
    """Return which fragment begins each frame by an offset table, None where there is none or it points elsewhere."""
    extended = ds.get("ExtendedOffsetTable")
    if isinstance(extended, bytes) and extended:
        each, content = 8, extended
    else:
        each, content = 4, data[table[0] : table[1]]
    places = [int.from_bytes(content[i : i + each], "little") for i in range(0, len(content) - each + 1, each)]
    first = table[1]
    at = {start - 8 - first: n for n, (start, _) in enumerate(found)}
    starts = [at.get(place, -1) for place in places]
    if not starts or starts[0] != 0 or any(b <= a for a, b in pairwise(starts)):
        return None
    return starts


def beginnings(data: bytes, found: list[Place]) -> list[int] | None:
    """Return the fragments that begin as a codestream does, None where the first does not."""
    starts = [n for n, (start, _) in enumerate(found) if data[start : start + 12].startswith(STARTS)]
    return starts if starts and starts[0] == 0 else None
