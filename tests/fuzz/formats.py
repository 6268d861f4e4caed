"""Pictures, volumes and archives: the files that mutations start from, one format after another."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np

from convnet.data.errors import DicomError
from convnet.data.reading.archive import members
from tests.fuzz import bytes as plain
from tests.fuzz.run import GOOD

PICTURES = (".png", ".jpg", ".tif", ".bmp", ".gif", ".webp")
VOLUMES = (".nii", ".nii.gz", ".nrrd", ".mha")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tar.xz")


def kind_of(kinds: tuple[str, ...]) -> Callable[[int], str]:
    """number -> the end of that file's name; the good file is of the first kind."""
    return lambda number: kinds[0 if number == GOOD else number % len(kinds)]


@cache
def picture(kind: str) -> list[bytes]:
    """A grey and a colour picture, of 8 and, where there is such, 16 bits, one turned by EXIF."""
    from PIL import Image

    grey = (np.arange(600).reshape(20, 30) % 256).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    pictures = [Image.fromarray(grey), Image.fromarray(np.dstack([grey, grey[::-1], 255 - grey]))]
    pictures += [Image.fromarray(grey.astype(np.uint16) * 200)] if kind in (".png", ".tif") else []
    out = []
    for one in pictures:
        for options in ({}, {"exif": exif}) if kind in (".png", ".jpg", ".tif", ".webp") else ({},):
            file = io.BytesIO()
            one.save(file, {".jpg": "JPEG", ".tif": "TIFF"}.get(kind, kind[1:].upper()), **options)
            out.append(file.getvalue())
    return out


@cache
def volume(kind: str) -> list[bytes]:
    """Whole numbers and floats, plain and compressed."""
    import SimpleITK as sitk

    out = []
    with tempfile.TemporaryDirectory() as folder:
        for dtype in ("i2", "f4", "u1"):
            values = (np.arange(600).reshape(5, 10, 12) % 250).astype(dtype)
            image = sitk.GetImageFromArray(values)
            image.SetSpacing((1.0, 1.5, 3.0))
            for compressed in (False, True):
                path = Path(folder) / f"a{kind}"
                sitk.WriteImage(image, str(path), compressed)
                out.append(path.read_bytes())
    return out


@cache
def archive(kind: str) -> list[bytes]:
    """Two pictures and a text in a folder."""
    content = {"a/0.png": picture(".png")[0], "b/1.png": picture(".png")[1], "notes.txt": b"hello " * 500}
    file = io.BytesIO()
    if kind == ".zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
            for name, data in content.items():
                out.writestr(name, data)
    else:
        with tarfile.open(fileobj=file, mode="w:" + kind[5:]) as out:
            for name, data in content.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                out.addfile(member, io.BytesIO(data))
    return [file.getvalue()]


def mutation(name: str, seeds: Callable[[str], list[bytes]], kinds: tuple[str, ...]) -> Callable[[int, int], bytes]:
    """(seed, number) -> mutated file `number`; half of the gzip ones are damaged inside."""

    def mutated(seed: int, number: int) -> bytes:
        chance = random.Random(f"{name}/{seed}/{number}")
        kind = kinds[number % len(kinds)]
        data, other = chance.choice(seeds(kind)), chance.choice(seeds(kind))
        if kind.endswith(".gz") and chance.random() < 0.5:
            return gzip.compress(plain.mutated(gzip.decompress(data), chance, gzip.decompress(other)), 1)
        return plain.mutated(data, chance, other)

    return mutated


def archive_file(path: str) -> Iterator[tuple[str, float]]:
    """Every member of an archive, as the side that writes them is sent them. Yields ('image' or why not, seconds)."""
    start = time.monotonic()
    try:
        pieces = list(members(path))
    except DicomError as error:
        if "\n" in str(error) or not error.reason:
            raise AssertionError("an error is one line") from None
        yield error.reason, time.monotonic() - start
        return
    if not all(isinstance(piece, str) or piece.dtype == np.uint8 for piece in pieces):
        raise AssertionError("names and bytes")
    yield "image", time.monotonic() - start
