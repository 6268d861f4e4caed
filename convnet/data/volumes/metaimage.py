"""MetaImage files with their data inside (.mha), as ITK writes them.

A header of lines `Key = Value`, the last of which is `ElementDataFile = LOCAL`, then the voxels, plain or as a zlib
stream. Each three numbers of TransformMatrix are the direction of one stored axis, to the left, back and head.
"""

from __future__ import annotations

import io

import numpy as np

from convnet.data.errors import DicomError
from convnet.data.limits import open_regular
from convnet.data.volumes.numbers import require_voxels, voxels
from convnet.data.volumes.unfold import ZLIB, unfold
from convnet.data.volumes.volume import Volume, require_spanning

MOST_HEADER = 2**16
TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
KNOWN = {
    *("objecttype", "ndims", "binarydata", "binarydatabyteordermsb", "elementbyteordermsb", "compresseddata"),
    *("compresseddatasize", "transformmatrix", "rotation", "orientation", "offset", "origin", "position"),
    *("centerofrotation", "anatomicalorientation", "elementspacing", "elementsize", "dimsize", "elementtype"),
    *("elementnumberofchannels", "elementdatafile", "headersize", "elementmin", "elementmax", "compressionlevel"),
}


def read(path: str) -> Volume:
    """Read a file. Raises DicomError."""
    with open_regular(path) as file:
        fields = read_header(file, path)
        for key, plain in (("elementnumberofchannels", "1"), ("headersize", "0"), ("binarydata", "True")):
            if fields.get(key, plain).casefold() != plain.casefold():
                raise DicomError(path, f"states {key} other than {plain}")
        dims = [int(n) for n in numbers(fields, "dimsize", path)]
        shape = require_voxels(dims, path)
        if (kind := fields.get("elementtype", "").upper()) not in TYPES:
            raise DicomError(path, f"states no element type that is read: expected one of {', '.join(TYPES)}")
        big = fields.get("elementbyteordermsb", fields.get("binarydatabyteordermsb", "False")).casefold() == "true"
        zipped = fields.get("compresseddata", "False").casefold() == "true"
        data = unfold(file, path, ZLIB) if zipped else file.read(file.length)
    spacing = numbers(fields, "elementspacing", path) or numbers(fields, "elementsize", path) or [1.0] * len(dims)
    if len(spacing) != len(dims):
        raise DicomError(path, f"states {len(spacing)} spacings for {len(dims)} axes")
    lengths = np.abs(np.array((*spacing, 1.0)[:3], float))
    cosines = next(
        filter(None, (numbers(fields, key, path) for key in ("transformmatrix", "rotation", "orientation"))), []
    )
    affine = None
    if len(dims) == 3 and cosines:
        if len(cosines) != 9:
            raise DicomError(path, f"states {len(cosines)} numbers as its TransformMatrix: expected 9")
        affine = require_spanning(np.array(cosines).reshape(3, 3).T * lengths, path)
    return Volume(
        stored=voxels(data, np.dtype((">" if big else "<") + TYPES[kind]), shape, path),
        affine=affine,
        spacing=(float(lengths[0]), float(lengths[1]), float(lengths[2])),
        kind="MetaImage",
        fields=sorted(f"key {key}" for key in fields if key not in KNOWN),
    )


def read_header(file: io.BufferedReader, path: object) -> dict[str, str]:
    """Return the header's fields by their names in small letters; leave the file behind it. Raises DicomError."""
    fields: dict[str, str] = {}
    while "elementdatafile" not in fields:
        line = file.readline(MOST_HEADER)
        key, equals, value = line.decode("ascii", "replace").partition("=")
        if not equals or file.tell() > MOST_HEADER:
            raise DicomError(path, "is not a MetaImage file: expected lines KEY = VALUE up to ElementDataFile")
        fields[key.strip().casefold()] = value.strip()
    if fields["elementdatafile"] != "LOCAL":
        raise DicomError(path, "keeps its voxels in another file: save it as one .mha file")
    return fields


def numbers(fields: dict[str, str], key: str, path: object) -> list[float]:
    """Return the numbers of a field, none if it is absent. Raises DicomError for what are no finite numbers."""
    try:
        found = [float(text) for text in fields.get(key, "").split()]
    except ValueError:
        found = [float("nan")]
    if not np.isfinite(found).all():
        raise DicomError(path, f"states {key} that are no numbers")
    return found
