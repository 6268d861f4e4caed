"""Results as DICOM objects of the patient's own study: a structured report (TID 1500) and the overlays.

Made by highdicom. They name the patient, as everything in a study does: they belong where the study is kept.
"""

from __future__ import annotations

import io
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.data.errors import DicomError
from convnet.evaluation import NOTICE
from convnet.files import write_atomically
from convnet.runs import versions

if TYPE_CHECKING:
    from pydicom import Dataset

SCHEME = "99CONVNET"  # PS3.16 8.2: private coding schemes begin with 99
MAKER = "formula-convnet"
EMPTY = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime"),
    *("AccessionNumber", "ReferringPhysicianName"),
)
NUMBER = 9000  # of the first series that is added to a study


def highdicom() -> Any:
    """The package, or ImportError saying how to get it."""
    try:
        import highdicom
    except ImportError:
        raise ImportError("--dicom needs highdicom: pip install 'formula-convnet[clinical]'") from None
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

    def add(self, reference: str, result: dict[str, Any], pictures: Sequence[tuple[str, str, np.ndarray]]) -> list[str]:
        """Write a frame's overlays, keep its result for the report -> names of the files.

        reference  DICOM JSON of the source (`data.reference`); pictures: (name, what it shows, (R,C,3) uint8)
        Raises DicomError where highdicom refuses what the source's header says.
        """
        from pydicom import Dataset

        with refusing(result["path"]):
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
                capture(self.hd, source, result, picture, study["series"], len(study["overlays"]) + n, self.model)
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

    def finish(self) -> Iterator[str | DicomError]:
        """Write a report for each study; gives the names of the files, or why one could not be made."""
        for study in self.studies.values():
            try:
                with refusing(study["results"][0][1]["path"]):
                    yield self.write(report(self.hd, study, self.classes, self.model))
            except DicomError as error:
                yield error

    def write(self, ds: Dataset) -> str:
        name, out = f"{ds.SOPInstanceUID}.dcm", io.BytesIO()
        ds.save_as(out, enforce_file_format=True)
        write_atomically(self.folder / name, out.getvalue())
        return name


@contextmanager
def refusing(path: object) -> Iterator[None]:
    """Without highdicom's warnings, and with its errors as a DicomError: their texts quote the patient's name."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except OSError:
        raise
    except Exception as error:  # each damaged value fails in its own way
        kind = type(error).__name__
        raise DicomError(path, f"no DICOM result could be made of its header ({kind})") from None


def series() -> dict[str, Any]:
    """What every object that we add to a study says of itself."""
    return {
        "manufacturer": MAKER,
        "manufacturer_model_name": "convnet diagnose",
        "software_versions": versions()["formula-convnet"],
        "device_serial_number": "none",
        "specific_character_set": "ISO_IR 192",
    }


def capture(
    hd: Any,
    source: Dataset,
    result: dict[str, Any],
    overlay: tuple[str, str, np.ndarray],
    series_uid: str,
    number: int,
    model: str,
) -> Dataset:
    """A secondary capture (PS3.3 A.8.1) of an overlay, in the source's rows and columns, that refers to the source."""
    from pydicom.sr.codedict import codes
    from pydicom.uid import ExplicitVRLittleEndian

    name, what, picture = overlay
    found = hd.sc.SCImage.from_ref_dataset(
        source,
        pixel_array=np.ascontiguousarray(picture),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),  # replaced below by what the source says, which may be nothing
        series_instance_uid=series_uid,
        series_number=NUMBER,
        sop_instance_uid=hd.UID(),
        instance_number=number,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        **series(),
    )
    found.PatientOrientation = source.get("PatientOrientation", "")
    found.Laterality = source.get("Laterality", "")  # 2C: empty where the source does not say
    found.SeriesDescription = "convnet overlays - not for clinical use"
    found.ImageComments = f"{name}: {what}. {NOTICE} Model {model[:16]}"
    found.BurnedInAnnotation = "NO"  # a notice is, but nothing of the patient
    found.LossyImageCompression = "00"
    found.DerivationDescription = f"{name} map over the frame's grey values, class {result['label']}"[:1024]
    item = hd.content.ReferencedImageSequence([source])[0]
    if source.get("NumberOfFrames", 1) > 1:
        item.ReferencedFrameNumber = result["frame"] + 1
    purpose = codes.DCM.SourceImageForImageProcessingOperation
    item.PurposeOfReferenceCodeSequence = [hd.sr.CodedConcept(*purpose[:3])]
    found.SourceImageSequence = [item]
    if spacing := source.get("PixelSpacing"):
        found.PixelSpacing = spacing
    return found


