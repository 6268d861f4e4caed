"""What a labelled file gives, as the side that asked for it holds it: its images, and what its header says."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from convnet.data.errors import DicomError
from convnet.data.preparation import Preparation
from convnet.data.pseudonyms import pseudonym
from convnet.data.reading import tasks
from convnet.data.reading.readers import Readers

SHOWN = 3  # reasons of one file's refused frames that are told one by one


@dataclass(frozen=True, eq=False)
class Labelled:
    """One file.

    patient  pseudonym of its PatientID, "" if there is none
    owners   pseudonyms of its study, series and frame of reference, by those names; "" where the file states none
    facts    what else its header says (`facts.facts`)
    frames   the number of each frame or slice that could be read; images: their pixels
    refused  why the other frames could not be read, each reason with its frame's number
    remarks  what was ignored in the header so that it could be read
    """

    patient: str
    owners: dict[str, str]
    facts: dict[str, str]
    frames: list[int]
    images: list[np.ndarray] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def to_plain(self) -> dict[str, Any]:
        """Return everything but the pixels as JSON values."""
        return {name: value for name, value in vars(self).items() if name != "images"}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Labelled:
        """Return what `to_plain` wrote, without pixels."""
        return cls(**plain)

    def refusals(self) -> list[str]:
        """Return the reasons for people: the first of them, then how many more frames were refused."""
        rest = len(self.refused) - SHOWN
        return [*self.refused[:SHOWN], *([f"and {rest} more of its frames"] if rest > 0 else [])]

    def refused_by_line(self) -> list[int]:
        """Return how many images each of `refusals` is about."""
        rest = len(self.refused) - SHOWN
        return [1] * min(len(self.refused), SHOWN) + ([rest] if rest > 0 else [])


def read_labelled(readers: Readers, path: str | os.PathLike[str], preparation: Preparation) -> Labelled:
    """Read one file in a worker. Raises DicomError for a file of which no frame can be used."""
    try:
        about, *found, remarks = readers.read(tasks.labelled_images, path, preparation.to_plain())
    except OSError as error:
        raise DicomError(path, f"cannot be opened: {error.strerror}") from None
    sound = {n: image for n, image in zip(about["numbers"], found, strict=False) if not isinstance(image, str)}
    return Labelled(
        patient=pseudonym("header", about["patient"]),
        owners={kind: pseudonym(kind, uid) for kind, uid in about["owners"].items()},
        facts=about["facts"],
        frames=list(sound),
        images=list(sound.values()),
        refused=[reason for reason in found if isinstance(reason, str)],
        remarks=remarks,
    )
