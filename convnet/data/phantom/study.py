"""The embedded study: a lesion of low contrast in simulated CT of the liver, present or absent, written as
DICOM.

Lesion, place, background and the noise's covariance are known, so the best possible AUC is known too
(`observer`). No image of a person is in it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from convnet.data.cohort.table import SPLITS
from convnet.data.phantom import observer

if TYPE_CHECKING:
    from pydicom import Dataset

CLASSES = ("absent", "present")
INTERCEPT = -1024


@dataclass(frozen=True)
class Study:
    """The parameters of a study. HU = Hounsfield units.

    size          pixels a side (28: the listing's images, so that nothing is resampled)
    train, val, test    images in each split, half of them with the lesion (one more without, if odd)
    contrast      HU, at the lesion's middle
    radius        mm: two standard deviations of the Gaussian lesion, s(r) = contrast exp(-2 (r / radius)^2)
    background    HU: liver without contrast agent, about 60
    sigma         HU, standard deviation of the noise in a pixel
    cutoff, floor cycles per pixel: the noise's power spectrum, see `observer.noise_power`
    spacing       mm, of the square pixels
    seed          of every random number: the same study on every machine, image by image
    """

    size: int = 28
    train: int = 1600
    val: int = 200
    test: int = 600
    contrast: float = 12.0
    radius: float = 6.0
    background: float = 60.0
    sigma: float = 20.0
    cutoff: float = 0.25
    floor: float = 0.05
    spacing: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("size", "contrast", "radius", "sigma", "cutoff", "floor", "spacing"):
            if not (0 < getattr(self, name) < math.inf):
                raise ValueError(f"Study: {name}={getattr(self, name)!r}: expected a number above 0")
        if min(self.train, self.val, self.test) < 0:
            raise ValueError(f"Study: {self.train}, {self.val}, {self.test} images: expected none below 0")
        edge = self.background + self.contrast + 8 * self.sigma
        if self.background - 8 * self.sigma <= -1024 or edge >= 3071:
            raise ValueError(f"Study: values up to {edge:g} HU leave a CT's range, -1024 to 3071 HU: lower sigma")

    @cached_property
    def signal(self) -> np.ndarray:
        """The lesion s, (size, size) float64, HU, in the middle of the image."""
        axis = (np.arange(self.size) - (self.size - 1) / 2) * self.spacing
        r2 = axis[:, None] ** 2 + axis[None, :] ** 2
        return self.contrast * np.exp(-2 * r2 / self.radius**2)

    @cached_property
    def power(self) -> np.ndarray:
        """Eigenvalues of the covariance of a pixel's HU: the noise's, and 1/12 HU^2 for rounding to whole
        HU.
        """
        return observer.noise_power(self.size, self.sigma, self.cutoff, self.floor) + 1 / 12

    @property
    def window(self) -> tuple[float, float]:
        """(center, width) in HU, whole numbers: five sigma or more beyond the images without and with the
        lesion.
        """
        low, high = self.background - 5 * self.sigma, self.background + self.contrast + 5 * self.sigma
        return float(round((low + high) / 2)), float(2 * math.ceil((high - low) / 2) + 2)

    def ideal_auc(self) -> float:
        """The AUC of the ideal observer, from the known statistics: Phi(d' / sqrt 2), d'^2 = s^T K^-1 s."""
        return observer.auc(observer.detectability(self.signal, self.power))

    def ideal_scores(self, hu: np.ndarray) -> np.ndarray:
        """The ideal observer's score for each image: w^T (x - background). (N, H, W) or (N, H, W, 1) HU ->
        (N,) float64.
        """
        images = np.asarray(hu, np.float64).reshape(len(hu), -1)
        if images.shape[1] != self.size**2:
            raise ValueError(
                f"ideal_scores: images of shape {np.shape(hu)[1:]}: expected {self.size} x {self.size} in HU"
            )
        return (images - self.background) @ observer.template(self.signal, self.power).ravel()

    def to_hu(self, x: np.ndarray) -> np.ndarray:
        """Pipeline's grey in [0, 1] -> whole HU, float64: the header's window undone, HU = low + (width - 1)
        x.
        """
        center, width = self.window
        return np.rint(center - 0.5 - (width - 1) / 2 + (width - 1) * np.asarray(x, np.float64))

    def image(self, number: int, present: bool) -> np.ndarray:
        """Image `number` of the study, (size, size) int16, HU.

        Its noise depends on the seed and the number alone.
        """
        rng = np.random.Generator(np.random.Philox(key=[self.seed, number]))
        noise = observer.sample(observer.noise_power(self.size, self.sigma, self.cutoff, self.floor), rng)
        return np.rint(self.background + noise + (self.signal if present else 0.0)).astype(np.int16)

    def rows(self) -> Iterator[tuple[int, str, str]]:
        """(number from 0, label, split) of every image: labels take turns within a split."""
        number = 0
        for split in SPLITS:
            for i in range(getattr(self, split)):
                yield number, CLASSES[i % 2], split
                number += 1

    def images(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """(HU (N, size, size) int16, y (N,) int64: 1 is 'present') of one split, without files."""
        if split not in SPLITS:
            raise ValueError(f"Study: split {split!r} is unknown: expected one of {', '.join(SPLITS)}")
        chosen = [(number, CLASSES.index(label)) for number, label, of in self.rows() if of == split]
        hu = [self.image(number, bool(y)) for number, y in chosen]
        return np.array(hu, np.int16).reshape(-1, self.size, self.size), np.array([y for _, y in chosen], np.int64)

    def write(self, folder: str | os.PathLike[str]) -> Path:
        """Every image as a CT Image file, <split>/PHANTOM-0001.dcm and so on, and labels.csv -> the table's
        path.

        Each image is a patient of its own. The folder must be new or empty (CohortError).
        """
        from convnet.data.cohort.write import new_folder, save, write_table

        root, rows = new_folder(folder), []
        for number, label, split in self.rows():
            patient = f"PHANTOM-{number + 1:04d}"
            path = f"{split}/{patient}.dcm"
            save(self.dataset(self.image(number, label == "present"), patient), root / path)
            rows.append((path, label, patient, split))
        return write_table(root, rows)

    def dataset(self, hu: np.ndarray, patient: str) -> Dataset:
        """One image as a CT Image data set (PS3.3 A.3): int16, HU = stored - 1024, the study's window in its
        header.
        """
        from pydicom.uid import CTImageStorage

        from convnet.data.cohort.write import make_uid, new_image

        ds = new_image(CTImageStorage, (hu - INTERCEPT).astype(np.int16), patient, f"{self}/{patient}", "CT")
        ds.StudyInstanceUID = make_uid(self, patient, "study")
        ds.SeriesInstanceUID = make_uid(self, patient, "series")
        ds.FrameOfReferenceUID = make_uid(self, patient, "frame of reference")
        ds.PositionReferenceIndicator = ""
        ds.ImageType = ["DERIVED", "PRIMARY", "AXIAL"]
        ds.DerivationDescription = "simulated, not acquired"
        ds.SeriesDescription = "phantom: liver, low contrast"
        ds.BodyPartExamined = "LIVER"
        del ds.Laterality  # there is one liver
        ds.PatientPosition = "HFS"
        ds.KVP = "120"
        ds.AcquisitionNumber = "1"
        ds.SliceThickness = "5"
        ds.PixelSpacing = [self.spacing, self.spacing]
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        corner = -(self.size - 1) / 2 * self.spacing
        ds.ImagePositionPatient = [corner, corner, 0]
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = INTERCEPT, 1, "HU"
        ds.WindowCenter, ds.WindowWidth = (int(v) for v in self.window)
        return ds
