"""Folds of a cross-validation that are finished, in files, and the backups of the one that is being trained."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.callbacks.backup import file
from convnet.resuming.facts import fingerprint
from convnet.study.held_groups import HeldGroups

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort
    from convnet.study.recipe import Recipe

Measured = tuple[dict[str, Any], np.ndarray, HeldGroups | None]  # crossvalidation.fit_and_measure


@dataclass(frozen=True)
class KeptFolds:
    """A folder with a file for each finished fold: of this recipe and seed, in this number of folds."""

    folder: Path
    recipe: Recipe
    folds: int
    seed: int

    def of(self, part: Cohort, repeat: int, number: int, share: float) -> KeptFold:
        """Return where one fold of one repeat, with a share of the patients, is kept."""
        facts = {**self.recipe.to_json(), "folds": self.folds, "seed": self.seed}
        facts |= {"the classes": ", ".join(part.classes), "the images": fingerprint(part.x)}
        facts |= {"the labels": fingerprint(np.asarray(part.y)), "the patients": fingerprint(np.asarray(part.groups()))}
        facts["the splits"] = fingerprint(np.array([("train", "val", "test").index(name) for name in part.splits]))
        return KeptFold(self.folder / f"repeat-{repeat + 1}-fold-{number + 1}-share-{share:g}", facts)

    def remove(self) -> None:
        """Remove everything: the result is written."""
        for found in self.folder.glob("repeat-*-fold-*-share-*.safetensors"):
            found.unlink()
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()


@dataclass(frozen=True)
class KeptFold:
    """One fold: a file when it is finished, before that a folder with the backups of its models."""

    place: Path
    facts: dict[str, Any]

    @property
    def file(self) -> Path:
        """Return the file of what was measured."""
        return self.place.with_name(f"{self.place.name}.safetensors")

    def backup(self, run: int) -> Path:
        """Return the folder of a model's backup: it is kept until the whole fold is finished."""
        return self.place / f"member-{run + 1}"

    def find(self) -> Measured | None:
        """Return what was measured, None before; BackupError if the fold is of another recipe or data."""
        if not self.file.exists():
            return None
        facts, state = file.read(self.file)
        file.check_same(self.file, facts, self.facts)
        try:
            groups = None if state["groups"] is None else HeldGroups(**state["groups"])
            return state["row"], state["p"], groups
        except (LookupError, TypeError):
            raise file.BackupError(
                f"{self.file}: it holds no finished fold. Remove it to train the fold again"
            ) from None

    def keep(self, measured: Measured) -> Measured:
        """Write what was measured, then remove the models' backups."""
        row, p, groups = measured
        file.write(self.file, self.facts, {"row": row, "p": p, "groups": None if groups is None else asdict(groups)})
        shutil.rmtree(self.place, ignore_errors=True)
        return measured
