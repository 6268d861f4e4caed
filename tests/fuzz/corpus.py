"""The files that mutations start from, each mutation known by a seed and its number alone."""

from __future__ import annotations

import io
import random
from functools import cache
from pathlib import Path

import numpy as np
import pydicom.data
from pydicom import Dataset

from convnet.data.cohort.write import new_image
from tests.fuzz import bytes as plain
from tests.fuzz import elements

ROOT = Path(pydicom.data.__file__).parent / "test_files"
MOST = 2**19  # larger files would only make copies slower; the electrocardiogram is below it


@cache
def seeds() -> tuple[list[bytes], list[bytes]]:
    """pydicom's test files that hold an image, with three of ours for what they lack; and its other files."""
    files = [p.read_bytes() for p in sorted(ROOT.rglob("*")) if p.is_file() and p.stat().st_size <= MOST]
    images = [data for data in files if b"\xe0\x7f\x10\0" in data or b"\x7f\xe0\0\x10" in data]  # Pixel Data
    return [*images, *ours()], [data for data in files if data not in images]


def ours() -> list[bytes]:
    """An enhanced multi-frame file, one with a VOI table, and a plain good one."""
    out = []
    for kind in ("enhanced", "table", "plain"):
        pixels = (np.arange(400, dtype=np.int16).reshape(20, 20) * 7) % 500
        ds = new_image("1.2.840.10008.5.1.4.1.1.4", pixels, "SYNTH-1", kind, "MR")
        if kind == "enhanced":
            measures, voi, item = Dataset(), Dataset(), Dataset()
            measures.PixelSpacing, voi.WindowCenter, voi.WindowWidth = [2, 1], 100, 200
            item.PixelMeasuresSequence, item.FrameVOILUTSequence = [measures], [voi]
            ds.PerFrameFunctionalGroupsSequence, ds.NumberOfFrames, ds.PixelData = [item, item], 2, ds.PixelData * 2
        if kind == "table":
            item = Dataset()
            item.LUTDescriptor, item.LUTData = [4, 0, 8], [0, 10, 100, 255]
            item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
            ds.VOILUTSequence = [item]
        buffer = io.BytesIO()
        ds.save_as(buffer, enforce_file_format=True)
        out.append(buffer.getvalue())
    return out


def good() -> bytes:
    """A file that must be read whatever its neighbours are."""
    return (ROOT / "MR_small.dcm").read_bytes()


def mutation(seed: int, number: int) -> bytes:
    """Mutated file `number`: bytes or elements, or elements and then bytes."""
    chance = random.Random(f"{seed}/{number}")
    data = chance.choice(seeds()[chance.random() < 0.15])
    kind = chance.random()
    if kind > 0.45:
        try:
            data = elements.mutated(data, chance)
        except ValueError:
            kind = 0
    if kind < 0.5:
        data = plain.mutated(data, chance, chance.choice(seeds()[0]))
    return data
