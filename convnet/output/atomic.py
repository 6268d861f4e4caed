"""Files that are written whole or not at all, and nothing but files replaced."""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows: a draft that is left over stays
    fcntl = None  # type: ignore[assignment]


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; an old one stays until then. OSError names `path`.

    A symbolic link's target is written. What is no file, a device or a pipe, is written to as it is, never replaced.
    """
    write_together({path: data})


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON, whole or not at all; ValueError for NaN and infinities, which are no JSON."""
    write_text(path, to_json(content))


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, whole or not at all; what of a file's name is no UTF-8 is escaped, as JSON does it too."""
    write_atomically(path, to_utf8(text))


def to_utf8(text: str) -> bytes:
    """Return text as UTF-8; what of a file's name is no UTF-8 is escaped, the way JSON does."""
    return text.encode(errors="backslashreplace")


def to_json(content: Any) -> str:
    """Return indented JSON; ValueError for NaN and infinities, which are no JSON."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write files that belong together: whatever happens, no new one of them stands beside an old one.

    All are written to drafts first; so a full disk changes nothing. Then the old ones but the first are removed, and
    the drafts take their places, first things first.
    """
    drafts: list[tuple[Path, Path]] = []
    try:
        for path, data in files.items():
            with _naming(path):
                place = _place(path)
                if place is None:
                    _write_into(path, data)
                else:
                    drafts.append((_write_draft(place, data), place))
        for _, place in drafts[1:]:
            with _naming(place):
                place.unlink(missing_ok=True)
        for draft, place in drafts:
            with _naming(place):
                os.replace(draft, place)
    finally:
        for draft, _ in drafts:
            draft.unlink(missing_ok=True)


def _place(path: Path) -> Path | None:
    """Return where the file's content belongs, a link followed to its end; None for what is no file."""
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: give a file's name")
    place = Path(os.path.realpath(path)) if path.is_symlink() else path
    if not place.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {place.parent}")
    return place if not place.exists() or stat.S_ISREG(place.stat().st_mode) else None


def _write_into(path: Path, data: bytes) -> None:
    """Write to a device or a pipe; OSError at once for a pipe that nobody reads."""
    handle = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
    os.set_blocking(handle, True)
    with os.fdopen(handle, "wb") as file:
        file.write(data)


def _write_draft(place: Path, data: bytes) -> Path:
    _remove_drafts(place)
    draft = place.with_name(f".{place.name}.{secrets.token_hex(6)}.draft")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            if fcntl is not None:
                with suppress(OSError):  # a file system without locks
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return draft


def _remove_drafts(place: Path) -> None:
    """Remove drafts of this file whose writers were killed: a living one holds a lock."""
    if fcntl is None:
        return
    for draft in place.parent.iterdir():
        if not (draft.name.startswith(f".{place.name}.") and draft.name.endswith(".draft")):
            continue
        with suppress(OSError), draft.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.unlink()


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Raise an OSError that names the file: those of a write say only that the disk is full."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise type(error)(error.errno, error.strerror, str(path)) from error
        raise
