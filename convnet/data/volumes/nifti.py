"""NIfTI-1 and NIfTI-2 files (.nii, .nii.gz), by nibabel's reading of their header.

value = scl_slope * stored + scl_inter, unless scl_slope is 0 or no number: then the stored values (nifti1.h). The place
in the patient is the sform's if it states one, else the qform's, else none. cal_min and cal_max, where the second is
larger, are the values shown black and white.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from convnet.data.errors import DicomError
from convnet.data.limits import open_regular
from convnet.data.volumes.numbers import require_voxels, voxels
from convnet.data.volumes.unfold import unfold
from convnet.data.volumes.volume import Volume, require_spanning

TO_LPS = np.diag([-1.0, -1.0, 1.0])  # NIfTI's x and y run to the right and to the front
TEXTS = ("descrip", "aux_file", "db_name", "intent_name")
EXTENSIONS = {2: "DICOM header", 4: "AFNI header", 6: "comment", 18: "file in MATLAB's format"}


def read(path: str) -> Volume:
    """Read a file. Raises DicomError; ValueError without nibabel."""
    with open_regular(path) as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        data: Any = unfold(file, path) if zipped else file.read(file.length)
    header = read_header(data, path)
    shape = require_voxels(header.get_data_shape(), path)
    dtype, start = header.get_data_dtype(), float(header["vox_offset"])
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise DicomError(path, f"holds values of the kind {header.get_value_label('datatype')}: expected plain numbers")
    if not int(header["sizeof_hdr"]) <= start <= len(data):  # also refuses NaN
        raise DicomError(path, f"states that its voxels begin at byte {start:g} of {len(data)}")
    offset = int(start)
    slope, intercept = scaling(header, path)
    low, high = float(header["cal_min"]), float(header["cal_max"])
    affine = orientation(header, path)
    spacing = np.abs(header["pixdim"][1:4].astype(float)) if affine is None else np.linalg.norm(affine, axis=0)
    return Volume(
        stored=voxels(memoryview(data)[offset:], dtype, shape, path),
        affine=affine,
        spacing=(float(spacing[0]), float(spacing[1]), float(spacing[2]) or 1.0),
        kind=f"NIfTI-{1 if int(header['sizeof_hdr']) == 348 else 2}",
        slope=slope,
        intercept=intercept,
        shown=(low, high) if np.isfinite([low, high]).all() and high > low else None,
        fields=[name for name in TEXTS if name in header.keys() and bytes(header[name].tobytes()).strip(b"\0 ")]  # noqa: SIM118
        + extensions(header, data, offset),
    )


def read_header(data: bytes, path: object) -> Any:
    """Return nibabel's header of a single-file image. Raises DicomError."""
    try:
        from nibabel import Nifti1Header, Nifti2Header
        from nibabel.spatialimages import HeaderDataError
        from nibabel.wrapstruct import WrapStructError
    except ImportError:
        raise DicomError(path, "is a NIfTI file, which needs nibabel: pip install '.[nifti]'") from None
    sizes = {348: Nifti1Header, 540: Nifti2Header}
    found = [sizes[n] for order in ("little", "big") if (n := int.from_bytes(data[:4], order)) in sizes]  # type: ignore[arg-type]
    if not found:
        raise DicomError(path, "is not a NIfTI file: its header states no size of 348 or 540 bytes")
    try:
        header = found[0].from_fileobj(io.BytesIO(data[:540]), check=False)
        magic = bytes(header["magic"].tobytes())
        if magic[:3] == b"ni1" or magic[:3] == b"ni2":
            raise DicomError(path, "is the header of a pair .hdr and .img: save it as one .nii file")
        if magic[:3] not in (b"n+1", b"n+2"):
            raise DicomError(path, "is not a NIfTI file (an Analyze header?): save it as .nii")
        header.get_data_shape(), header.get_data_dtype()
    except (HeaderDataError, WrapStructError, ValueError, KeyError, OverflowError) as error:
        if isinstance(error, DicomError):
            raise
        raise DicomError(path, f"has a damaged NIfTI header ({type(error).__name__})") from None
    return header


def scaling(header: Any, path: object) -> tuple[float, float]:
    """Return (slope, intercept) by NIfTI's rule: a slope of 0, or one that is no number, means none."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or np.isnan(slope):
        return 1.0, 0.0
    if not np.isfinite([slope, intercept]).all():
        raise DicomError(path, f"states scl_slope {slope} and scl_inter {intercept}, which give no values")
    return slope, intercept


def orientation(header: Any, path: object) -> np.ndarray | None:
    """Return the (3,3) directions of the stored axes to the left, back and head, None if the file states none."""
    try:
        affine, code = header.get_sform(coded=True)
        if not code:
            affine, code = header.get_qform(coded=True)
    except Exception as error:  # a quaternion that is none
        raise DicomError(path, f"states a damaged orientation ({type(error).__name__})") from None
    return None if affine is None or not code else require_spanning(TO_LPS @ affine[:3, :3], path)


def extensions(header: Any, data: bytes, offset: int) -> list[str]:
    """Return the names of the extensions between header and voxels: they may hold a whole DICOM header."""
    at, order = int(header["sizeof_hdr"]), header.endianness
    out: list[str] = []
    if at + 4 > offset or not data[at]:
        return []
    at += 4
    while at + 8 <= offset and len(out) < 100:
        length, code = np.frombuffer(data, f"{order}i4", 2, at)
        out.append(f"extension: {EXTENSIONS.get(int(code), f'of kind {int(code)}')}")
        if length < 16:
            break
        at += int(length)
    return out
