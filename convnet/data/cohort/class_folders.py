"""Labels by folder: FOLDER/CLASS/image, or FOLDER/SPLIT/CLASS/image, as data sets of pictures often come."""

from __future__ import annotations

from pathlib import Path

from convnet.data.cohort.table import SPELLINGS, Row
from convnet.data.errors import CohortError
from convnet.data.reading.listing import walk


def list_class_folders(root: Path, name: object = None) -> list[Row]:
    """Return a row for each file, labelled by its folder. Hidden files are left out, links to folders not followed.

    name  what errors call the root, if it is an archive's

    Raises CohortError where there are not two classes or more.
    """
    top = subfolders(root)
    splits = {name: SPELLINGS.get(name.casefold()) for name in top}
    if top and all(splits.values()):
        found = [(split, Path(name) / label) for name, split in splits.items() for label in subfolders(root / name)]
    else:
        found = [(None, Path(label)) for label in top]
    files = [(split, label.name, path) for split, label in found for path in walk(root, label)]
    if len({label for _, label, _ in files}) < 2:
        raise CohortError(
            f"{name or root}: no table of labels, and no images in two folders named after classes: give --labels "
            "TABLE, or sort the images as FOLDER/CLASS/image or FOLDER/SPLIT/CLASS/image"
        )
    return [Row(line, path, label, None, split) for line, (split, label, path) in enumerate(files, start=1)]


def subfolders(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted, hidden ones apart."""
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
