"""NRRD files with their data inside (.nrrd), by pynrrd's reading of their header; raw or gzip."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from convnet.data.errors import DicomError
from convnet.data.limits import open_regular
from convnet.data.volumes.numbers import require_voxels, voxels
from convnet.data.volumes.unfold import unfold
from convnet.data.volumes.volume import Volume, require_spanning

MOST_HEADER = 2**20
# (names of a type, NumPy's)
TYPES = {
    name: code
    for names, code in (
        ("signed char|int8|int8_t", "i1"),
        ("uchar|unsigned char|uint8|uint8_t", "u1"),
        ("short|short int|signed short|signed short int|int16|int16_t", "i2"),
        ("ushort|unsigned short|unsigned short int|uint16|uint16_t", "u2"),
        ("int|signed int|int32|int32_t", "i4"),
        ("uint|unsigned int|uint32|uint32_t", "u4"),
        ("longlong|long long|long long int|signed long long|signed long long int|int64|int64_t", "i8"),
        ("ulonglong|unsigned long long|unsigned long long int|uint64|uint64_t", "u8"),
        ("float", "f4"),
        ("double", "f8"),
    )
    for name in names.split("|")
}
# what the first two axes of a space are times, to run to the left and to the back
SPACES = {
    "left-posterior-superior": (1, 1),
    "lps": (1, 1),
    "right-anterior-superior": (-1, -1),
    "ras": (-1, -1),
    "left-anterior-superior": (1, -1),
    "las": (1, -1),
}
KNOWN = {
    *("type", "dimension", "space", "sizes", "space directions", "kinds", "endian", "encoding", "space origin"),
    *("spacings", "thicknesses", "axis mins", "axis maxs", "centers", "labels", "units", "space units", "block size"),
    *("measurement frame", "space dimension", "min", "max", "old min", "old max", "number"),
}


def read(path: str) -> Volume:
    """Read a file. Raises DicomError."""
    with open_regular(path) as file:
        header = read_header(file, path)
        for key in ("data file", "datafile", "line skip", "lineskip", "byte skip", "byteskip"):
            if header.get(key):
                raise DicomError(path, f"states '{key}': only files that hold their voxels behind the header are read")
        encoding = str(header.get("encoding", "")).casefold()
        if encoding not in ("raw", "gzip", "gz"):
            raise DicomError(path, "is encoded in another way: expected raw or gzip")
        data = file.read(file.length) if encoding == "raw" else unfold(file, path)
    shape = require_voxels([int(n) for n in header.get("sizes", ())], path)
    if (kind := str(header.get("type", "")).casefold()) not in TYPES:
        raise DicomError(path, "holds values of another type: expected plain numbers")
    if any(str(kind).casefold() not in ("domain", "space", "none", "???") for kind in header.get("kinds", ())):
        raise DicomError(path, "has an axis of colours, vectors or times: expected one volume of plain numbers")
    order = ">" if str(header.get("endian", "little")).casefold() == "big" else "<"
    affine, spacing = orientation(header, path)
    return Volume(
        stored=voxels(data, np.dtype(order + TYPES[kind]), shape, path),
        affine=affine,
        spacing=spacing,
        kind="NRRD",
        fields=sorted(f"field {key}" for key in header if key not in KNOWN)
        + [k for k in ("content",) if header.get(k)],
    )


def read_header(file: io.BufferedReader, path: object) -> dict[str, Any]:
    """Return pynrrd's header; leave the file behind it. Raises DicomError."""
    try:
        import nrrd
    except ImportError:
        raise DicomError(path, "is an NRRD file, which needs pynrrd: pip install '.[nrrd]'") from None
    lines = []
    while (line := file.readline(MOST_HEADER)).strip() and file.tell() <= MOST_HEADER:
        lines.append(line)
    if not line or not lines or not lines[0].startswith(b"NRRD000"):
        raise DicomError(path, "is not an NRRD file with its voxels behind the header")
    try:
        return dict(nrrd.read_header([*lines, b"\n"]))
    except MemoryError:
        raise
    except Exception as error:  # each damaged field fails in its own way
        raise DicomError(path, f"has a damaged NRRD header ({type(error).__name__})") from None


def orientation(header: dict[str, Any], path: object) -> tuple[np.ndarray | None, tuple[float, float, float]]:
    """Return (the (3,3) directions to the left, back and head, None if not stated; mm along each axis)."""
    try:
        directions = np.array(header.get("space directions", []), float)
        spacings = np.array(header.get("spacings", []), float)
    except (TypeError, ValueError):
        raise DicomError(path, "states a damaged orientation") from None
    space = SPACES.get(str(header.get("space", "")).casefold())
    if directions.shape == (3, 3):
        lengths = np.linalg.norm(directions, axis=1)
        affine = None if space is None else require_spanning(np.diag([*space, 1.0]) @ directions.T, path)
        return affine, (float(lengths[0]), float(lengths[1]), float(lengths[2]))
    known = [float(n) for n in spacings if np.isfinite(n)]
    x, y, z = (*known, 1.0, 1.0, 1.0)[:3] if len(known) in (2, 3) else (1.0, 1.0, 1.0)
    return None, (abs(x), abs(y), abs(z))
