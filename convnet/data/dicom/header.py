"""Values of a header, read without trusting them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convnet.data.errors import DicomError

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
    "RescaleType": "PixelValueTransformationSequence",
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
    *(
        "RescaleIntercept",
        "RescaleSlope",
        "RescaleType",
        "VOILUTFunction",
        "PresentationLUTShape",
        "AnatomicalOrientationType",
    ),
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


@dataclass(frozen=True)
class Encoding:
    """How a file's bytes are to be read: what its transfer syntax says (PS3.5 section 10)."""

    implicit: bool
    little: bool
    encapsulated: bool


def encoding(ds: Dataset) -> Encoding:
    """Return the encoding that the transfer syntax states; that of compressed ones for a syntax of unknown UID."""
    syntax = ds.file_meta.TransferSyntaxUID
    try:
        return Encoding(syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_encapsulated)
    except ValueError:  # of no transfer syntax that pydicom knows
        return Encoding(False, True, True)


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
    """Return a coded value (CS, PS3.5 6.2) such as 'CT'; None where absent.

    Where a damaged length or VR makes it something else, that may be a neighbouring patient's name: it is not shown.
    """
    if value is None or value == "":
        return None
    return str(value) if re.fullmatch(r"[A-Z0-9_ ]{1,16}", str(value)) else "not a code"


def groups(ds: Dataset, frame: int) -> list[Dataset]:
    """Return the functional groups that hold for one frame: its own, then the shared one (PS3.3 C.7.6.16)."""
    found = []
    per_frame = ds.get("PerFrameFunctionalGroupsSequence")
    if per_frame and frame < len(per_frame):
        found.append(per_frame[frame])
    found.extend((ds.get("SharedFunctionalGroupsSequence") or [])[:1])
    return found


def attribute(ds: Dataset, frame: int, keyword: str) -> Any:
    """Return a header value as it holds for one frame: its own group's, else the shared one's, else the top's."""
    for group in groups(ds, frame):
        items = group.get(FUNCTIONAL_GROUP.get(keyword, ""))
        if is_sequence(items) and items and items[0].get(keyword) is not None:
            return items[0].get(keyword)
    return ds.get(keyword)


def numbers(ds: Dataset, frame: int, keyword: str, path: object) -> list[float]:
    """Return the finite numbers of one attribute as it holds for one frame (empty when absent).

    Raises DicomError when they are not numbers.
    """
    return numbers_of(attribute(ds, frame, keyword), keyword, path)


def numbers_of(value: Any, keyword: str, path: object) -> list[float]:
    """Return a value's finite numbers, empty where it is absent. Raises DicomError, naming the keyword."""
    try:
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
