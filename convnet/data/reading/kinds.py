"""Which reader a file needs, by the end of its name. What has no known end is taken for DICOM."""

from __future__ import annotations

import os
from typing import Any

from convnet.data.errors import DicomError
from convnet.data.privacy import phi
from convnet.data.reading.dicom_source import DicomSource
from convnet.data.reading.picture_source import PICTURES, PictureSource
from convnet.data.reading.source import Source
from convnet.data.reading.volume_source import READERS, VolumeSource

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
DETACHED = {".mhd": ".mha", ".nhdr": ".nrrd", ".hdr": ".nii", ".img": ".nii"}  # their voxels are in another file
REFUSED = (".7z", ".rar", ".gz", ".bz2", ".xz")


def ending(path: str | os.PathLike[str]) -> str:
    """Return the end of a file's name that says what it is, in small letters, "" for none."""
    name = os.path.basename(os.fspath(path)).casefold()
    known = (*ARCHIVES, *READERS, *PICTURES, *DETACHED, *REFUSED)
    return max((end for end in known if name.endswith(end)), key=len, default="")


def open_source(path: str | os.PathLike[str]) -> Source:
    """Return a file's images. Raises DicomError for a file that has none, or that is beyond the limits."""
    path, kind = os.fspath(path), ending(path)
    if kind in ARCHIVES or kind in REFUSED:
        raise DicomError(
            path, "is an archive: give a .zip or .tar alone in place of a folder; one inside is not opened"
        )
    if kind in DETACHED:
        raise DicomError(path, f"keeps its voxels in another file: save it as one {DETACHED[kind]} file")
    if kind in PICTURES:
        return PictureSource(path)
    return VolumeSource(path, READERS[kind]) if kind in READERS else DicomSource(path)


def identify(path: str | os.PathLike[str], dummy: str | None = None) -> dict[str, Any]:
    """Return what in a file may identify a patient, without its value (`phi.identifying`), whatever its format.

    A file that is not DICOM has {kind, fields}: the names of what it holds beside the pixels.
    """
    kind = ending(path)
    if kind in PICTURES:
        return PictureSource(os.fspath(path)).identifying()
    if kind in READERS:
        return VolumeSource(os.fspath(path), READERS[kind]).identifying()
    return phi.identifying(path, dummy)
