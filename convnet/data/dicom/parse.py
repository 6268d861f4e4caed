"""From a file to its data set, checked before anything is made of it."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

from convnet.data.dicom.frames import frame_count
from convnet.data.dicom.header import check_header
from convnet.data.errors import DicomError
from convnet.data.limits import opened, require_extent

if TYPE_CHECKING:
    from pydicom import Dataset


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
