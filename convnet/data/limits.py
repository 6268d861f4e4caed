"""How much one file may ask for: checked before its pixels are decoded, and watched while they are."""

from __future__ import annotations

import io
import os
import re
import stat
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, BinaryIO

from convnet.data.errors import DicomError

if TYPE_CHECKING:
    from pydicom import Dataset

UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
DEFLATED = b"1.2.840.10008.1.2.1.99"  # Deflated Explicit VR Little Endian (PS3.5 A.5)
LONG = (b"OB", b"OW", b"UN", b"SQ", b"UT", b"OF", b"OD", b"OL", b"OV", b"UC", b"UR", b"SV", b"UV")  # PS3.5 7.1.2


@dataclass(frozen=True)
class Limits:
    """What one file may cost. `--limit NAME=VALUE` changes one, for instance `--limit memory=4G`.

    file      bytes of the file
    inflated  bytes that a deflated DICOM file, a .nii.gz or a compressed volume may unfold to
    values    numbers in all its pixels: rows x columns x samples x frames
    frames    images in the file, slices of a volume
    seconds   without a decoded frame, before the process that decodes is ended
    memory    bytes that decoding may take beyond what the process has at its start; Linux enforces it (RLIMIT_AS)
    arrays    bytes of an .npz file, and of all that its arrays unfold to
    unpacked  bytes of a zip or tar, and of all that its members unfold to
    members   files in a zip or tar, or that a DICOMDIR names
    """

    file: int = 512 * 2**20
    inflated: int = 256 * 2**20
    values: int = 2**30
    frames: int = 10_000
    seconds: float = 10.0
    memory: int = 768 * 2**20
    arrays: int = 2**33
    unpacked: int = 2**33
    members: int = 100_000

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 < value < 2**62:  # also refuses NaN
                raise ValueError(f"--limit {name}={value}: expected a number above 0")


def parse_limits(settings: Iterable[str]) -> Limits:
    """Return limits with NAME=VALUE settings over the defaults. K, M, G, T are powers of 1024. Raises ValueError."""
    limits, names = Limits(), [f.name for f in fields(Limits)]
    for setting in settings:
        name, _, text = setting.partition("=")
        found = re.fullmatch(r"(\d{1,18}(?:\.\d{1,9})?)\s*([KMGT]?)i?B?", text.strip(), re.IGNORECASE | re.ASCII)
        if name.strip() not in names or not found:
            raise ValueError(
                f"--limit {setting!r}: expected NAME=VALUE, NAME one of {', '.join(names)}, VALUE such as 30 or 2G"
            )
        value = float(found[1]) * UNITS[found[2].upper()]
        number: Any = value if name.strip() == "seconds" else int(value)
        limits = replace(limits, **{name.strip(): number})
    return limits


_current = Limits()


def current() -> Limits:
    """Return the limits of this process."""
    return _current


def apply(limits: Limits) -> None:
    """Make these the limits of this process: what a worker does when it starts."""
    global _current
    _current = limits


def size(n: float) -> str:
    """Return a number of bytes as text: '512 MiB'."""
    for unit in ("bytes", "KiB", "MiB"):
        if n < 1024:
            return f"{n:.4g} {unit}"
        n /= 1024
    return f"{n:.4g} GiB"


def refuse(path: object, what: str, limit: str) -> DicomError:
    """Return the error for a file beyond a limit: it names the limit and how to raise it."""
    return DicomError(path, f"{what}: raise it with --limit {limit}=... if you trust the file")


class Opened(io.BufferedReader):
    """A file that allocates no more for a read than there is left: a length in a damaged header may say 4 GiB."""

    def __init__(self, raw: io.FileIO, length: int) -> None:
        super().__init__(raw)
        self.length = length

    def read(self, n: int | None = -1, /) -> bytes:
        """Read up to n bytes, as `io.BufferedReader` does."""
        return super().read(n if n is None or n < 2**16 else max(0, min(n, self.length - self.tell())))


