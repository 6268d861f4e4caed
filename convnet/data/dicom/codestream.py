"""What a compressed image states of itself: its rows, columns, samples and bits (JPEG, JPEG-LS, JPEG 2000)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

JPEG, JPEG_2000 = b"\xff\xd8", b"\xff\x4f\xff\x51"  # how codestreams begin: SOI; SOC and SIZ
JPEG_XL = (b"\xff\x0a", b"\x00\x00\x00\x0cJXL ")
STARTS = (JPEG, JPEG_2000, b"\x00\x00\x00\x0cjP  ", *JPEG_XL)
FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15, and JPEG-LS's
SCAN, END = 0xDA, 0xD9
ALONE = {0x01, *range(0xD0, 0xD9)}  # markers that no length follows


@dataclass(frozen=True)
class Extent:
    """The image that a codestream holds."""

    rows: int
    columns: int
    samples: int
    bits: int


def extent(stream: bytes) -> Extent | None:
    """Read the extent of a codestream, None where it states none (RLE, JPEG XL, or damage that the decoder reports)."""
    if stream[:2] == JPEG:
        return jpeg(stream)
    at = stream.find(JPEG_2000, 0, 4096)  # behind the boxes of a JP2 file, which some writers keep
    head = stream[at : at + 45]
    if at < 0 or len(head) < 45:
        return None
    x, y, left, top = (int.from_bytes(head[i : i + 4], "big") for i in (8, 12, 16, 20))
    return Extent(y - top, x - left, int.from_bytes(head[40:42], "big"), (head[42] & 0x7F) + 1)


def jpeg(stream: bytes) -> Extent | None:
    """Read the frame header of JPEG (ISO 10918-1 B.2.2) or JPEG-LS (ISO 14495-1 C.2.2)."""
    for kind, at, length in segments(stream):
        if kind in FRAMES and length >= 8:
            rows, columns = (int.from_bytes(stream[at + i : at + i + 2], "big") for i in (1, 3))
            return Extent(rows, columns, stream[at + 5], stream[at]) if rows and columns else None
    return None


def segments(stream: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield (marker, where its content begins, length with the two bytes of length) up to the first scan."""
    at = 2
    while at + 4 <= len(stream) and stream[at] == 0xFF:
        kind = stream[at + 1]
        if kind == 0xFF:  # a fill byte
            at += 1
            continue
        if kind in ALONE:
            at += 2
            continue
        length = int.from_bytes(stream[at + 2 : at + 4], "big")
        if kind == END or at + 2 + length > len(stream):
            return
        yield kind, at + 4, length
        if kind == SCAN:
            return
        at += 2 + length


def with_whole_spectrum(stream: bytes) -> bytes:
    """Return a sequential JPEG whose scans end at coefficient 63, where a writer left 0: the two numbers mean nothing.

    ISO 10918-1 B.2.3: a sequential scan has Ss 0 and Se 63. Files of NEMA's compression set have Se 0.
    """
    kinds = [kind for kind, _, _ in segments(stream) if kind in FRAMES] if stream[:2] == JPEG else []
    if not kinds or kinds[0] not in (0xC0, 0xC1):
        return stream
    out = bytearray(stream)
    at = next(at - 4 for kind, at, _ in segments(stream) if kind == SCAN) if has_scan(stream) else -1
    while 0 <= at < len(out) - 6:  # behind the first scan every 0xFF of data is followed by 0 or a restart
        last = at + 5 + 2 * out[at + 4] + 1
        if last < len(out) and out[last - 1] == out[last] == 0:
            out[last] = 63
        at = out.find(bytes([0xFF, SCAN]), at + 2)
    return bytes(out)


def has_scan(stream: bytes) -> bool:
    """Return True if a scan follows the headers."""
    return any(kind == SCAN for kind, _, _ in segments(stream))
