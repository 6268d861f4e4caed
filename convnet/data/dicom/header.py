"""From a file to its header: opening, and reading single values without trusting them."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from convnet.data.errors import DicomError
from convnet.data.limits import opened, require_extent

if TYPE_CHECKING:
    from pydicom import Dataset

LARGEST = 1e100  # of a header's number: far beyond any unit, and differences and products of two stay finite
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")

# where multi-frame ("enhanced") files keep what single-frame files keep at the top (PS3.3 C.7.6.16)
FUNCTIONAL_GROUP = {
    "PixelSpacing": "PixelMeasuresSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "WindowCenter": "FrameVOILUTSequence",
    "WindowWidth": "FrameVOILUTSequence",
    "VOILUTFunction": "FrameVOILUTSequence",
}

# the header values that the pipeline reads at the top level: those with one value each, then the others
ONE = (
    *("SOPClassUID", "Modality", "BodyPartExamined", "PatientID", "NumberOfFrames", "Rows", "Columns"),
    *("SamplesPerPixel", "PlanarConfiguration", "PhotometricInterpretation", "PixelRepresentation"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("FloatPixelPaddingValue", "FloatPixelPaddingRangeLimit"),
    *("DoubleFloatPixelPaddingValue", "DoubleFloatPixelPaddingRangeLimit"),
    *("RescaleIntercept", "RescaleSlope", "VOILUTFunction", "PresentationLUTShape", "AnatomicalOrientationType"),
)
INTEGERS = (
    *("Rows", "Columns", "SamplesPerPixel", "PlanarConfiguration", "PixelRepresentation"),
    *("BitsAllocated", "BitsStored", "HighBit"),
)
MANY = (
    *("DirectoryRecordSequence", "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"),
    *("ModalityLUTSequence", "VOILUTSequence", "WindowCenter", "WindowWidth"),
    *("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio"),
    *("ImageOrientationPatient", "PatientOrientation", "SequenceOfUltrasoundRegions", "WaveformSequence"),
)


def read_header(path: str | os.PathLike[str], *, pixels: bool = True) -> Dataset:
    """The data set of a DICOM file (PS3.10), with or without its 128-byte preamble and its file meta header.

    Without a stated transfer syntax the encoding that the parser saw is taken (explicit or implicit, little
    or big endian). Raises DicomError when the file cannot be opened, is not DICOM, or has a damaged header, or is
    beyond the limits (`limits.Limits`).
    """
    import pydicom

    try:
        file = opened(path)
    except OSError as error:
        raise DicomError(path, f"cannot be opened: {error.strerror or type(error).__name__}") from None
    try:
        with file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # their texts quote header values, which may identify a patient
            ds = pydicom.dcmread(file, force=True, stop_before_pixels=not pixels)
            ds.filename = os.fspath(path)  # not the number that the open file has
            state_syntax(ds)
    except (DicomError, MemoryError):
        raise
    except Exception as error:  # a damaged file can fail anywhere in the parser
        kind = type(error).__name__
        raise DicomError(path, f"is not DICOM, or is damaged (the parser met {kind})") from None
    check_header(ds, path)
    require_extent(ds, path, frame_count(ds, path))
    if "SOPClassUID" not in ds and "Rows" not in ds and "DirectoryRecordSequence" not in ds:
        raise DicomError(path, "is not a DICOM image file: neither a SOP class nor rows of pixels in it")
    return ds


def state_syntax(ds: Dataset) -> None:
    """Make sure that the data set states its transfer syntax: from the encoding seen, if the file does not
    say.
    """
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    if not getattr(ds, "file_meta", None):
        ds.file_meta = FileMetaDataset()
    stated = ds.file_meta.get("TransferSyntaxUID")
    if stated:
        ds.file_meta.TransferSyntaxUID = UID(str(stated))  # of another VR it would be plain text
    else:
        implicit, little = ds.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit


def check_header(ds: Dataset, path: object) -> None:
    """Convert the values that the pipeline reads, as pydicom only does when asked: damage is refused here, by
    name.
    """
    for keyword in (*ONE, *MANY, *PIXELS):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value = ds.get(keyword)
        except MemoryError:
            raise
        except Exception as error:  # each VR fails in its own way
            raise DicomError(path, f"{keyword} in the header is damaged ({type(error).__name__})") from None
        if keyword in ONE and not isinstance(value, str) and hasattr(value, "__len__") and len(value) != 1:
            raise DicomError(path, f"{keyword} in the header has {len(value)} values: expected one")
        if keyword.endswith("Sequence") and value is not None and not is_sequence(value):
            raise DicomError(path, f"{keyword} in the header is not a sequence")
        if keyword in INTEGERS and value is not None and not isinstance(value, int):
            raise DicomError(path, f"{keyword} in the header is not a whole number")


def is_sequence(value: Any) -> bool:
    """Did pydicom read the element as a sequence? A damaged VR makes it text or a number."""
    from pydicom.sequence import Sequence

    return isinstance(value, Sequence)


def by_parser(error: BaseException) -> bool:
    """Was it raised within pydicom? It converts a value when it is asked for, and damage shows only then."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals.get("__name__", "").startswith("pydicom.")


