"""A zip or tar in place of a folder: its members are read by a worker, and written to a folder of this user's own.

Nothing in an archive decides where a file goes: a name that leaves the folder, a name used twice, a link or a device
refuses the whole archive. An archive inside is not opened.
"""

from __future__ import annotations

import os
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from convnet.data.arrays import explain_damage
from convnet.data.errors import CohortError, DicomError
from convnet.data.limits import Limits, current, open_regular, refuse, size
from convnet.data.pseudonyms import shown
from convnet.data.reading.kinds import ARCHIVES, ending
from convnet.data.reading.readers import Readers

PIECE = 2**20
BESIDE = ("__MACOSX",)  # what one system's archiver adds


def is_archive(path: str | os.PathLike[str]) -> bool:
    """Return True for a file whose name says that it is a zip or a tar."""
    return ending(path) in ARCHIVES and Path(path).is_file()


@contextmanager
def unpacked(path: Path, limits: Limits) -> Iterator[Path]:
    """Unpack an archive into a folder that is deleted at the end. Raises CohortError for one that is not harmless."""
    with tempfile.TemporaryDirectory(prefix="convnet-") as place, Readers(limits, workers=1) as readers:
        root = Path(place)
        try:
            write_members(readers.read(members, path, limit="unpacked"), root, limits)
        except DicomError as error:
            raise CohortError(str(DicomError(path, error.reason))) from None
        except OSError as error:
            raise CohortError(f"{shown(path)}: cannot be unpacked to {place}: {error.strerror}") from None
        yield root


def write_members(pieces: Iterator[Any], root: Path, limits: Limits) -> None:
    """Write what `members` yields below a folder; nothing that the worker sends is trusted. Raises DicomError."""
    total, count, file = 0, 0, None
    seen: set[str] = set()
    try:
        for piece in pieces:
            if isinstance(piece, str):
                if file is not None:
                    file.close()
                file, count = None, count + 1
                name = inside(piece)
                if name.casefold() in seen:
                    raise DicomError(root, "has two members of one name")
                seen.add(name.casefold())
                if count > limits.members:
                    raise refuse(root, f"has more than {limits.members} members", "members")
                target = root / name
                target.parent.mkdir(parents=True, exist_ok=True)
                file, written = target.open("xb"), 0
                continue
            total, written = total + piece.nbytes, written + piece.nbytes
            if written > limits.file:
                raise refuse(root, f"has a member of more than {size(limits.file)}", "file")
            if total > limits.unpacked:
                raise refuse(root, f"unfolds to more than the limit of {size(limits.unpacked)}", "unpacked")
            assert file is not None
            file.write(piece.tobytes())
    except FileExistsError:
        raise DicomError(root, "has a member whose folder is another member") from None
    finally:
        pieces.close()  # type: ignore[attr-defined]
        if file is not None:
            file.close()


def inside(name: str) -> str:
    """Return a member's name as a path below a folder. Raises DicomError for any other."""
    path = PureWindowsPath(name)  # splits at both / and \
    odd = path.anchor or PurePosixPath(name).is_absolute() or ".." in path.parts or ":" in name
    if not path.parts or odd or not name.isprintable() or len(name.encode(errors="replace")) > 1000:
        raise DicomError("archive", "has a member whose name leaves the folder, or is no name of a file")
    return path.as_posix()


# --- in the worker


def members(path: str) -> Iterator[Any]:
    """Yield, for each file of an archive, its name, then its bytes piece by piece. Raises DicomError."""
    with open_regular(path, current().unpacked, "unpacked") as file:
        names = zip_members if ending(path) == ".zip" else tar_members
        with explain_damage(path, "an archive"):
            yield from names(file, path)


def zip_members(file: Any, path: str) -> Iterator[Any]:
    """Yield `members` of a zip."""
    with zipfile.ZipFile(file) as archive:
        require_few(len(archive.infolist()), path)
        for member in archive.infolist():
            mode = stat.S_IFMT(member.external_attr >> 16)
            if member.flag_bits & 1:
                raise DicomError(path, "is encrypted: unpack it first")
            if mode not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise DicomError(path, "has a member that is a link or a device")
            if member.is_dir() or left_out(member.filename):
                continue
            yield member.filename
            with archive.open(member) as stream:
                yield from pieces_of(stream.read)


def tar_members(file: Any, path: str) -> Iterator[Any]:
    """Yield `members` of a tar, compressed or not."""
    with tarfile.open(fileobj=file, mode="r:*") as archive:
        count = 0
        while (member := archive.next()) is not None:
            count += 1
            require_few(count, path)
            if member.isdir() or left_out(member.name):
                continue
            if not member.isreg():
                raise DicomError(path, "has a member that is a link or a device")
            if member.sparse is not None:
                raise DicomError(path, "has a member that is stored sparsely: pack it plainly")
            stream = archive.extractfile(member)
            assert stream is not None
            yield member.name
            yield from pieces_of(stream.read)


def require_few(count: int, path: str) -> None:
    """Raise DicomError beyond the limit of members."""
    if count > current().members:
        raise refuse(path, f"has more than {current().members} members", "members")


def left_out(name: str) -> bool:
    """Return True for what is hidden, and for what an archiver added."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return any(part in BESIDE or (part.startswith(".") and part not in (".", "..")) for part in parts)


def pieces_of(read: Callable[[int], bytes]) -> Iterator[np.ndarray]:
    """Yield the bytes of a stream."""
    while piece := read(PIECE):
        yield np.frombuffer(piece, np.uint8)
