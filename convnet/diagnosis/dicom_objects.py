"""The DICOM objects that a result becomes: a secondary capture of an overlay, a structured report by TID 1500."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.diagnosis.result import Result
from convnet.diagnosis.run_log import versions
from convnet.notice import NOTICE

if TYPE_CHECKING:
    from pydicom import Dataset

SCHEME = "99CONVNET"  # PS3.16 8.2: private coding schemes begin with 99
MAKER = "formula-convnet"
NUMBER = 9000  # of the first series that is added to a study


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
    result: Result,
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


def group(sr: Any, source: Dataset, result: Result, classes: tuple[str, ...], model: str) -> Any:
    """The measurement group (TID 1501) of one frame."""
    from pydicom.sr.codedict import codes

    frames = [result.frame + 1] if source.get("NumberOfFrames", 1) > 1 else None
    said = [sr.QualitativeEvaluation(own(sr, "NOTICE", "Notice"), own(sr, "NOT-CLINICAL", NOTICE))]
    if result.label is None:
        said.append(sr.QualitativeEvaluation(own(sr, "RESULT", "Result"), own(sr, "ABSTAINS", "The network abstains")))
        said += [
            sr.QualitativeEvaluation(own(sr, "REASON", "Reason to abstain"), own(sr, f"REASON-{n}", why[:64]))
            for n, why in enumerate(result.abstains, 1)
        ]
    else:
        index = classes.index(result.label)
        said.append(sr.QualitativeEvaluation(own(sr, "RESULT", "Result"), own(sr, f"CLASS-{index}", result.label[:64])))
    values = [
        sr.Measurement(own(sr, f"P-CLASS-{n}", f"Probability of {c}"[:64]), round(v, 6), codes.UCUM.NoUnits)
        for n, (c, v) in enumerate((result.probabilities or {}).items())
    ]
    if result.outlier is not None:
        unlike = own(sr, "OUTLIER", "How unlike the training images its features are")
        values.append(sr.Measurement(unlike, round(result.outlier.score, 6), codes.UCUM.NoUnits))
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(identifier=f"frame {result.frame + 1}"),
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
