"""Bytes of untrusted files, unfolded as far as the limits allow."""

from __future__ import annotations

import zlib
from typing import BinaryIO

from convnet.data.errors import DicomError
from convnet.data.limits import current, refuse, size

GZIP, ZLIB = 31, 15  # zlib's own numbers for the two headers


def unfold(file: BinaryIO, path: object, kind: int = GZIP) -> bytearray:
    """Return what a gzip or zlib stream unfolds to. Raises DicomError beyond the limit, or for damage."""
    limit, out = current().inflated, bytearray()
    engine, fed = zlib.decompressobj(kind), False
    try:
        while piece := engine.unconsumed_tail or engine.unused_data or file.read(2**16):
            if engine.eof:  # several gzip members may follow one another; what else follows is no part of it
                if kind != GZIP or piece[:2] != b"\x1f\x8b":
                    break
                engine = zlib.decompressobj(kind)
            out += engine.decompress(piece, 2**20)
            fed = True
            if len(out) > limit:
                raise refuse(path, f"unfolds to more than the limit of {size(limit)}", "inflated")
    except zlib.error:
        raise DicomError(path, "is damaged: its compressed data cannot be unfolded") from None
    if not fed or not engine.eof:
        raise DicomError(path, "is damaged: its compressed data end too early")
    return out
