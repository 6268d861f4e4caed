"""From the network's image back to the file's own rows and columns: every change of geometry undone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.data.dicom.orientation import Turn, turn
from convnet.data.dicom.resize import pixel_spacing, scaled_shape, square_shape
from convnet.data.preparation import Preparation

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True)
class Geometry:
    """How a frame of rows x columns became size x size: turned, made square-pixelled, scaled, then padded or cut.

    scaled  (rows, columns) that the turned image was scaled to before padding or cutting
    """

    rows: int
    columns: int
    turned: Turn
    scaled: tuple[int, int]
    size: int

    def to_plain(self) -> dict[str, Any]:
        """Return plain JSON values: what a worker sends."""
        return asdict(self) | {"scaled": list(self.scaled)}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Geometry:
        """Return the geometry that `to_plain` wrote."""
        turned, scaled = Turn(**plain["turned"]), (plain["scaled"][0], plain["scaled"][1])
        return cls(plain["rows"], plain["columns"], turned, scaled, plain["size"])

    def back(self, values: np.ndarray) -> np.ndarray:
        """A map (size,size) of the network's image -> (rows,columns) float64, NaN where the network saw nothing.

        The stored pixel i of n along an axis stands, after scaling to m of which the network saw `size`, at

            u(i) = (i + 1/2) m / n - 1/2 + (size - m) // 2

        and takes the value there, linear between the network's pixels.
        """
        if values.shape != (self.size, self.size):
            raise ValueError(f"Geometry.back: expects a map of {(self.size, self.size)}, got {values.shape}")
        shape = (self.columns, self.rows) if self.turned.transpose else (self.rows, self.columns)
        values = np.asarray(values, np.float64)
        for axis in (0, 1):
            n, m = shape[axis], self.scaled[axis]
            offset = (self.size - m) // 2 if m <= self.size else -((m - self.size) // 2)
            at = (np.arange(n) + 0.5) * m / n - 0.5 + offset
            values = along(values, axis, at)
        return self.turned.undo(values)

    def seen(self) -> np.ndarray:
        """(rows,columns) bool: which pixels of the file are in the network's image."""
        return ~np.isnan(self.back(np.zeros((self.size, self.size))))


def along(values: np.ndarray, axis: int, at: np.ndarray) -> np.ndarray:
    """Values at places `at` along an axis, linear between, the ends repeated for half a pixel, NaN beyond."""
    n = values.shape[axis]
    out = np.apply_along_axis(lambda line: np.interp(at, np.arange(n), line), axis, values)
    beyond = (at < -0.5 - 1e-9) | (at > n - 0.5 + 1e-9)
    np.moveaxis(out, axis, 0)[beyond] = np.nan
    return out


def geometry(ds: Dataset, path: object, frame: int, preparation: Preparation) -> Geometry:
    """Return how the pipeline changes a frame's geometry. Raises DicomError for a spacing that is not usable."""
    if preparation.size is None:
        raise ValueError("geometry: a map goes back from images of one size: give a size")
    rows, columns = int(ds.Rows), int(ds.Columns)
    turned, _ = turn(ds, frame, path)
    shape = (columns, rows) if turned.transpose else (rows, columns)
    spacing = pixel_spacing(ds, frame, path)
    if spacing and spacing[0] != spacing[1]:
        shape = square_shape(shape, turned.pair(spacing[:2]))
    scaled = scaled_shape(shape, preparation.size, preparation.aspect)
    return Geometry(rows, columns, turned, scaled, preparation.size)
