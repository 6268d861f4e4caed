"""From stored values to values in the modality's unit (PS3.3 C.11.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from convnet.data.dicom.header import LARGEST, attribute, code, numbers
from convnet.data.dicom.remarks import remark
from convnet.data.dicom.tables import read_table, usable
from convnet.data.errors import DicomError

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True)
class Modality:
    """Values in the modality's unit.

    values    float64
    unit      "HU", another unit's code, or what they are
    identity  whether the stored values were already that unit
    what      the formula with its numbers
    lowest    the smallest value that any pixel of this file may have
    """

    values: np.ndarray
    unit: str
    identity: bool
    what: str
    lowest: float = 0.0


def apply_modality(stored: np.ndarray, ds: Dataset, frame: int, path: object) -> Modality:
    """Apply the Modality LUT: value = slope * stored + intercept, or a look-up table, float64 in the same shape.

    For CT the values are Hounsfield units if the file states a slope or an intercept, and no Rescale Type but HU.
    Absent: slope 1, intercept 0. A slope of 0 is a filler: then there is no rescale.
    """
    if item := usable(ds.get("ModalityLUTSequence"), ds, "Modality LUT Sequence"):
        table = read_table(item, ds, path, signed=bool(ds.get("PixelRepresentation")))
        values, unit = table.look_up(stored), stated_unit(item.get("ModalityLUTType")) or "table output"
        what = f"{unit} = table[stored], {len(np.unique(values))} levels up to {table.top}"
        return Modality(values, unit, False, what)
    if stored.dtype == np.float64 and np.abs(stored).max(initial=0) > LARGEST:
        raise DicomError(path, f"its pixels have values beyond {LARGEST:g}")
    low, high = stored_range(ds) if stored.dtype.kind in "iu" else (float(stored.min()), float(stored.max()))
    slopes = numbers(ds, frame, "RescaleSlope", path)
    intercepts = numbers(ds, frame, "RescaleIntercept", path)
    if slopes[:1] == [0.0]:
        remark(ds, "RescaleSlope 0 was ignored, and with it RescaleIntercept")
        slopes, intercepts = [], []
    if not slopes and not intercepts:
        what = "the file states no rescale: stored values are used"
        return Modality(stored.astype(np.float64), "stored values", True, what, low)
    slope, intercept = (slopes or [1.0])[0], (intercepts or [0.0])[0]
    unit = rescale_unit(ds, frame)
    what = f"{unit} = {slope} * stored {plus(intercept)}"
    lowest = min(slope * low, slope * high) + intercept
    return Modality(stored.astype(np.float64) * slope + intercept, unit, slope == 1 and intercept == 0, what, lowest)


def rescale_unit(ds: Dataset, frame: int) -> str:
    """Return the unit after the rescale: Rescale Type's (PS3.3 C.11.1.1.2); HU for a CT that states none."""
    stated = stated_unit(attribute(ds, frame, "RescaleType"))
    if ds.get("Modality") == "CT":
        return stated or "HU"
    return stated if stated and stated != "HU" else "value"


def stated_unit(value: object) -> str | None:
    """Return a unit's code (LO, so it may be free text, which is not repeated), None where there is none."""
    text = code(str(value or "").strip())
    return "other" if text == "not a code" else text


def stored_range(ds: Dataset) -> tuple[float, float]:
    """Return the smallest and largest value that Bits Stored can hold, signed or unsigned (Pixel Representation)."""
    bits = int(ds.BitsStored)
    return (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if ds.get("PixelRepresentation") else (0.0, 2.0**bits - 1)


def plus(number: float) -> str:
    """Return a number as the next term of a printed formula: '+ 3' or '- 3'."""
    return f"{'-' if number < 0 else '+'} {abs(number):.10g}"