def report(hd: Any, study: dict[str, Any], classes: tuple[str, ...], model: str) -> Dataset:
    """A Comprehensive SR with a Measurement Report (TID 1500): for each frame a probability by class and the finding.

    It is complete, not final and not verified: nobody has read it.
    """
    sources = list(study["sources"].values())
    sr = hd.sr
    uid = "2.25." + str(uuid.uuid5(uuid.NAMESPACE_OID, model).int)  # the model is the observer
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=uid, name="convnet diagnose", manufacturer_name=MAKER, model_name=f"SHA-256 {model[:16]}"
    )
    observer = sr.ObserverContext(observer_type=concept(sr, "Device"), observer_identifying_attributes=device)
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=own(sr, "IMAGE-CLASS", "Classification of images by a network"),
        imaging_measurements=[group(sr, source, result, classes, model) for source, result in study["results"]],
    )
    found = sr.ComprehensiveSR(
        evidence=[*sources, *study["overlays"]],
        content=content,
        series_instance_uid=hd.UID(),
        series_number=NUMBER + 1,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        is_complete=True,
        is_final=False,
        is_verified=False,
        coding_schemes=[hd.coding_schemes.CodingSchemeIdentificationItem(SCHEME, name="formula-convnet", version="1")],
        **series(),
    )
    found.SeriesDescription = "convnet result - not for clinical use"
    return found


def group(sr: Any, source: Dataset, result: dict[str, Any], classes: tuple[str, ...], model: str) -> Any:
    """The measurement group (TID 1501) of one frame."""
    from pydicom.sr.codedict import codes

    frames = [result["frame"] + 1] if source.get("NumberOfFrames", 1) > 1 else None
    said = [sr.QualitativeEvaluation(own(sr, "NOTICE", "Notice"), own(sr, "NOT-CLINICAL", NOTICE))]
    if result["label"] is None:
        said.append(sr.QualitativeEvaluation(own(sr, "RESULT", "Result"), own(sr, "ABSTAINS", "The network abstains")))
        said += [
            sr.QualitativeEvaluation(own(sr, "REASON", "Reason to abstain"), own(sr, f"REASON-{n}", why[:64]))
            for n, why in enumerate(result["abstains"], 1)
        ]
    else:
        index = classes.index(result["label"])
        said.append(
            sr.QualitativeEvaluation(own(sr, "RESULT", "Result"), own(sr, f"CLASS-{index}", result["label"][:64]))
        )
    values = [
        sr.Measurement(own(sr, f"P-CLASS-{n}", f"Probability of {c}"[:64]), round(v, 6), codes.UCUM.NoUnits)
        for n, (c, v) in enumerate((result["probabilities"] or {}).items())
    ]
    if result["outlier"] is not None:
        unlike = own(sr, "OUTLIER", "How unlike the training images its features are")
        values.append(sr.Measurement(unlike, round(result["outlier"]["score"], 6), codes.UCUM.NoUnits))
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(identifier=f"frame {result['frame'] + 1}"),
        finding_type=own(sr, "IMAGE-CLASS", "Classification of images by a network"),
        algorithm_id=sr.AlgorithmIdentification("convnet diagnose", versions()["formula-convnet"], [f"model {model}"]),
        measurements=values or None,
        qualitative_evaluations=said,
        source_images=[sr.SourceImageForMeasurementGroup(str(source.SOPClassUID), str(source.SOPInstanceUID), frames)],
    )


def own(sr: Any, value: str, meaning: str) -> Any:
    """A concept of our private coding scheme; the value has at most 16 characters, the meaning 64."""
    return sr.CodedConcept(value, SCHEME, meaning)


def concept(sr: Any, name: str) -> Any:
    """A concept of DICOM's own dictionary (PS3.16 D) by pydicom's name for it."""
    from pydicom.sr.codedict import codes

    return sr.CodedConcept(*getattr(codes.DCM, name)[:3])