@contextmanager
def damage_refused(path: object) -> Iterator[None]:
    """What the parser raises within becomes a DicomError; a fault of ours stays what it is."""
    try:
        yield
    except (DicomError, MemoryError):
        raise
    except Exception as error:
        if by_parser(error):
            raise DicomError(path, f"its header is damaged (the parser met {type(error).__name__})") from None
        raise


def require_pixels(ds: Dataset, path: object) -> None:
    """Raise DicomError unless the data set holds an image (reports, waveforms, plans and indexes do not)."""
    if "DirectoryRecordSequence" in ds:
        raise DicomError(path, "is a DICOMDIR: an index of files, with no image of its own")
    if not any(keyword in ds for keyword in PIXELS):
        raise DicomError(path, f"holds no pixel data (SOP class: {sop_class(ds) or 'not stated'})")


def sop_class(ds: Dataset) -> str | None:
    """The name of the file's SOP class, for instance 'CT Image Storage', or None; never the file's own text."""
    from pydicom.uid import UID

    uid = ds.get("SOPClassUID")
    if not uid:
        return None
    return uid.name if isinstance(uid, UID) and uid.name != uid else "unknown"


def code(value: Any) -> str | None:
    """A coded value (CS, PS3.5 6.2) such as 'CT'; None where absent.

    Where a damaged length or VR makes it something else, that may be a neighbouring patient's name: it is not shown.
    """
    if value is None or value == "":
        return None
    return str(value) if re.fullmatch(r"[A-Z0-9_ ]{1,16}", str(value)) else "not a code"


def frame_count(ds: Dataset, path: object) -> int:
    """How many frames the file holds (Number of Frames, 1 where absent).

    Raises DicomError when it is no number.
    """
    count = numbers(ds, 0, "NumberOfFrames", path) or [1.0]
    if len(count) != 1 or not 1 <= count[0] < 2**31:
        raise DicomError(path, f"NumberOfFrames {count} is not usable: expected one number above 0")
    return int(count[0])


def attribute(ds: Dataset, frame: int, keyword: str) -> Any:
    """A header value as it holds for one frame: its own group, else the shared one, else the top."""
    groups = []
    per_frame = ds.get("PerFrameFunctionalGroupsSequence")
    if per_frame and frame < len(per_frame):
        groups.append(per_frame[frame])
    groups.extend((ds.get("SharedFunctionalGroupsSequence") or [])[:1])
    for group in groups:
        items = group.get(FUNCTIONAL_GROUP.get(keyword, ""))
        if is_sequence(items) and items and items[0].get(keyword) is not None:
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
    if not all(abs(v) < LARGEST for v in values):
        raise DicomError(path, f"{keyword} in the header is beyond {LARGEST:g}")
    return values
