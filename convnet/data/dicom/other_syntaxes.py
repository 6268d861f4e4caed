"""Transfer syntaxes that pydicom does not know: deflated image frames, and JPEG XL."""

from __future__ import annotations

import zlib
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from convnet.data.errors import DicomError

if TYPE_CHECKING:
    from pydicom import Dataset

DEFLATED = "1.2.840.10008.1.2.8.1"
JPEG_XL_LOSSLESS = "1.2.840.10008.1.2.4.110"
JPEG_XL_RECOMPRESSED = "1.2.840.10008.1.2.4.111"
JPEG_XL = "1.2.840.10008.1.2.4.112"
NAMES = {
    DEFLATED: "Deflated Image Frame Compression",
    JPEG_XL_LOSSLESS: "JPEG XL Lossless",
    JPEG_XL_RECOMPRESSED: "JPEG XL JPEG Recompression",
    JPEG_XL: "JPEG XL",
}


def require_decoder(syntax: str, path: object) -> None:
    """Raise DicomError naming the package where a decoder is missing: zlib comes with Python, JPEG XL does not."""
    if syntax != DEFLATED and find_spec("imagecodecs") is None:
        raise DicomError(path, f"'{NAMES[syntax]}' needs a decoder that is not installed: pip install imagecodecs")


def decompressed(stream: bytes, ds: Dataset) -> bytes:
    """Return one frame as uncompressed little-endian bytes, samples by pixel. Raises ValueError.

    No more is unfolded than the header states. A frame has as many bytes as its rows, columns, samples and bits need.
    """
    bits = int(ds.BitsAllocated)
    need = -(-int(ds.Rows) * int(ds.Columns) * int(ds.SamplesPerPixel) * bits // 8)
    if ds.file_meta.TransferSyntaxUID == DEFLATED:
        try:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(stream, need + 2)
        except zlib.error:
            raise ValueError("its deflated bytes are damaged") from None
        if len(data) not in (need, need + need % 2):
            raise ValueError(f"it unfolds to other than {need} bytes")
        return data
    return jpeg_xl(stream, ds)


def jpeg_xl(stream: bytes, ds: Dataset) -> bytes:
    """Decode JPEG XL by imagecodecs, as unsigned samples of the allocated size. Raises ValueError."""
    import imagecodecs

    try:
        values = imagecodecs.jpegxl_decode(stream)
    except MemoryError:
        raise
    except Exception:  # the decoder's own types
        raise ValueError("the JPEG XL codestream is damaged") from None
    shape = (ds.Rows, ds.Columns) if ds.SamplesPerPixel == 1 else (ds.Rows, ds.Columns, ds.SamplesPerPixel)
    if values.shape != shape or values.dtype.kind not in "ui" or 8 * values.dtype.itemsize > ds.BitsAllocated:
        what = f"{' x '.join(map(str, values.shape))} {values.dtype}, the header states {' x '.join(map(str, shape))}"
        raise ValueError(f"its codestream holds {what} of {ds.BitsAllocated} bits")
    return np.ascontiguousarray(values, f"<u{int(ds.BitsAllocated) // 8}").tobytes()
