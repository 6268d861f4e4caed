"""From a file's pixel data to stored values: the first stage of the pipeline."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.data.dicom import other_syntaxes
from convnet.data.dicom.codestream import extent, with_whole_spectrum
from convnet.data.dicom.fragments import frame_bytes
from convnet.data.dicom.frames import frame_data, stated_frames
from convnet.data.dicom.header import code, encoding
from convnet.data.errors import DicomError, FrameError

if TYPE_CHECKING:
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
REQUIRED = ("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated")
REQUIRED_OF_INTEGERS = ("BitsStored", "PixelRepresentation")
COPIED = (*REQUIRED, *REQUIRED_OF_INTEGERS, "PlanarConfiguration")
RLE = "1.2.840.10008.1.2.5"
LOSSY = (
    *(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 81, 91, 203)),
    *(other_syntaxes.JPEG_XL_RECOMPRESSED, other_syntaxes.JPEG_XL),
)


def decode(ds: Dataset, path: object, frame: int) -> tuple[np.ndarray, str]:
    """Decode the stored values of one frame -> (array, photometric interpretation).

    array: (rows, columns) or (rows, columns, 3), in the file's own integer or float type, native byte order;
    the bits outside Bits Stored are cleared or sign-extended, YBR is already RGB (PS3.5 section 8, PS3.3
    C.7.6.3).

    Raises DicomError for what holds for every frame: a missing decoder (naming the package to install), a missing
    attribute. Raises FrameError for what is wrong with this frame alone.
    """
    decoder = decoder_of(ds, path)
    require_attributes(ds, path)
    high = high_bit(ds, path)
    one = single(ds, path, frame)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array, facts = decoder.as_array(one, index=0, number_of_frames=1, correct_unused_bits=False)
    except MemoryError:
        raise
    except Exception as error:  # every decoder plugin has its own exception types
        full = {"pylibjpeg", "pyjpegls"} & set(decoder.available_plugins) or not decoder.UID.is_encapsulated
        hint = "" if full else f"; {missing_decoder(decoder.UID.name)}"
        why = f"its pixels cannot be decoded: {without_values(str(error))[:300]}{hint}"
        raise FrameError(path, why, frame, stated_frames(ds, path)) from None
    photometric = str(facts["photometric_interpretation"])
    if array.ndim != (2 if photometric in ONE_SAMPLE else 3):
        what = f"{code(photometric)} with {ds.get('SamplesPerPixel')} samples a pixel"
        raise DicomError(path, f"its pixels cannot be used: {what}")
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype.kind == "f" or photometric != ds.PhotometricInterpretation:  # converted colours have no other bits
        return array, photometric
    lossy = ds.file_meta.TransferSyntaxUID in LOSSY
    return stored_bits(array, int(ds.BitsStored), high, lossy), photometric


def decoder_of(ds: Dataset, path: object) -> Any:
    """Return pydicom's decoder of the file's transfer syntax. Raises DicomError where there is none."""
    from pydicom.pixels import get_decoder

    syntax = ds.file_meta.TransferSyntaxUID
    if syntax in other_syntaxes.NAMES:  # `single` has decoded them
        other_syntaxes.require_decoder(syntax, path)
        return get_decoder("1.2.840.10008.1.2.1")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            decoder = get_decoder(syntax)
    except NotImplementedError:
        raise DicomError(path, f"transfer syntax '{syntax.name}' is not supported: export the file as frames") from None
    if not decoder.is_available:
        raise DicomError(path, missing_decoder(syntax.name))
    return decoder


def require_attributes(ds: Dataset, path: object) -> None:
    """Raise DicomError naming an attribute without which no pixel can be read."""
    from pydicom.datadict import dictionary_description, tag_for_keyword

    needed = (*REQUIRED, *(REQUIRED_OF_INTEGERS if "PixelData" in ds else ()))
    if ds.get("SamplesPerPixel") not in (None, 1):
        needed = (*needed, "PlanarConfiguration")
    for keyword in needed:
        if ds.get(keyword) in (None, ""):
            tag = tag_for_keyword(keyword) or 0
            name = f"{dictionary_description(tag)} ({tag >> 16:04X},{tag & 0xFFFF:04X})"
            raise DicomError(path, f"states no {name}: without it its pixels cannot be read")


def high_bit(ds: Dataset, path: object) -> int:
    """Return the place of the highest stored bit (High Bit, PS3.5 8.1.1), Bits Stored - 1 where none is stated.

    Raises DicomError where it lies outside the pixel, or above it in a codestream, which has no such place.
    """
    if "PixelData" not in ds:
        return 0
    stored, allocated = int(ds.BitsStored), int(ds.BitsAllocated)
    high = stored - 1 if ds.get("HighBit") is None else int(ds.HighBit)
    kept = not encoding(ds).encapsulated or ds.file_meta.TransferSyntaxUID == RLE
    if high != stored - 1 and not (stored - 1 < high < allocated and kept):
        what = f"HighBit {high} with BitsStored {stored} of {allocated}"
        raise DicomError(path, f"{what} is not supported: expected {stored - 1}")
    return high


def single(ds: Dataset, path: object, frame: int) -> Dataset:
    """Return a data set of this frame alone, as pydicom's decoders take it. Raises FrameError."""
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import ExplicitVRLittleEndian

    one = Dataset()
    for keyword in COPIED:
        if ds.get(keyword) is not None:
            one[keyword] = ds[keyword]
    syntax = ds.file_meta.TransferSyntaxUID
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = syntax
    if not encoding(ds).encapsulated:
        keyword, data = frame_data(ds, path, frame)
        one.add_new(keyword, ds[keyword].VR, data)
        return one
    stream = compressed(ds, path, frame)
    if syntax in other_syntaxes.NAMES:
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        try:
            one.PixelData = other_syntaxes.decompressed(stream, ds)
        except ValueError as error:
            why = f"its pixels cannot be decoded: {error}"
            raise FrameError(path, why, frame, stated_frames(ds, path)) from None
        one["PixelData"].VR = "OW"
        return one
    one.PixelData = encapsulate([with_whole_spectrum(stream)])
    one["PixelData"].VR, one["PixelData"].is_undefined_length = "OB", True
    return one


