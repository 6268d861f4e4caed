"""From a file's pixel data to stored values: the first stage of the pipeline."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

from convnet.data.dicom.header import code
from convnet.data.errors import DicomError

if TYPE_CHECKING:
    import numpy as np
    from pydicom import Dataset

# what to install for each family of compressed transfer syntaxes (PS3.5 Annex A.4); pydicom finds it by
# itself
PACKAGES = (
    ("JPEG-LS", "pyjpegls"),
    ("JPEG 2000", "pylibjpeg pylibjpeg-openjpeg"),
    ("High-Throughput JPEG 2000", "pylibjpeg pylibjpeg-openjpeg"),
    ("JPEG", "pylibjpeg pylibjpeg-libjpeg"),
)


ONE_SAMPLE = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")


def decode(ds: Dataset, path: object, frame: int) -> tuple[np.ndarray, str]:
    """Stored values of one frame -> (array, photometric interpretation).

    array: (rows, columns) or (rows, columns, 3), in the file's own integer or float type, native byte order;
    the bits outside Bits Stored are cleared or sign-extended, YBR is already RGB (PS3.5 section 8, PS3.3
    C.7.6.3).
    Raises DicomError: missing decoder (naming the package to install), damaged or unsupported pixel data.
    """
    from pydicom.pixels import get_decoder

    syntax = ds.file_meta.TransferSyntaxUID
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            decoder = get_decoder(syntax)
    except NotImplementedError:
        raise DicomError(path, f"transfer syntax '{syntax.name}' is not supported: export the file as frames") from None
    if not decoder.is_available:
        raise DicomError(path, missing_decoder(syntax.name))
    require_low_bits(ds, path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array, facts = decoder.as_array(ds, index=frame)
    except MemoryError:
        raise
    except Exception as error:  # every decoder plugin has its own exception types
        full = {"pylibjpeg", "pyjpegls"} & set(decoder.available_plugins) or not syntax.is_encapsulated
        hint = "" if full else f"; {missing_decoder(syntax.name)}"
        raise DicomError(path, f"its pixels cannot be decoded: {without_values(str(error))[:300]}{hint}") from None
    if array.ndim != (2 if facts["photometric_interpretation"] in ONE_SAMPLE else 3):
        what = f"{code(facts['photometric_interpretation'])} with {ds.get('SamplesPerPixel')} samples a pixel"
        raise DicomError(path, f"its pixels cannot be used: {what}")
    return array.astype(array.dtype.newbyteorder("="), copy=False), str(facts["photometric_interpretation"])


def require_low_bits(ds: Dataset, path: object) -> None:
    """Raise DicomError when the stored bits are not the lowest ones (High Bit, PS3.5 8.1.1; older files
    only).
    """
    stored, high = ds.get("BitsStored"), ds.get("HighBit")
    if "PixelData" in ds and stored is not None and high is not None and high != stored - 1:
        raise DicomError(path, f"HighBit {high} with BitsStored {stored} is not supported: expected {stored - 1}")


def without_values(text: str) -> str:
    """A decoder's message without what it quotes of the header, unless that is a code or a number."""
    return re.sub(r"'([^']*)'", lambda found: f"'{code(found[1])}'", text)


def missing_decoder(syntax: str) -> str:
    """What to install for a compressed transfer syntax, as a sentence."""
    package = next((p for family, p in PACKAGES if syntax.startswith(family)), "pylibjpeg")
    return f"'{syntax}' needs a decoder that is not installed: pip install {package}"
