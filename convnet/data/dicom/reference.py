"""The patient and study that a file belongs to, as a result that is filed with them must repeat it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convnet.data.dicom.frames import frame_count
from convnet.data.dicom.orientation import directions
from convnet.data.errors import DicomError

if TYPE_CHECKING:
    from pydicom import Dataset

NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
KEPT = (
    *NEEDED,
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate"),
    *("StudyTime", "StudyDescription", "AccessionNumber", "ReferringPhysicianName", "Modality", "Laterality"),
    *("PatientOrientation", "PixelSpacing", "Rows", "Columns", "NumberOfFrames"),
)


def reference(ds: Dataset, path: object) -> str:
    """The elements that a report on this file must repeat or refer to, as DICOM JSON (PS3.18 F). It names the patient.

    Raises DicomError where the file cannot be referred to.
    """
    from pydicom import Dataset

    out = Dataset()
    try:
        for keyword in KEPT:
            if ds.get(keyword) not in (None, ""):
                out[keyword] = ds[keyword]
        if frame_count(ds, path) == 1 and (found := directions(ds, 0, path)):
            out.PatientOrientation = list(found)
        missing = [keyword for keyword in NEEDED if keyword not in out]
        text = "" if missing else out.to_json()
    except DicomError:
        raise
    except Exception as error:  # each damaged value fails in its own way
        raise DicomError(path, f"its study cannot be referred to: a damaged header ({type(error).__name__})") from None
    if missing:
        raise DicomError(path, f"states no {missing[0]}: a result cannot be filed with it")
    return text