def compressed(ds: Dataset, path: object, frame: int) -> bytes:
    """Return a frame's codestream. Raises FrameError where there is none, or it holds another image than stated."""
    stated = stated_frames(ds, path)
    try:
        stream = frame_bytes(ds, frame, stated)
    except IndexError:
        raise FrameError(path, "the file's pixel data end before it", frame, stated) from None
    found = extent(stream)
    if found is None:
        return stream
    if (found.rows, found.columns) != (ds.Rows, ds.Columns):
        what = f"its codestream holds {found.rows} x {found.columns} pixels, the header states {ds.Rows} x {ds.Columns}"
        raise FrameError(path, what, frame, stated)
    if found.samples != ds.SamplesPerPixel:
        what = f"its codestream holds {found.samples} samples a pixel, the header states {ds.SamplesPerPixel}"
        raise FrameError(path, what, frame, stated)
    if found.bits > ds.BitsAllocated:
        what = f"its codestream holds {found.bits} bits a sample, the header allocates {ds.BitsAllocated}"
        raise FrameError(path, what, frame, stated)
    return stream


def stored_bits(array: np.ndarray, bits: int, high: int, lossy: bool = False) -> np.ndarray:
    """Keep the stored bits, from `high` down, and take the sign from the highest (PS3.5 8.1.1); the same type.

    A lossy coder rounds some values beyond the largest that is stored: these become the largest. Where values lie
    farther off, the upper bits hold something else, such as an overlay.
    """
    width = 8 * array.dtype.itemsize
    if bits >= width and high == bits - 1:
        return array
    if lossy and array.dtype.kind == "u" and array.max(initial=0) <= (most := 2**bits - 1) + (most >> 6):
        return np.minimum(array, array.dtype.type(most))
    if high >= width:  # the decoder's type holds fewer bits than are allocated: there is nothing above them
        return array
    return array << (width - 1 - high) >> (width - bits)


def without_values(text: str) -> str:
    """Remove what a decoder's message quotes of the header, unless it is a code, a number or an attribute's name."""
    return re.sub(r"'([^']*)'", lambda found: f"'{harmless(found[1])}'", text)


def harmless(text: str) -> str | None:
    """Return the text if it is a code or the name of an attribute in PS3.6, else words in its place."""
    from pydicom.datadict import keyword_for_tag, tag_for_keyword

    keyword = text.replace(" ", "")
    tag = tag_for_keyword(keyword) if keyword else None
    return text if tag is not None and keyword_for_tag(tag) == keyword else code(text)


def missing_decoder(syntax: str) -> str:
    """Return what to install for a compressed transfer syntax, as a sentence."""
    package = next((p for family, p in PACKAGES if syntax.startswith(family)), "pylibjpeg")
    return f"'{syntax}' needs a decoder that is not installed: pip install {package}"
