"""From a file to stored pixel values: the first stage of the pipeline, and where the frame's header facts
come from.
"""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

from convnet.data.errors import DicomError

if TYPE_CHECKING:
    import numpy as np
    from pydicom import Dataset

PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")

# what to install for each family of compressed transfer syntaxes (PS3.5 Annex A.4); pydicom finds it by
# itself
PACKAGES = (
    ("JPEG-LS", "pyjpegls"),
    ("JPEG 2000", "pylibjpeg pylibjpeg-openjpeg"),
    ("High-Throughput JPEG 2000", "pylibjpeg pylibjpeg-openjpeg"),
    ("JPEG", "pylibjpeg pylibjpeg-libjpeg"),
)

# where multi-frame ("enhanced") files keep what single-frame files keep at the top (PS3.3 C.7.6.16)
FUNCTIONAL_GROUP = {
    "PixelSpacing": "PixelMeasuresSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "WindowCenter": "FrameVOILUTSequence",
    "WindowWidth": "FrameVOILUTSequence",
    "VOILUTFunction": "FrameVOILUTSequence",
}

# every header value that the pipeline reads at the top level
HEADER = (
    *(
        "SOPClassUID",
        "Modality",
        "BodyPartExamined",
        "PatientID",
        "DirectoryRecordSequence",
        "NumberOfFrames",
        "Rows",
    ),
    *(
        "Columns",
        "SamplesPerPixel",
        "PlanarConfiguration",
        "PhotometricInterpretation",
        "PixelRepresentation",
    ),
    *(
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelPaddingValue",
        "PixelPaddingRangeLimit",
        "ModalityLUTSequence",
    ),
    *(
        "VOILUTSequence",
        "ImagerPixelSpacing",
        "NominalScannedPixelSpacing",
        "PixelAspectRatio",
        *FUNCTIONAL_GROUP,
    ),
    *("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence", *PIXELS),
)


def read_header(path: str | os.PathLike[str], *, pixels: bool = True) -> Dataset:
    """The data set of a DICOM file (PS3.10), with or without its 128-byte preamble and its file meta header.

    Without a stated transfer syntax the encoding that the parser saw is taken (explicit or implicit, little
    or big).
    Raises DicomError when the file cannot be opened, or is not DICOM.
    """
    import pydicom
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # pydicom's warnings quote header values: they may identify a patient
            ds = pydicom.dcmread(path, force=True, stop_before_pixels=not pixels)
    except OSError as error:
        raise DicomError(path, f"cannot be opened: {error.strerror or type(error).__name__}") from None
    except (
        Exception
    ) as error:  # a damaged file can fail anywhere in the parser; its text may quote header values
        raise DicomError(
            path, f"is not DICOM, or is damaged (the parser met {type(error).__name__})"
        ) from None
    check_header(ds, path)
    if "SOPClassUID" not in ds and "Rows" not in ds and "DirectoryRecordSequence" not in ds:
        raise DicomError(path, "is not a DICOM image file: neither a SOP class nor rows of pixels in it")
    if not getattr(ds, "file_meta", None):
        ds.file_meta = pydicom.dataset.FileMetaDataset()
    if "TransferSyntaxUID" not in ds.file_meta:
        implicit, little = ds.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    return ds


def check_header(ds: Dataset, path: object) -> None:
    """Convert the values that the pipeline reads, so that a damaged one is refused here, by name: pydicom is
    lazy.
    """
    for keyword in HEADER:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ds.get(keyword)
        except Exception as error:  # each VR fails in its own way
            raise DicomError(path, f"{keyword} in the header is damaged ({type(error).__name__})") from None


def require_pixels(ds: Dataset, path: object) -> None:
    """Raise DicomError unless the data set holds an image (reports, waveforms, plans and indexes do not)."""
    if "DirectoryRecordSequence" in ds:
        raise DicomError(path, "is a DICOMDIR: an index of files, with no image of its own")
    if not any(keyword in ds for keyword in PIXELS):
        raise DicomError(path, f"holds no pixel data (SOP class: {sop_class(ds) or 'not stated'})")


def sop_class(ds: Dataset) -> str | None:
    """The name of the file's SOP class, for instance 'CT Image Storage', or None."""
    uid = ds.get("SOPClassUID")
    return uid.name if uid else None


def frame_count(ds: Dataset, path: object) -> int:
    """How many frames the file holds (Number of Frames, 1 where absent).

    Raises DicomError when it is no number.
    """
    count = numbers(ds, 0, "NumberOfFrames", path) or [1.0]
    if len(count) != 1 or not 1 <= count[0] < 2**31:
        raise DicomError(path, f"NumberOfFrames {count} is not usable: expected one number above 0")
    return int(count[0])


def attribute(ds: Dataset, frame: int, keyword: str) -> Any:
    """A header value as it holds for one frame: per-frame groups first, then shared groups, then the top
    level.
    """
    groups = []
    per_frame = ds.get("PerFrameFunctionalGroupsSequence")
    if per_frame and frame < len(per_frame):
        groups.append(per_frame[frame])
    groups.extend((ds.get("SharedFunctionalGroupsSequence") or [])[:1])
    for group in groups:
        items = group.get(FUNCTIONAL_GROUP.get(keyword, ""))
        if items and items[0].get(keyword) is not None:
            return items[0].get(keyword)
    return ds.get(keyword)


def numbers(ds: Dataset, frame: int, keyword: str, path: object) -> list[float]:
    """The finite numbers of one attribute (empty when absent).

    Raises DicomError when they are not numbers.
    """
    try:
        value = attribute(ds, frame, keyword)
        if value is None or value == "":
            return []
        values = [float(v) for v in value] if hasattr(value, "__iter__") else [float(value)]
    except (TypeError, ValueError):
        raise DicomError(path, f"{keyword} in the header is not a number") from None
    if not all(abs(v) < float("inf") for v in values):
        raise DicomError(path, f"{keyword} in the header is not finite")
    return values


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
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise DicomError(
            path, f"transfer syntax '{syntax.name}' is not supported: export the file as frames"
        ) from None
    if not decoder.is_available:
        raise DicomError(path, missing_decoder(syntax.name))
    require_low_bits(ds, path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array, facts = decoder.as_array(ds, index=frame)
    except Exception as error:  # every decoder plugin has its own exception types
        full = {"pylibjpeg", "pyjpegls"} & set(decoder.available_plugins) or not syntax.is_encapsulated
        hint = "" if full else f"; {missing_decoder(syntax.name)}"
        raise DicomError(path, f"its pixels cannot be decoded: {str(error)[:300]}{hint}") from None
    return array.astype(array.dtype.newbyteorder("="), copy=False), str(facts["photometric_interpretation"])


def require_low_bits(ds: Dataset, path: object) -> None:
    """Raise DicomError when the stored bits are not the lowest ones (High Bit, PS3.5 8.1.1; older files
    only).
    """
    stored, high = ds.get("BitsStored"), ds.get("HighBit")
    if "PixelData" in ds and stored is not None and high is not None and high != stored - 1:
        raise DicomError(
            path, f"HighBit {high} with BitsStored {stored} is not supported: expected {stored - 1}"
        )


def missing_decoder(syntax: str) -> str:
    """What to install for a compressed transfer syntax, as a sentence."""
    package = next((p for family, p in PACKAGES if syntax.startswith(family)), "pylibjpeg")
    return f"'{syntax}' needs a decoder that is not installed: pip install {package}"
