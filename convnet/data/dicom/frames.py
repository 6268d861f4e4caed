"""How many frames a file holds, and where an uncompressed frame's bytes are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convnet.data.dicom.fragments import frame_fragments
from convnet.data.dicom.header import PIXELS, encoding, numbers
from convnet.data.dicom.remarks import remark
from convnet.data.errors import DicomError, FrameError

if TYPE_CHECKING:
    from pydicom import Dataset


def stated_frames(ds: Dataset, path: object) -> int:
    """Return Number of Frames; 1 where it is absent, or 0, which some writers fill it with.

    Raises DicomError when it is no usable number.
    """
    count = numbers(ds, 0, "NumberOfFrames", path) or [1.0]
    if count == [0.0]:
        remark(ds, "NumberOfFrames 0 was read as 1")
        count = [1.0]
    if len(count) != 1 or not 1 <= count[0] < 2**31:
        raise DicomError(path, f"NumberOfFrames {count} is not usable: expected one number above 0")
    return int(count[0])


def frame_count(ds: Dataset, path: object) -> int:
    """Return how many frames to read: as many as are stated, or as the pixel data hold where these are more.

    Frames that are stated but not held are counted: they are refused by number when they are read.
    """
    stated = stated_frames(ds, path)
    held = held_frames(ds, stated)
    if held > stated:
        remark(ds, f"NumberOfFrames states {stated}, the pixel data hold {held}: all are read")
    return max(stated, held)


def held_frames(ds: Dataset, stated: int) -> int:
    """Return how many whole frames the pixel data hold; 0 where that cannot be known."""
    keyword = next((k for k in PIXELS if k in ds), None)
    if keyword is None or not isinstance(ds[keyword].value, bytes):
        return 0
    if encoding(ds).encapsulated:
        return len(frame_fragments(ds, stated))
    bits = frame_bits(ds)
    held = 8 * len(ds[keyword].value) // bits if bits else 0
    extra = len(ds[keyword].value) - -(-held * bits // 8)
    return held if extra <= 1 else min(held, stated)  # bytes that are no whole frames are padding


def frame_bits(ds: Dataset) -> int:
    """Return the bits of one uncompressed frame (PS3.5 8.1.1; two samples a pixel in YBR_FULL_422), 0 if not stated."""
    sides = [ds.get(keyword) for keyword in ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")]
    if not all(isinstance(side, int) and side > 0 for side in sides):
        return 0
    rows, columns, samples, bits = sides
    return rows * columns * (2 if ds.get("PhotometricInterpretation") == "YBR_FULL_422" else samples) * bits


def frame_data(ds: Dataset, path: object, frame: int) -> tuple[str, bytes]:
    """Return (the element's keyword, the bytes of one uncompressed frame). Raises FrameError beyond the data's end.

    Frames of one bit a pixel need not begin with a byte: their bits are moved there. Bytes in big-endian words come in
    pairs, so an odd frame gets its own order back.
    """
    keyword = next(k for k in PIXELS if k in ds)
    data, bits = ds[keyword].value, frame_bits(ds)
    start, end = frame * bits, (frame + 1) * bits
    if end > 8 * len(data):
        what = f"its pixels would end at byte {-(-end // 8)}, the file's pixel data at {len(data)}"
        raise FrameError(path, what, frame, stated_frames(ds, path))
    if bits % 8:
        value = int.from_bytes(data[start // 8 : -(-end // 8)], "little") >> start % 8
        return keyword, (value & ((1 << bits) - 1)).to_bytes(-(-bits // 8), "little")
    first, last = start // 8, end // 8
    swapped = not encoding(ds).little and ds[keyword].VR == "OW" and ds.BitsAllocated == 8
    if swapped and (first % 2 or last % 2):
        pairs = data[first - first % 2 : last + last % 2]
        plain = bytes(pairs[i ^ 1] for i in range(len(pairs) // 2 * 2))[first % 2 :][: last - first]
        padded = plain + b"\0" * (len(plain) % 2)
        return keyword, bytes(padded[i ^ 1] for i in range(len(padded)))
    return keyword, data[first:last]
