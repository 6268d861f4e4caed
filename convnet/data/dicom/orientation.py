"""Orientation: slices and projections as they are shown, whichever way round the file stores them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from convnet.data.dicom.header import attribute, numbers

if TYPE_CHECKING:
    from pydicom import Dataset

AXES = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "H": (2, 1), "F": (2, -1)}  # PS3.3 C.7.6.2.1.1
LETTERS = {place: letter for letter, place in AXES.items()}
SHOWN = {frozenset("LP"): "LP", frozenset("LF"): "LF", frozenset("PF"): "PF"}  # axial, coronal, sagittal
CLEAR = 0.8  # a direction within 37 degrees of an axis; what is more oblique stays as it is stored
PROJECTIONS = ("CR", "DX", "RG", "RF", "XA")  # not MG, where the way round tells left from right


@dataclass(frozen=True)
class Turn:
    """Rows and columns exchanged, then rows and then columns reversed."""

    transpose: bool
    rows: bool
    columns: bool

    def apply(self, image: np.ndarray) -> np.ndarray:
        """(H,W,...) -> (H,W,...), or (W,H,...) if transposed."""
        image = np.swapaxes(image, 0, 1) if self.transpose else image
        return image[:: -1 if self.rows else 1, :: -1 if self.columns else 1]

    def undo(self, image: np.ndarray) -> np.ndarray:
        """undo(apply(image)) is the image."""
        image = image[:: -1 if self.rows else 1, :: -1 if self.columns else 1]
        return np.swapaxes(image, 0, 1) if self.transpose else image

    def pair(self, values: tuple[float, float]) -> tuple[float, float]:
        """(for rows, for columns) of the stored image -> of the turned one."""
        return values[::-1] if self.transpose else values  # type: ignore[return-value]


STORED = Turn(False, False, False)


def directions(ds: Dataset, frame: int, path: object) -> str | None:
    """Where a row runs to and where a column runs to, as two of the letters L R P A H F; None if not stated or oblique.

    From Image Orientation (Patient), PS3.3 C.7.6.2.1.1, by frame; else from the first letters of Patient Orientation,
    C.7.6.1.1.1.
    """
    cosines = numbers(ds, frame, "ImageOrientationPatient", path)
    if len(cosines) == 6:
        found = [letter(np.array(cosines[i : i + 3])) for i in (0, 3)]
    else:
        stated = attribute(ds, frame, "PatientOrientation") or []
        stated = stated.split("\\") if isinstance(stated, str) else list(stated) if isinstance(stated, Sequence) else []
        found = [str(s)[:1].upper() if str(s)[:1].upper() in AXES else None for s in stated]
    if len(found) != 2 or found[0] is None or found[1] is None or AXES[found[0]][0] == AXES[found[1]][0]:
        return None
    return found[0] + found[1]


def letter(direction: np.ndarray) -> str | None:
    """The axis that a direction (x, y, z) runs along, None where none is clear."""
    axis = int(np.abs(direction).argmax())
    if not CLEAR <= abs(direction[axis]) <= 1.01:
        return None
    return LETTERS[axis, 1 if direction[axis] > 0 else -1]


def turn(ds: Dataset, frame: int, path: object) -> tuple[Turn, str]:
    """(how to turn the frame, a sentence) so that it is as readers are used to see it.

    axial             rows to the patient's left, columns to the back
    coronal, frontal  rows to the left, columns to the feet
    sagittal          rows to the back, columns to the feet
    For slices that state their orientation in the patient, and for projections (CR, DX, RG, RF, XA).
    Left as stored: mammograms, animals (their letters mean other things), oblique ones, and what states nothing.
    """
    slices = len(numbers(ds, frame, "ImageOrientationPatient", path)) == 6
    found = directions(ds, frame, path) if slices or ds.get("Modality") in PROJECTIONS else None
    if found is None or str(ds.get("AnatomicalOrientationType") or "BIPED") != "BIPED":
        return STORED, "as stored"
    axes = [AXES[f][0] for f in found]
    target = next(t for t in SHOWN.values() if {AXES[c][0] for c in t} == set(axes))
    transpose = axes[0] != AXES[target[0]][0]
    shown = found[::-1] if transpose else found
    result = Turn(transpose, shown[1] != target[1], shown[0] != target[0])
    return result, f"rows ran to {found[0]} and columns to {found[1]}, now to {target[0]} and {target[1]}"
