"""The course as a folder of one's own: notebooks, lessons and formulas, copied out of the installed package."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import convnet
import kernels
from convnet.output.atomic import write_atomically

COURSE = Path(convnet.__file__).parent / "course"
KERNELS = Path(kernels.__file__).parent
LESSON_FILES = ("README.md", "reference.py", "pictures/*.svg")


@dataclass
class Copied:
    """Paths within the folder: written now, there before with the same contents, and there before with others."""

    written: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def copy_course(folder: Path, more: Iterable[tuple[str, bytes]] = ()) -> Copied:
    """Write every file of the course that is not there, and `more`; whatever is there stays as it is.

    ValueError where the folder's name is a file's; OSError where it cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file: give a folder, new or old")
    copied = Copied()
    for name, contents in chain(files(), more):
        path = folder / name
        if path.exists() or path.is_symlink():
            same = path.is_file() and path.read_bytes() == contents
            (copied.same if same else copied.kept).append(name)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, contents)
            copied.written.append(name)
    return copied


def files() -> Iterator[tuple[str, bytes]]:
    """(path in the folder, contents): notebooks and COURSE.md, and kernels/<operation>/ with its lesson and formula."""
    for path in sorted(COURSE.iterdir()):
        if path.suffix in (".ipynb", ".md"):
            yield path.name, _adapt_links(path, "../../kernels/", "kernels/")
    yield "kernels/GLOSSARY.md", (KERNELS / "GLOSSARY.md").read_bytes()
    for pattern in LESSON_FILES:
        for path in sorted(KERNELS.glob(f"*/{pattern}")):
            yield (
                f"kernels/{path.relative_to(KERNELS).as_posix()}",
                _adapt_links(path, "../../convnet/course/", "../../"),
            )


def _adapt_links(path: Path, before: str, after: str) -> bytes:
    """Return the file, its links adapted to the place where it is copied to."""
    return path.read_bytes().replace(f"]({before}".encode(), f"]({after}".encode())
