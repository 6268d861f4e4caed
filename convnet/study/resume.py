"""Going on with what was interrupted: a finished member is taken from its file, another goes on from its backup."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from convnet.callbacks import BackupAndRestore, History
from convnet.study.metadata import ModelRecord, fingerprint, read_record
from convnet.study.outputs import predict_outputs
from convnet.study.trained import Trained

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort
    from convnet.data.preparation import Preparation
    from convnet.study.recipe import Recipe


def name_member(out: Path, number: int) -> Path:
    """Return the file of an ensemble's member, from 1 on, beside the ensemble's."""
    return out.with_name(f"{out.stem}-{number}{out.suffix}")


def name_folder(out: Path) -> Path:
    """Return the folder beside a command's file in which it keeps what is not finished."""
    return out.with_name(f"{out.stem}.resume")


def hash_labels(*labels: np.ndarray) -> str:
    """Return 64 bits of a hash of the labels of several splits."""
    return hashlib.sha256(b"|".join(np.ascontiguousarray(y, "<f8").tobytes() for y in labels)).hexdigest()[:16]


@dataclass(frozen=True)
class Resumed:
    """The members that an earlier start left beside `out`; those that are missing or were interrupted are trained.

    Their backups are in a folder beside `out`. A single run has only a backup, until all of its files are written.
    """

    out: Path
    cohort: Cohort
    recipe: Recipe
    preparation: Preparation

    def find(self, run: int, seed: int) -> Trained | None:
        """Return the member of a run (0 is the first), None if it is to be trained.

        ValueError that names what changed if its file is of another training.
        """
        from convnet.model import load

        file = name_member(self.out, run + 1)
        if self.recipe.runs == 1 or not file.exists():
            return None
        model = load(file)
        record = read_record(model)
        if found := "; ".join(self._changes(record, seed)):
            raise ValueError(
                f"train: --resume: {file} is of another training: {found}. Repeat what it was trained with, remove "
                "the file, or give another --out"
            )
        if record.runs[0].interrupted:
            return None
        self.remove_backup(run)
        return Trained(model, History(), predict_outputs(model, self.cohort.split("val")[0]))

    def backup(self, run: int) -> Path:
        """Return the folder of a run's backup."""
        return name_folder(self.out) / f"member-{run + 1}"

    def remove_backup(self, run: int) -> None:
        """Remove the backup of a run whose model is written."""
        BackupAndRestore(self.backup(run)).remove()
        with suppress(OSError):
            name_folder(self.out).rmdir()

    def _changes(self, record: ModelRecord, seed: int) -> Iterator[str]:
        """Yield what differs from this training, in words."""
        if len(record.runs) != 1:
            yield "it is no single member"
            return
        for name, value in self.recipe.complete(self.cohort).to_json().items():
            if name != "runs" and name in record.recipe and record.recipe[name] != value:
                yield f"{name} was {record.recipe[name]}, now {value}"
        if record.runs[0].seed != seed:
            yield f"its seed was {record.runs[0].seed}, now {seed}"
        if record.preparation != self.preparation:
            yield f"pixels were prepared with {record.preparation}, now {self.preparation}"
        if record.classes != tuple(self.cohort.classes):
            yield f"the classes were {', '.join(record.classes)}, now {', '.join(self.cohort.classes)}"
        (x, y), (x_val, y_val) = self.cohort.split("train"), self.cohort.split("val")
        if record.seen != tuple(fingerprint(image) for images in (x, x_val) for image in images):
            yield "the images of train or val are others"
        elif record.labels != hash_labels(y, y_val):
            yield "the labels of train or val are others"
