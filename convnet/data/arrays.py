"""Arrays from untrusted .npy and .npz files: what a header claims is checked before memory is taken for it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from convnet.data.errors import DicomError
from convnet.data.limits import current, open_regular, refuse, size

if TYPE_CHECKING:
    import os

    Path = str | os.PathLike[str]

MOST_MEMBERS = 1000
NPY, NPZ = "a NumPy array of numbers", "an .npz file of plain arrays"


@dataclass(frozen=True)
class ArrayHeader:
    """What a .npy header says of the numbers behind it."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """How many bytes the numbers take."""
        return prod(self.shape) * self.dtype.itemsize


@contextmanager
def explain_damage(path: object, kind: str) -> Iterator[None]:
    """Turn whatever a damaged file raises into a DicomError that says what was expected."""
    try:
        yield
    except (DicomError, FileNotFoundError):
        raise
    except OSError as error:
        if error.errno:
            raise DicomError(path, f"cannot be opened: {error.strerror}") from None
        raise DicomError(path, f"is not {kind}, or damaged ({type(error).__name__})") from None  # Pillow's own
    except MemoryError:
        raise
    except Exception as error:  # zlib, struct, zipfile and NumPy each fail in their own ways
        raise DicomError(path, f"is not {kind}, or damaged ({type(error).__name__})") from None


def read_header(stream: BinaryIO, length: int, path: object, kind: str) -> ArrayHeader:
    """Read a .npy header; leave the stream behind it. Raises DicomError unless the numbers fill the `length` bytes."""
    version = np.lib.format.read_magic(stream)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = reader(stream)
    header = ArrayHeader(tuple(int(n) for n in shape), bool(fortran), dtype)
    if dtype.hasobject or dtype.kind not in "biufc":
        raise DicomError(path, f"is not {kind}: it holds {dtype} values")
    if min(header.shape, default=0) < 0 or header.nbytes > length:
        raise DicomError(path, f"claims an array of shape {header.shape} {dtype}, which its {size(length)} cannot hold")
    return header


def read_values(stream: BinaryIO, header: ArrayHeader, path: object) -> np.ndarray:
    """Read all the numbers behind a header."""
    out = np.empty(header.nbytes, np.uint8)
    view, done = memoryview(out.data), 0
    while done < len(view) and (n := stream.readinto(view[done : done + 2**24])):  # type: ignore[attr-defined]
        done += n
    if done < len(view):
        raise DicomError(path, f"ends after {size(done)} of an array of {size(header.nbytes)}")
    values = out.view(header.dtype)
    return values.reshape(header.shape[::-1]).T if header.fortran else values.reshape(header.shape)


def read_npy(path: Path) -> np.ndarray:
    """Read the array of a .npy file within this process's limits. Raises DicomError; never unpickles."""
    with explain_damage(path, NPY), open_regular(path) as file:
        length = file.seek(0, 2)
        file.seek(0)
        header = read_header(file, length - file.tell(), path, NPY)
        require_values(header, path)
        return read_values(file, header, path)


def require_values(header: ArrayHeader, path: object) -> None:
    """Raise DicomError if an image has more values than the limit."""
    if prod(header.shape) > current().values:
        raise refuse(path, f"holds {header.shape} values, the limit is {current().values}", "values")


class ArrayFile:
    """An .npz file, open: its arrays by name, read one at a time, or one item of one.

    `most` bytes may be in the file, and in all that its members unfold to. Raises DicomError; never unpickles.
    """

    def __init__(self, path: Path, most: int) -> None:
        self.path = path
        self.file = open_regular(path, most, "arrays")
        try:
            with explain_damage(path, NPZ):
                self.zip = zipfile.ZipFile(self.file)
                members = self.zip.infolist()
            if len(members) > MOST_MEMBERS:
                raise DicomError(path, f"has {len(members)} members: expected at most {MOST_MEMBERS} arrays")
            total = sum(member.file_size for member in members)  # zipfile reads no more than these
            if total > most:
                raise refuse(path, f"unfolds to {size(total)}: more than the limit of {size(most)}", "arrays")
            self.members = {m.filename.removesuffix(".npy"): m for m in members}
        except BaseException:
            self.file.close()
            raise

    def __enter__(self) -> ArrayFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    @contextmanager
    def _open(self, name: str) -> Iterator[tuple[BinaryIO, ArrayHeader]]:
        member = self.members[name]
        with explain_damage(self.path, NPZ), self.zip.open(member) as stream:
            yield stream, read_header(stream, member.file_size, self.path, NPZ)  # type: ignore[arg-type, misc]

    def read(self, name: str) -> np.ndarray:
        """Read one array."""
        with self._open(name) as (stream, header):
            return read_values(stream, header, self.path)

    def read_item(self, name: str, number: int) -> tuple[np.ndarray | None, int]:
        """Read (one item of an array along its first axis, or None if there is no such one; how many there are)."""
        with self._open(name) as (stream, header):
            count = header.shape[0] if header.shape else 0
            if number >= count:
                return None, count
            if header.fortran:
                return read_values(stream, header, self.path)[number], count
            each = ArrayHeader(header.shape[1:], False, header.dtype)
            require_values(each, self.path)
            left = number * each.nbytes
            while left and (piece := stream.read(min(left, 2**20))):
                left -= len(piece)
            return read_values(stream, each, self.path), count
