"""Simulated CT series: some slices of a patient show a lesion, and it is known which."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from convnet.data.cohort.table import SPLITS
from convnet.data.phantom.study import CLASSES, Study


@dataclass(frozen=True)
class SeriesStudy:
    """Patients of `slices` images each; every other patient has a lesion, which `shown` neighbouring slices show.

    train, val, test  patients in each split
    study             what an image is (`Study`); its numbers of images are not used
    """

    train: int = 60
    val: int = 40
    test: int = 60
    slices: int = 8
    shown: int = 3
    study: Study = field(default_factory=lambda: Study(contrast=20.0))

    def __post_init__(self) -> None:
        if not 0 < self.shown <= self.slices:
            raise ValueError(f"SeriesStudy: shown={self.shown}: expected 1 to {self.slices}, the slices of a patient")

    def patients(self) -> Iterator[tuple[int, str, bool]]:
        """Yield (number from 0, split, whether there is a lesion) of every patient."""
        number = 0
        for split in SPLITS:
            for i in range(getattr(self, split)):
                yield number, split, i % 2 == 1
                number += 1

    def shows(self, patient: int, ill: bool) -> np.ndarray:
        """Return which slices of a patient show the lesion, (slices,) bool; where it lies depends on the patient."""
        first = int(np.random.Philox(key=[self.study.seed, patient]).random_raw() % (self.slices - self.shown + 1))
        at = np.arange(self.slices)
        return ill & (first <= at) & (at < first + self.shown)

    def write(self, folder: str | os.PathLike[str]) -> Path:
        """Write <split>/<patient>/<slice>.dcm and labels.csv, a row for each image -> the table's path.

        An image's label says whether it shows the lesion. A patient's images are one study and one series. The folder
        must be new or empty (CohortError).
        """
        from convnet.data.cohort.write import make_uid, new_folder, save, write_table

        root, rows = new_folder(folder), []
        for number, split, ill in self.patients():
            patient = f"SERIES-{number + 1:04d}"
            for slice_, present in enumerate(self.shows(number, ill).tolist()):
                ds = self.study.dataset(self.study.image(number * self.slices + slice_, present), patient)
                ds.SOPInstanceUID = make_uid(self, patient, slice_)
                ds.InstanceNumber = str(slice_ + 1)
                ds.ImagePositionPatient = [*ds.ImagePositionPatient[:2], 5 * slice_]
                path = f"{split}/{patient}/{slice_ + 1}.dcm"
                save(ds, root / path)
                rows.append((path, CLASSES[present], patient, split))
        return write_table(root, rows)
