"""The DICOM objects that a result becomes: a secondary capture of an overlay, a structured report by TID 1500."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.diagnosis.group_result import GroupResult
from convnet.diagnosis.result import Result
from convnet.diagnosis.run_log import versions
from convnet.notice import NOTICE
from convnet.output.words import count

if TYPE_CHECKING:
    from pydicom import Dataset

SCHEME = "99CONVNET"  # PS3.16 8.2: private coding schemes begin with 99
MAKER = "formula-convnet"
NUMBER = 9000  # of the first series that is added to a study


def series() -> dict[str, Any]:
    """Return the equipment attributes of every object that we add to a study."""
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
    result: Result,
    overlay: tuple[str, str, np.ndarray],
    series_uid: str,
    number: int,
    model: str,
) -> Dataset:
    """Return a secondary capture (PS3.3 A.8.1) of an overlay, in the source's rows and columns.

    hd          the package highdicom
    source      the header of the image that it refers to; result: the frame's
    overlay     (name, what it shows, (R,C,3) uint8)
    series_uid  of the series that it joins; number: its place there
    model       SHA-256 of the model file
    """
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
    found.DerivationDescription = f"{name} map over the frame's grey values, class {result.label}"[:1024]
    item = hd.content.ReferencedImageSequence([source])[0]
    if source.get("NumberOfFrames", 1) > 1:
        item.ReferencedFrameNumber = result.frame + 1
    purpose = codes.DCM.SourceImageForImageProcessingOperation
    item.PurposeOfReferenceCodeSequence = [hd.sr.CodedConcept(*purpose[:3])]
    found.SourceImageSequence = [item]
    if spacing := source.get("PixelSpacing"):
        found.PixelSpacing = spacing
    return found


def report(hd: Any, study: dict[str, Any], classes: tuple[str, ...], model: str) -> Dataset:
    """Return a Comprehensive SR with a Measurement Report (TID 1500): probabilities and the finding of each frame.

    It is marked complete, not final and not verified: no person has read it.
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
        imaging_measurements=[
            *(joined(sr, group, images, classes, model) for group, images in study["groups"]),
            *(of_frame(sr, source, result, classes, model) for source, result in study["results"]),
        ],
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


def of_frame(sr: Any, source: Dataset, result: Result, classes: tuple[str, ...], model: str) -> Any:
    """Return the measurement group (TID 1501) of one frame."""
    more = []
    if result.outlier is not None:
        more = [("OUTLIER", "How unlike the training images its features are", result.outlier.score)]
    return measurements(sr, result, f"frame {result.frame + 1}", [(source, result)], more, classes, model)


def joined(
    sr: Any, group: GroupResult, images: list[tuple[Dataset, Result]], classes: tuple[str, ...], model: str
) -> Any:
    """Return the measurement group (TID 1501) of a patient, study or series, on its images in this study."""
    images = [pair for pair in images if pair[1].label is not None] or images
    more = [
        ("IMAGES-GIVEN", f"Images of the {group.level}", float(group.images)),
        ("IMAGES-USED", "Images that the result is made of", float(group.used)),
    ]
    return measurements(sr, group, f"{group.level} ({count(group.images, 'image')})", images, more, classes, model)


def measurements(
    sr: Any,
    result: Result | GroupResult,
    tracked: str,
    images: list[tuple[Dataset, Result]],
    more: list[tuple[str, str, float]],
    classes: tuple[str, ...],
    model: str,
) -> Any:
    """Return a measurement group: what is said of these images, probabilities, and `more` (code, name, value)."""
    from pydicom.sr.codedict import codes

    frames: dict[tuple[str, str], list[int] | None] = {}
    for source, one in images:
        key = str(source.SOPClassUID), str(source.SOPInstanceUID)
        if source.get("NumberOfFrames", 1) > 1:
            frames[key] = [*(frames.get(key) or []), one.frame + 1]
        else:
            frames[key] = None
    said = [sr.QualitativeEvaluation(own(sr, "NOTICE", "Notice"), own(sr, "NOT-CLINICAL", NOTICE))]
    if result.label is None:
        said.append(sr.QualitativeEvaluation(own(sr, "RESULT", "Result"), own(sr, "ABSTAINS", "The network abstains")))
        said += [
            sr.QualitativeEvaluation(own(sr, "REASON", "Reason to abstain"), own(sr, f"REASON-{n}", why[:64]))
            for n, why in enumerate(result.abstains, 1)
        ]
    else:
        code = f"CLASS-{classes.index(result.label)}" if result.label in classes else "RESULT-TEXT"
        said.append(sr.QualitativeEvaluation(own(sr, "RESULT", "Result"), own(sr, code, result.label[:64])))
    values = [
        sr.Measurement(own(sr, f"P-CLASS-{n}", f"Probability of {c}"[:64]), round(v, 6), codes.UCUM.NoUnits)
        for n, (c, v) in enumerate((result.probabilities or {}).items())
    ]
    if result.value is not None:
        numbers = {"VALUE": ("Value", result.value)}
        for code, bound in zip(("LOW", "HIGH"), result.interval or (), strict=False):
            numbers[f"INTERVAL-{code}"] = f"Interval of the value, {code.lower()}", bound
        values += [sr.Measurement(own(sr, c, n), round(v, 6), codes.UCUM.NoUnits) for c, (n, v) in numbers.items()]
    values += [sr.Measurement(own(sr, code, name), round(v, 6), codes.UCUM.NoUnits) for code, name, v in more]
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(identifier=tracked),
        finding_type=own(sr, "IMAGE-CLASS", "Classification of images by a network"),
        algorithm_id=sr.AlgorithmIdentification("convnet diagnose", versions()["formula-convnet"], [f"model {model}"]),
        measurements=values or None,
        qualitative_evaluations=said,
        source_images=[
            sr.SourceImageForMeasurementGroup(kind, uid, numbers) for (kind, uid), numbers in frames.items()
        ],
    )


def own(sr: Any, value: str, meaning: str) -> Any:
    """Return a concept of our private coding scheme; the value has at most 16 characters, the meaning 64."""
    return sr.CodedConcept(value, SCHEME, meaning)


def concept(sr: Any, name: str) -> Any:
    """Return a concept of DICOM's own dictionary (PS3.16 D) by pydicom's name for it."""
    from pydicom.sr.codedict import codes

    return sr.CodedConcept(*getattr(codes.DCM, name)[:3])
