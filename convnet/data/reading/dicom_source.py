"""A DICOM file as a source of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from convnet.data import dicom
from convnet.data.dicom.facts import facts, owners
from convnet.data.dicom.frames import frame_count
from convnet.data.dicom.geometry import Geometry, geometry
from convnet.data.dicom.header import require_pixels
from convnet.data.dicom.parse import read_header
from convnet.data.dicom.pipeline import Step
from convnet.data.dicom.reference import reference
from convnet.data.dicom.remarks import remarks
from convnet.data.dicom.waveform import has_waveform
from convnet.data.preparation import Preparation
from convnet.data.reading.source import Source


class DicomSource(Source):
    """Its images are frames; a waveform is one image, which nothing can be drawn over."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.ds = read_header(path)
        self.patient = str(self.ds.get("PatientID") or "").strip()
        self.owners, self.facts = owners(self.ds), facts(self.ds)
        self.drawable = not has_waveform(self.ds)

    def numbers(self, preparation: Preparation) -> Sequence[int]:
        """Return every frame's number."""
        if not self.drawable:
            return [0]
        require_pixels(self.ds, self.path)
        return range(frame_count(self.ds, self.path))

    def stages(self, number: int, preparation: Preparation) -> Iterator[Step]:
        """Yield `dicom.stages`."""
        yield from dicom.stages(self.ds, self.path, number, preparation)

    def geometry(self, number: int, preparation: Preparation) -> Geometry:
        """Return `geometry.geometry`."""
        return geometry(self.ds, self.path, number, preparation)

    def describe(self) -> dict[str, Any]:
        """Return `dicom.describe`."""
        return dicom.describe(self.path)

    def reference(self) -> str:
        """Return `reference.reference`."""
        return reference(self.ds, self.path)

    def remarks(self) -> list[str]:
        """Return `remarks.remarks`."""
        return remarks(self.ds)
