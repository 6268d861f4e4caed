"""Results as DICOM objects of the patient's own study: a structured report (TID 1500) and the overlays.

Made by highdicom. They name the patient, as everything in a study does: they belong where the study is kept.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.data.errors import DicomError
from convnet.diagnosis import dicom_objects
from convnet.diagnosis.group_result import GroupResult
from convnet.diagnosis.result import Result
from convnet.output.atomic import write_atomically

if TYPE_CHECKING:
    from pydicom import Dataset

EMPTY = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime"),
    *("AccessionNumber", "ReferringPhysicianName"),
)


def highdicom() -> Any:
    """Return the package. Raises ImportError that says how to get it."""
    try:
        import highdicom
    except ImportError:
        raise ImportError("--dicom needs highdicom, which is not installed: pip install 'highdicom<0.29'") from None
    return highdicom


class Filing:
    """The objects of one run in a folder, a series of overlays and a series of one report for each study.

    folder  where the files go, named by their SOP Instance UIDs; model: SHA-256 of the model file
    """

    def __init__(self, folder: Path, model: str, classes: Sequence[str]) -> None:
        self.hd = highdicom()
        self.folder, self.model, self.classes = folder, model, tuple(classes)
        self.studies: dict[str, dict[str, Any]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, reference: str, result: Result, pictures: Sequence[tuple[str, str, np.ndarray]]) -> list[str]:
        """Write a frame's overlays, keep its result for the report -> names of the files.

        reference  DICOM JSON of the source (`data.reference`); pictures: (name, what it shows, (R,C,3) uint8)
        Raises DicomError where highdicom refuses what the source's header says.
        """
        from pydicom import Dataset

        with refusing(result.path):
            source = Dataset.from_json(reference)
            for keyword in EMPTY:  # type 2: must be there, may be empty
                if keyword not in source:
                    setattr(source, keyword, None)
            if source.PatientSex not in ("M", "F", "O"):  # what else is written there is not DICOM
                source.PatientSex = None
            study = self.studies.get(str(source.StudyInstanceUID)) or {
                "series": self.hd.UID(),
                "sources": {},
                "overlays": [],
                "results": [],
            }
            made = [
                dicom_objects.capture(
                    self.hd, source, result, picture, study["series"], len(study["overlays"]) + n, self.model
                )
                for n, picture in enumerate(pictures, 1)
            ]
            names = [self.write(overlay) for overlay in made]
        for overlay in made:
            del overlay.PixelData  # only what the report refers to is kept
        study["sources"].setdefault(str(source.SOPInstanceUID), source)
        study["results"].append((source, result))
        study["overlays"] += made
        self.studies[str(source.StudyInstanceUID)] = study
        return names

    def finish(self, groups: Sequence[GroupResult] = ()) -> Iterator[str | DicomError]:
        """Write a report for each study; gives the names of the files, or why one could not be made.

        groups  results of patients, studies or series: each is in the report of every study that has an image of it
        """
        by_name = {group.group: group for group in groups}
        for study in self.studies.values():
            try:
                study["groups"] = [
                    (by_name[name], [(source, result) for source, result in study["results"] if result.group == name])
                    for name in dict.fromkeys(result.group for _, result in study["results"])
                    if name in by_name
                ]
                with refusing(study["results"][0][1].path):
                    yield self.write(dicom_objects.report(self.hd, study, self.classes, self.model))
            except DicomError as error:
                yield error

    def write(self, ds: Dataset) -> str:
        """Write one object -> the name of its file."""
        name, out = f"{ds.SOPInstanceUID}.dcm", io.BytesIO()
        ds.save_as(out, enforce_file_format=True)
        write_atomically(self.folder / name, out.getvalue())
        return name


@contextmanager
def refusing(path: object) -> Iterator[None]:
    """Silence highdicom's warnings and turn its errors into a DicomError: their texts quote the patient's name."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except OSError:
        raise
    except Exception as error:  # each damaged value fails in its own way
        kind = type(error).__name__
        raise DicomError(path, f"no DICOM result could be made of its header ({kind})") from None
