"""A NIfTI, NRRD or MetaImage file as a source of images: the slices of one plane.

Grey is by the user's window, else by the range that the file asks for, else from the smallest to the largest value of
the whole volume: one value has one grey in all slices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from convnet.data.dicom.geometry import Geometry
from convnet.data.dicom.modality import plus
from convnet.data.dicom.orientation import STORED
from convnet.data.dicom.pipeline import Step
from convnet.data.dicom.resize import resize, scaled_shape, square_pixels, square_shape
from convnet.data.dicom.window import apply_window, scale
from convnet.data.errors import DicomError
from convnet.data.preparation import Preparation, split_slices
from convnet.data.reading.source import Source
from convnet.data.volumes import metaimage, nifti, nrrd
from convnet.data.volumes.volume import SEEN, Volume

READERS: dict[str, Callable[[str], Volume]] = {
    ".nii": nifti.read,
    ".nii.gz": nifti.read,
    ".nrrd": nrrd.read,
    ".mha": metaimage.read,
}
UNKNOWN = "the file states no orientation: its slices are shown as they are stored, along its third axis as axial"
OBLIQUE = "its axes are oblique to the patient's: slices follow the nearest of its own"
TURNED = {"axial": ("L", "P"), "coronal": ("L", "F"), "sagittal": ("P", "F")}


class VolumeSource(Source):
    """Its images are numbered along the plane's axis, to the left, to the back or to the head."""

    def __init__(self, path: str, read: Callable[[str], Volume]) -> None:
        super().__init__(path)
        self.volume = read(path)
        self.volume.check(path)
        self._range: tuple[float, float] | None = None

    def numbers(self, preparation: Preparation) -> Sequence[int]:
        """Return the slices that the preparation chooses."""
        return self.volume.numbers(preparation.slices)

    def typical(self, preparation: Preparation) -> int:
        """Return the middle slice."""
        return self.volume.numbers(f"{split_slices(preparation.slices)[0]}:1")[0]

    def about(self, preparation: Preparation) -> dict[str, Any]:
        """Return its facts: the size of a slice."""
        slices, _ = self.volume.view(split_slices(preparation.slices)[0])
        facts = {"size": f"{slices.shape[1]}x{slices.shape[2]}", "photometric": "MONOCHROME2"}
        return {**super().about(preparation), "facts": facts}

    def remarks(self) -> list[str]:
        """Return what should be known of its orientation."""
        return [UNKNOWN] if self.volume.affine is None else [OBLIQUE] if self.volume.oblique() else []

    def stages(self, number: int, preparation: Preparation) -> Iterator[Step]:
        """Yield a slice as stored and turned, its values, grey, square and resized."""
        plane, _ = split_slices(preparation.slices)
        slices, spacing = self.volume.view(plane)
        stored = slices[number]
        yield Step("stored", self._explain(plane, number, slices, stored), np.ascontiguousarray(stored))
        slope, intercept = self.volume.slope, self.volume.intercept
        values = stored.astype(np.float64)
        if (slope, intercept) != (1.0, 0.0):
            values = slope * values + intercept
            yield Step("modality", f"value = {slope:g} stored + {intercept:g}", values)
        grey, what = self._grey(values, preparation)
        yield Step("window", what, grey)
        if square_shape(grey.shape, self._plausible(spacing)) != grey.shape:
            grey = square_pixels(grey, spacing)
            what = f"voxels of {spacing[0]:g} x {spacing[1]:g} mm made square: now {grey.shape[0]} x {grey.shape[1]}"
            yield Step("square", what, grey)
        if (size := preparation.size) is not None:
            before = f"{grey.shape[0]} x {grey.shape[1]}"
            grey = resize(grey, size, preparation.aspect)
            yield Step(
                "resize", f"{before} to {size} x {size} pixels, anti-aliased, aspect: {preparation.aspect}", grey
            )
        if preparation.channels == 3:
            grey = np.repeat(grey[..., None], 3, axis=2)
        yield Step("scale", "float32 in [0, 1]: what the network sees", grey.astype(np.float32))

    def _explain(self, plane: str, number: int, slices: np.ndarray, stored: np.ndarray) -> str:
        turned = (
            "rows to {} and columns to {}".format(*TURNED[plane]) if self.volume.affine is not None else "as stored"
        )
        shape = " x ".join(map(str, stored.shape))
        values = f"{shape} {stored.dtype} values, {stored.min()} to {stored.max()} ({self.volume.kind})"
        return f"{plane} slice {number} of {len(slices)}, {turned}: {values}"

    def _grey(self, values: np.ndarray, preparation: Preparation) -> tuple[np.ndarray, str]:
        """Return grey in [0, 1] as float64, and what was done."""
        if preparation.window is not None:
            grey, what = apply_window(values, *preparation.window, "LINEAR")
            return grey, f"window center {preparation.window[0]:g}, width {preparation.window[1]:g} (given): {what}"
        if self.volume.shown is not None:
            low, high = self.volume.shown
            return scale(values, low, high), f"v = (value {plus(-low)}) / {high - low:.10g}, from the file's own range"
        if self._range is None:
            self._range = self.volume.range()
        low, high = self._range
        if low == high:
            return np.zeros(values.shape), f"a constant volume (every value is {low:g}): v = 0"
        return scale(values, low, high), f"v = (value {plus(-low)}) / {high - low:.10g}, from the whole volume's range"

    def _plausible(self, spacing: tuple[float, float]) -> tuple[float, float]:
        if max(spacing) > 20 * min(spacing):
            raise DicomError(self.path, f"states pixels of {spacing} mm: over 20 times as long as wide")
        return spacing

    def geometry(self, number: int, preparation: Preparation) -> Geometry:
        """Return the geometry of a slice the way round that it is shown."""
        if preparation.size is None:
            raise ValueError("geometry: a map goes back from images of one size: give a size")
        slices, spacing = self.volume.view(split_slices(preparation.slices)[0])
        rows, columns = slices.shape[1:]
        scaled = scaled_shape(square_shape((rows, columns), spacing), preparation.size, preparation.aspect)
        return Geometry(rows, columns, STORED, scaled, preparation.size)

    def describe(self) -> dict[str, Any]:
        """Return its kind, voxels, and how many slices each plane has."""
        v = self.volume
        return {
            "format": v.kind,
            "voxels": " x ".join(map(str, v.stored.shape)),
            "values": f"{v.stored.dtype}, slope {v.slope:g}, intercept {v.intercept:g}",
            "spacing": " x ".join(f"{s:g}" for s in v.spacing) + " mm",
            "orientation": f"{letters} (where its axes run to)" if (letters := v.letters()) else None,
            "shown_range": v.shown,
            "slices": ", ".join(f"{plane} {len(v.numbers(plane))}" for plane in SEEN),
        }

    def identifying(self) -> dict[str, Any]:
        """Return the names of its texts and extensions."""
        return {"kind": f"a {self.volume.kind} file", "fields": self.volume.fields}
