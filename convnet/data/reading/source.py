"""One opened file of images, whatever its format: what every command asks of it.

A source lives in a worker. Formats are subclasses; `kinds.open_source` chooses one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from convnet.data.dicom.geometry import Geometry
from convnet.data.dicom.pipeline import Step
from convnet.data.errors import DicomError, FrameError
from convnet.data.preparation import Preparation


class Source(ABC):
    """A file's images. Its methods raise DicomError, FrameError for what is wrong with one image alone.

    drawable  whether maps can be drawn over its images
    patient   the patient's number as the file states it, "" for none; owners: `facts.owners`; facts: `facts.facts`
    """

    drawable = True
    patient = ""

    def __init__(self, path: str) -> None:
        self.path = path
        self.owners: dict[str, str] = {}
        self.facts: dict[str, str] = {}

    def numbers(self, preparation: Preparation) -> Sequence[int]:
        """Return the numbers of the images that are read: frames of a DICOM file, slices of a volume."""
        return [0]

    @abstractmethod
    def stages(self, number: int, preparation: Preparation) -> Iterator[Step]:
        """Yield the pixel pipeline of one image; the last step's array is what a network sees."""

    @abstractmethod
    def geometry(self, number: int, preparation: Preparation) -> Geometry:
        """Return how the pipeline changes an image's geometry."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return what the file is, by name, for people; nothing in it identifies a patient."""

    def reference(self) -> str:
        """Return what a DICOM report refers to, "" if the file is not DICOM."""
        return ""

    def remarks(self) -> list[str]:
        """Return what has been ignored in the header so far."""
        return []

    def about(self, preparation: Preparation) -> dict[str, Any]:
        """Return its patient, owners and facts, and the numbers of its images, none if no image can be read."""
        try:
            numbers = list(self.numbers(preparation))
        except DicomError:  # `each` says why
            numbers = []
        return {"patient": self.patient, "owners": self.owners, "facts": self.facts, "numbers": numbers}

    def each(self, preparation: Preparation, make: Callable[[int], Any]) -> Iterator[Any]:
        """Yield what `make` makes of each image's number or, in its place, why the image cannot be read, as text.

        If no image can be read, that is all: the header is sound, and says whom the lost images are of.
        """
        sound = False
        try:
            for number in self.numbers(preparation):
                try:
                    made = make(number)
                except FrameError as error:
                    yield error.reason
                    continue
                sound = True
                yield made
        except DicomError as error:
            if sound:
                raise
            yield error.reason

    def typical(self, preparation: Preparation) -> int:
        """Return the number of the image that is shown if none is named."""
        return 0

    def steps(self, number: int | None, preparation: Preparation) -> Iterator[Step]:
        """Yield the stages of one image of the file's own numbering. Raises DicomError if there is no such image."""
        if number is None:
            number = self.typical(preparation)
        every = self.numbers(all_images(preparation))
        if number not in every:
            raise DicomError(self.path, f"frame {number} does not exist: the file has {len(every)}, counted from 0")
        yield from self.stages(number, preparation)


def all_images(preparation: Preparation) -> Preparation:
    """Return the preparation without a choice among slices."""
    from dataclasses import replace

    return replace(preparation, slices=preparation.slices.partition(":")[0])
