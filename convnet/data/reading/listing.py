"""The image files that a path names: a file, a folder, a DICOMDIR, a zip or a tar."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from convnet.data.errors import CohortError, DicomError
from convnet.data.limits import Limits
from convnet.data.reading.archive import is_archive, unpacked
from convnet.data.reading.readers import Readers

INDEX = "dicomdir"
# beside the images of a folder
TEXTS = (".csv", ".xlsx", ".txt", ".md", ".json", ".jsonl", ".html", ".xml", ".pdf")


@dataclass(frozen=True)
class ImageFile:
    """A file to read: where it is, and the name that results show; they differ for a member of an archive.

    patient  whose image it is, if a table says so
    within   the folder that was given, which a link must not lead out of
    """

    path: Path
    name: str
    patient: str = ""
    within: Path | None = None

    def locate(self) -> Path:
        """Return where the file is. Raises DicomError for a link out of the folder."""
        if self.within is not None:
            require_inside(self.path, self.within)
        return self.path


def require_inside(path: Path, folder: Path, where: str = "") -> None:
    """Raise DicomError if a link leads from a file of the folder out of it; where: what is said before the reason."""
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise DicomError(path, f"{where}is a link out of the folder: put the file itself there")
    except (OSError, RuntimeError) as error:  # a name too long for the system, a ring of links
        reason = getattr(error, "strerror", None) or error
        raise DicomError(path, f"{where}cannot be opened: {reason}") from None


@contextmanager
def opened_folder(path: str | os.PathLike[str], limits: Limits | None = None) -> Iterator[Path]:
    """Yield the folder that a path names: itself, what an archive holds, or the folder of a DICOMDIR.

    Raises CohortError for what is none of them, or for an archive that is not harmless.
    """
    path = Path(path)
    if is_archive(path):
        with unpacked(path, limits or Limits()) as root:
            yield root
    elif is_index(path):
        yield path.parent
    elif path.is_dir():
        yield path
    else:
        raise CohortError(f"{path}: is not a folder, a .zip, a .tar or a DICOMDIR")


@contextmanager
def opened_files(
    paths: list[Path], limits: Limits | None = None, patients: Mapping[str, str] | None = None
) -> Iterator[list[ImageFile]]:
    """Yield the image files that the paths name; what an archive holds is deleted at the end.

    patients  by path: of a file or a folder, within the folder or archive that is given; of a file as it is given

    Folders are searched recursively; tables, texts and hidden files are left out, and links to folders not followed.
    A link to a file must not lead out of the folder (`ImageFile.locate`).
    Of a DICOMDIR, the files that it names. Raises CohortError for what cannot be used, and for a folder without images.
    """
    limits, found, patients = limits or Limits(), [], patients or {}
    with ExitStack() as stack:
        for path in paths:
            if is_index(path):
                below = list_index(path, limits)
                root = path.parent.resolve()
                within = [file.relative_to(root) for file in below]
                found += [ImageFile(root / one, str(path.parent / one), find_patient(one, patients)) for one in within]
            elif path.is_dir() or is_archive(path):
                root = stack.enter_context(opened_folder(path, limits))
                below = [root / name for name in walk(root) if not name.casefold().endswith(TEXTS)]
                within = [file.relative_to(root) for file in below]
                found += [ImageFile(root / one, str(path / one), find_patient(one, patients), root) for one in within]
            else:
                below = [path]
                found.append(ImageFile(path, str(path), find_patient(path, patients)))
            if not below:
                raise CohortError(f"{path} is a folder without images")
        yield found


def find_patient(path: Path, patients: Mapping[str, str]) -> str:
    """Return whose image a file is by its own path, else by that of a folder around it, "" if none is named."""
    return next((patients[name] for one in (path, *path.parents) if (name := one.as_posix()) in patients), "")


def walk(root: Path, below: Path = Path()) -> Iterator[str]:
    """Yield the files at any depth of root/below, sorted, relative to root, with "/" between parts.

    Left out: hidden files, DICOMDIRs, and what is reached by a link to a folder.
    """
    for folder, folders, names in os.walk(root / below):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        at = Path(folder).relative_to(root)
        yield from ((at / name).as_posix() for name in sorted(names) if not name.startswith(".") and not is_index(name))


def is_index(path: str | os.PathLike[str]) -> bool:
    """Return True for a file that is called DICOMDIR."""
    return Path(path).name.casefold() == INDEX and not Path(path).is_dir()


def list_index(path: Path, limits: Limits) -> list[Path]:
    """Return the files that a DICOMDIR names, all of them below its own folder. Raises CohortError."""
    try:
        with Readers(limits, workers=1) as readers:
            from convnet.data.reading import tasks

            (named,) = readers.read(tasks.referenced, path)
    except DicomError as error:
        raise CohortError(str(error)) from None
    root = path.parent.resolve()
    found = [locate(root, parts, path) for parts in named]
    return list(dict.fromkeys(found))


def locate(root: Path, parts: list[str], index: Path) -> Path:
    """Return the file below a folder whose parts have these names, capitals apart. Raises CohortError."""
    at = root
    for part in parts:
        if not part or part in (".", "..") or any(c in part for c in "/\\:\0"):
            raise CohortError(f"{index}: names a file outside its folder")
        exact = at / part
        same = (
            []
            if exact.exists() or not at.is_dir()
            else [p for p in at.iterdir() if p.name.casefold() == part.casefold()]
        )
        at = same[0] if len(same) == 1 else exact
    if at.exists() and not at.resolve().is_relative_to(root):
        raise CohortError(f"{index}: names a link that leads out of its folder")
    return at
