"""What a file's header says that figures are broken down by, and that may be a shortcut: no identifier among it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset

NAMES = ("modality", "body_part", "manufacturer", "sex", "age", "laterality", "size", "window", "photometric")
AGE_BANDS = ((0, 18), (18, 40), (40, 50), (50, 60), (60, 70), (70, 80))  # years; 80 and over are one band


def facts(ds: Dataset) -> dict[str, str]:
    """{name: text, "" where the header is silent}: modality, body part, manufacturer and model, sex (M, F, O), age band
    in years, laterality (L, R, ...), rows x columns, window "centre/width", photometric
    interpretation.
    """
    window = [first(ds, keyword) for keyword in ("WindowCenter", "WindowWidth")]
    return {
        "modality": code(ds, "Modality"),
        "body_part": body_part(ds),
        "manufacturer": " ".join(filter(None, (first(ds, "Manufacturer"), first(ds, "ManufacturerModelName")))),
        "sex": letter(ds, "MFO", "PatientSex"),
        "age": age_band(ds),
        "laterality": letter(ds, "LRBU", "ImageLaterality", "Laterality"),
        "size": f"{first(ds, 'Rows')}x{first(ds, 'Columns')}" if "Rows" in ds else "",
        "window": "/".join(window) if all(window) else "",
        "photometric": code(ds, "PhotometricInterpretation"),
    }


def code(ds: Dataset, keyword: str) -> str:
    """A code string (CS, PS3.5 6.2) in capitals, "" for what is none: it goes into model files."""
    text = first(ds, keyword).upper()
    return text if re.fullmatch(r"[A-Z0-9 _]{1,16}", text) else ""


def letter(ds: Dataset, known: str, *keywords: str) -> str:
    """The first of the elements that is one of these letters, "" where none is: other text may name a patient."""
    found = [first(ds, keyword).upper() for keyword in keywords]
    return next((text for text in found if len(text) == 1 and text in known), "")


def body_part(ds: Dataset) -> str:
    """Body Part Examined, else the code meaning of the Anatomic Region, which enhanced files keep by frame."""
    if found := code(ds, "BodyPartExamined"):
        return found
    try:
        groups = [ds, *(ds.get("SharedFunctionalGroupsSequence") or [])[:1]]
        groups += [item for group in groups[1:] for item in (group.get("FrameAnatomySequence") or [])[:1]]
        regions = [item for group in groups for item in (group.get("AnatomicRegionSequence") or [])[:1]]
        return next(filter(None, (code(region, "CodeMeaning") for region in regions)), "")
    except Exception:  # as in `first`
        return ""


def first(ds: Dataset, keyword: str) -> str:
    """The first value of an element as text, "" where it is absent or damaged."""
    try:
        value = ds.get(keyword)
        if value is None or isinstance(value, str):
            return (value or "").strip()
        values = list(value) if hasattr(value, "__len__") else [value]
        return str(values[0]).strip() if values else ""
    except Exception:  # a damaged value fails in its own way; the pixels may be sound
        return ""


def age_band(ds: Dataset) -> str:
    """PatientAge (nnnD, nnnW, nnnM or nnnY, PS3.5 table 6.2-1), or the years between birth and study, as a band."""
    text = first(ds, "PatientAge").upper()
    years = None
    if text[:-1].isdecimal() and text[-1] in "DWMY":
        years = int(text[:-1]) / {"D": 365.25, "W": 52.18, "M": 12, "Y": 1}[text[-1]]
    else:
        birth, study = first(ds, "PatientBirthDate"), first(ds, "StudyDate")
        if len(birth) == len(study) == 8 and birth.isdecimal() and study.isdecimal():
            years = (int(study) - int(birth)) / 10_000  # yyyymmdd: whole years before the point
    if years is None or not 0 <= years < 130:
        return ""
    return next((f"{low}-{high - 1}" for low, high in AGE_BANDS if years < high), "80+")
