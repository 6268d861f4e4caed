"""A volume and its slices, turned as readers are used to see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import permutations

import numpy as np

from convnet.data.dicom.orientation import CLEAR
from convnet.data.errors import DicomError
from convnet.data.preparation import split_slices

# plane -> (axis that slices follow, axis and sign that a row's columns follow, that rows follow); x to the left, y to
# the back, z to the head: slices are counted to the left, to the back, to the head
SEEN = {
    "axial": (2, (0, 1), (1, 1)),
    "coronal": (1, (0, 1), (2, -1)),
    "sagittal": (0, (1, 1), (2, -1)),
}
LETTERS = {(0, 1): "L", (0, -1): "R", (1, 1): "P", (1, -1): "A", (2, 1): "H", (2, -1): "F"}


@dataclass(frozen=True, eq=False)
class Volume:
    """What a file holds.

    stored   (I,J,K) whole numbers or floats, as they are in the file
    affine   (3,3) columns: the step along each stored axis in mm, to the patient's left, back and head (DICOM's axes);
             None if the file states no orientation: then `spacing` alone is known
    spacing  mm along each stored axis
    slope, intercept  value = slope * stored + intercept
    shown    (the value shown black, the value shown white) that the file asks for, or None
    kind     of file, for people
    fields   the names of what may identify the patient: texts, extensions
    """

    stored: np.ndarray
    affine: np.ndarray | None
    spacing: tuple[float, float, float]
    kind: str
    slope: float = 1.0
    intercept: float = 0.0
    shown: tuple[float, float] | None = None
    fields: list[str] = field(default_factory=list)

    def check(self, path: object) -> None:
        """Raise DicomError for numbers that no image can be made of."""
        if self.stored.dtype.kind not in "iuf" or self.stored.dtype.itemsize > 8:
            raise DicomError(
                path, f"holds {self.stored.dtype} values: expected whole numbers or floats, of up to 8 bytes"
            )
        if not self.stored.size:
            raise DicomError(path, "holds no voxels")
        floats = self.stored.dtype.kind == "f"
        if floats and not all(np.isfinite(part).all() for part in np.moveaxis(self.stored, 2, 0)):
            raise DicomError(path, "has voxels that are not numbers (NaN or infinite)")
        if not (np.isfinite([self.slope, self.intercept]).all() and self.slope):
            raise DicomError(path, f"states slope {self.slope} and intercept {self.intercept}, which give no values")
        if not (np.isfinite(self.spacing).all() and min(self.spacing) > 0):
            raise DicomError(path, f"states voxels of {self.spacing} mm: expected three lengths above 0")

    def follow(self) -> tuple[tuple[int, int], ...]:
        """Return, for each axis of the patient, (the stored axis nearest to it, its sign); as stored if not stated."""
        if self.affine is None:
            return (0, 1), (1, 1), (2, 1)
        cosines = self.affine / np.linalg.norm(self.affine, axis=0)
        best = max(permutations(range(3)), key=lambda order: sum(abs(cosines[i, k]) for i, k in enumerate(order)))
        x, y, z = ((k, 1 if cosines[i, k] > 0 else -1) for i, k in enumerate(best))
        return x, y, z

    def oblique(self) -> bool:
        """Return True if a stored axis is more than 37 degrees from the patient's."""
        if self.affine is None:
            return False
        cosines = self.affine / np.linalg.norm(self.affine, axis=0)
        return any(abs(cosines[i, k]) < CLEAR for i, (k, _) in enumerate(self.follow()))

    def view(self, plane: str) -> tuple[np.ndarray, tuple[float, float]]:
        """Return (slices (N,rows,columns) of a plane, a view of what is stored; mm between rows, between columns)."""
        axis, across, down = SEEN[plane]
        places = self.follow()
        if self.affine is None:  # rows and columns as they are stored, the first axis along a row
            across, down = (across[0], 1), (down[0], 1)
        order = (axis, down[0], across[0])
        signs = (places[axis][1], down[1] * places[down[0]][1], across[1] * places[across[0]][1])
        stored = np.transpose(self.stored, [places[a][0] for a in order])
        stored = stored[tuple(slice(None, None, sign) for sign in signs)]
        return stored, (self.spacing[places[down[0]][0]], self.spacing[places[across[0]][0]])

    def numbers(self, slices: str) -> list[int]:
        """Return the slices that a choice names (`Preparation.slices`): all of a plane, or N spread evenly."""
        plane, count = split_slices(slices)
        n = self.stored.shape[self.follow()[SEEN[plane][0]][0]]
        return list(range(n)) if count is None or count >= n else [(2 * i + 1) * n // (2 * count) for i in range(count)]

    def range(self) -> tuple[float, float]:
        """Return the smallest and the largest value of all voxels."""
        ends = [self.slope * float(v) + self.intercept for v in (self.stored.min(), self.stored.max())]
        return min(ends), max(ends)

    def letters(self) -> str | None:
        """Return where the stored axes run to, such as "LPH"; None if it is not stated."""
        if self.affine is None:
            return None
        found = {stored: LETTERS[axis, sign] for axis, (stored, sign) in enumerate(self.follow())}
        return "".join(found[k] for k in range(3))


def require_spanning(affine: np.ndarray, path: object) -> np.ndarray:
    """Return (3,3) directions. Raises DicomError if they are not finite, or do not span space."""
    lengths = np.linalg.norm(affine, axis=0)
    if not (np.isfinite(affine).all() and lengths.min() > 0 and abs(np.linalg.det(affine / lengths)) > 1e-3):
        raise DicomError(path, "states an orientation whose axes do not span space")
    return affine