def open_dicom(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a DICOM file whose size, and what it unfolds to, are within the limits. Raises DicomError, OSError."""
    file = open_regular(path)
    try:
        if is_deflated(file):
            require_inflated(file, path, current().inflated)
        file.seek(0)
        return file
    except BaseException:
        file.close()
        raise


def open_regular(path: str | os.PathLike[str], most: int | None = None, limit: str = "file") -> Opened:
    """Open a regular file of at most `most` bytes, or this process's limit; `limit` is the name of what bounds it.

    Raises DicomError beyond it and for a folder, a pipe or a device, which would block or never end; OSError.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    raw = io.FileIO(os.open(path, flags))
    try:
        status = os.fstat(raw.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise DicomError(path, "is no file (a folder, a pipe or a device)")
        most = current().file if most is None else most
        if status.st_size > most:
            raise refuse(path, f"has {size(status.st_size)}, the limit is {size(most)}", limit)
        return Opened(raw, status.st_size)
    except BaseException:
        raw.close()
        raise


def read_text(path: str | os.PathLike[str], most: int) -> bytes:
    """Read a regular file of at most `most` bytes: a table, a recipe. Raises ValueError in one line; OSError."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    with io.FileIO(os.open(path, flags)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("is no file (a folder, a pipe or a device)")
        data = bytearray()
        while len(data) <= most and (piece := file.read(2**20)):  # what grows, or states no size, ends as well
            data += piece
    if len(data) > most:
        raise ValueError(f"has more than {size(most)}")
    return bytes(data)


def is_deflated(file: BinaryIO) -> bool:
    """Return True if the file meta header (PS3.10 7.1) names the deflated transfer syntax; stop behind that header."""
    file.seek(128)
    if file.read(4) != b"DICM":
        file.seek(0)
    found = False
    while len(head := file.read(8)) == 8 and head[:2] == b"\2\0":
        length = int.from_bytes(head[6:8], "little")
        if head[4:6] in LONG:
            length = int.from_bytes(file.read(4), "little")
        value = file.read(min(length, 64))
        file.seek(length - len(value), os.SEEK_CUR)
        found |= head[2:4] == b"\x10\0" and value.rstrip(b" \0") == DEFLATED
    file.seek(-len(head), os.SEEK_CUR)
    return found


def require_inflated(file: BinaryIO, path: object, limit: int) -> None:
    """Inflate what follows, keeping nothing, as far as the limit: pydicom would unfold all of it in memory."""
    total, engine = 0, zlib.decompressobj(-zlib.MAX_WBITS)
    with suppress(zlib.error):  # damage is the parser's to report
        while not engine.eof and (piece := engine.unconsumed_tail or file.read(2**16)):
            total += len(engine.decompress(piece, 2**20))
            if total > limit:
                raise refuse(path, f"unfolds to more than the limit of {size(limit)}", "inflated")


def require_extent(ds: Dataset, path: object, frames: int) -> None:
    """Raise DicomError when rows x columns x samples x frames is beyond the limits."""
    limits = current()
    if frames > limits.frames:
        raise refuse(path, f"states {frames} frames, the limit is {limits.frames}", "frames")
    sides = [whole(ds.get(keyword)) for keyword in ("Rows", "Columns", "SamplesPerPixel")]
    values = sides[0] * sides[1] * max(sides[2], 1) * frames
    if values > limits.values:
        extent = " x ".join(str(n) for n in (*sides[:2], max(sides[2], 1), frames))
        raise refuse(path, f"states {extent} pixel values, the limit is {limits.values}", "values")


def whole(value: Any) -> int:
    """Return a header value as a whole number, 0 if it is none (the pipeline names the fault)."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


def confine(limits: Limits) -> None:
    """Bound this process: memory beyond what it has now, no core dumps (they hold pixels), no writing of files."""
    try:
        import resource
    except ImportError:  # Windows: a crash and a hang are still contained, memory is not
        return
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(kind, (0, 0))
    if os.path.exists("/proc/self/statm"):
        with open("/proc/self/statm") as file:
            pages = int(file.read().split()[0])
        most = pages * resource.getpagesize() + limits.memory
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
