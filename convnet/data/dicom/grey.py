"""From stored values to grey in [0, 1]: modality LUT and window, and the rules for a file without one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.data.dicom.header import LARGEST, attribute, numbers
from convnet.data.errors import DicomError

if TYPE_CHECKING:
    from pydicom import Dataset

# soft tissue, -160 to 239 HU: taken for a CT in HU whose file states no window
CT_WINDOW = (40.0, 400.0)


@dataclass(frozen=True)
class Modality:
    """Values in the modality's unit (float64), the unit's name, and whether stored values were already that
    unit.
    """

    values: np.ndarray
    unit: str
    identity: bool
    what: str


def modality(stored: np.ndarray, ds: Dataset, frame: int, path: object) -> Modality:
    """Modality LUT (PS3.3 C.11.1): value = slope * stored + intercept, or a look-up table. (rows, columns) ->
    same, float64.

    For CT the values are Hounsfield units when the file states a slope or an intercept. Absent: slope 1,
    intercept 0.
    """
    table = ds.get("ModalityLUTSequence")
    if table:
        unit = str(table[0].get("ModalityLUTType") or "table output")
        values, top = look_up(stored, table[0], ds, path)
        return Modality(values, unit, False, f"{unit} = table[stored], {len(np.unique(values))} levels up to {top}")
    if stored.dtype == np.float64 and np.abs(stored).max(initial=0) > LARGEST:
        raise DicomError(path, f"its pixels have values beyond {LARGEST:g}")
    slopes = numbers(ds, frame, "RescaleSlope", path)
    intercepts = numbers(ds, frame, "RescaleIntercept", path)
    if not slopes and not intercepts:
        return Modality(
            stored.astype(np.float64),
            "stored values",
            True,
            "the file states no rescale: stored values are used",
        )
    slope, intercept = (slopes or [1.0])[0], (intercepts or [0.0])[0]
    if slope == 0:
        raise DicomError(path, "RescaleSlope is 0: every pixel would be the same")
    unit = "HU" if ds.get("Modality") == "CT" else "value"
    what = f"{unit} = {slope} * stored {plus(intercept)}"
    return Modality(stored.astype(np.float64) * slope + intercept, unit, slope == 1 and intercept == 0, what)


def plus(number: float) -> str:
    """'+ 3' or '- 3': a number as the next term of a printed formula."""
    return f"{'-' if number < 0 else '+'} {abs(number):.10g}"


def look_up(values: np.ndarray, item: Dataset, ds: Dataset, path: object) -> tuple[np.ndarray, int]:
    """Look-up table (PS3.3 C.11.1.1, C.11.2.1.1): out = data[clip(value - first, 0, n - 1)] -> (float64,
    largest output).

    `item` is one item of a Modality or VOI LUT Sequence: LUT Descriptor (n, first, bits) and LUT Data.
    """
    try:
        n, first, bits = (int(v) for v in item.LUTDescriptor)
        n = n % 2**16 or 2**16  # unsigned, whatever the element says; 0 is 65536
        data = item.LUTData
        if isinstance(data, bytes):
            order = "<" if ds.file_meta.TransferSyntaxUID.is_little_endian else ">"
            data = np.frombuffer(data, np.uint8 if len(data) in (n, n + 1) and n > 1 else f"{order}u2")
        table = np.atleast_1d(np.asarray(data, np.float64))[:n]
    except (AttributeError, TypeError, ValueError):
        raise DicomError(path, "its look-up table (LUT Descriptor, LUT Data) cannot be read") from None
    if not np.isfinite(table).all():
        raise DicomError(path, "its look-up table holds what is no finite number")
    if not 1 <= bits <= 16 or len(table) < n:
        raise DicomError(
            path, f"its look-up table has {len(table)} entries of {bits} bits: expected {n}, 16 bits at most"
        )
    index = np.clip(np.rint(values).astype(np.int64) - first, 0, n - 1)
    return table[index], 2**bits - 1


def padding(stored: np.ndarray, ds: Dataset) -> np.ndarray:
    """Which pixels are outside the image proper (Pixel Padding Value and Range Limit, PS3.3 C.7.5.1.1.2; for float
    pixels Float and Double Float Pixel Padding Value, C.7.6.24-25): bool mask.
    """
    if stored.dtype.kind == "f":
        prefix = "Float" if "FloatPixelData" in ds else "DoubleFloat"
        value, limit = (ds.get(f"{prefix}PixelPadding{end}") for end in ("Value", "RangeLimit"))
    else:
        value, limit = (as_stored(ds.get(f"PixelPadding{end}"), stored) for end in ("Value", "RangeLimit"))
    if not isinstance(value, int | float):
        return np.zeros(stored.shape, bool)
    limit = limit if isinstance(limit, int | float) else value
    return (stored >= min(value, limit)) & (stored <= max(value, limit))


def as_stored(value: Any, stored: np.ndarray) -> int | None:
    """A padding value in the pixels' own signedness: many CT files state -2000 as the unsigned 63536."""
    if not isinstance(value, int):
        return None
    info = np.iinfo(stored.dtype)
    if value > info.max:
        return value - 2**info.bits
    return value + 2**info.bits if value < info.min else value


def inverted(ds: Dataset, photometric: str) -> tuple[bool, str]:
    """(does the lowest value show white, why): Presentation LUT Shape where stated, else MONOCHROME1 (PS3.3 C.11.6)."""
    shape = str(ds.get("PresentationLUTShape") or "").upper()
    if shape in ("INVERSE", "IDENTITY"):
        return shape == "INVERSE", f"Presentation LUT Shape {shape} ({photometric})"
    return photometric == "MONOCHROME1", photometric


def scale(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """(value - low) / (high - low), clipped to [0, 1]; all 0 when high == low (a constant image), float64."""
    if high == low:
        return np.zeros(values.shape)
    return np.clip((values - low) / (high - low), 0.0, 1.0)


def apply_window(
    values: np.ndarray, center: float, width: float, function: str, path: object
) -> tuple[np.ndarray, str]:
    """Window (PS3.3 C.11.2.1.2-3) -> (grey in [0, 1] as float64, the formula with its numbers).

    LINEAR        from center - 0.5 - (width - 1) / 2 to center - 0.5 + (width - 1) / 2, width >= 1
    LINEAR_EXACT  from center - width / 2 to center + width / 2, width > 0
    SIGMOID       1 / (1 + exp(-4 (value - center) / width)), width > 0
    """
    if width <= 0 or (function == "LINEAR" and width < 1):
        least = "at least 1" if function == "LINEAR" else "above 0"
        raise DicomError(path, f"window width {width:g} with function {function}: expected {least}")
    if function == "SIGMOID":
        from scipy.special import expit

        return expit(4 * (values - center) / width), f"v = 1 / (1 + exp(-4 (value {plus(-center)}) / {width:g}))"
    if function == "LINEAR":
        center, width = center - 0.5, width - 1
    elif function != "LINEAR_EXACT":
        raise DicomError(path, f"VOI LUT Function '{function}' is unknown: expected LINEAR, LINEAR_EXACT or SIGMOID")
    low, high = center - width / 2, center + width / 2
    if width == 0:
        return (values > center).astype(np.float64), f"v = 1 above {center:g}, else 0"
    return scale(values, low, high), f"v = (value {plus(-low)}) / {width:.10g}, clipped to [0, 1]"


def stored_range(ds: Dataset) -> tuple[float, float]:
    """Smallest and largest value that Bits Stored can hold, signed or unsigned (Pixel Representation)."""
    bits = int(ds.BitsStored)
    return (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if ds.get("PixelRepresentation") else (0.0, 2.0**bits - 1)


def to_grey(
    m: Modality, mask: np.ndarray, ds: Dataset, frame: int, path: object, window: tuple[float, float] | None
) -> tuple[np.ndarray, str]:
    """Modality values -> (grey in [0, 1] as float64, what was done). The first rule that applies:

    1. the caller's `window` (center, width), in the modality's unit; the file's VOI LUT Function, else LINEAR
    2. the file's first VOI LUT
    3. the file's first window
    4. CT in Hounsfield units: center 40, width 400 (soft tissue)
    5. 8 bits or fewer and no rescale: already display values, the whole stored range
    6. else from this frame's smallest to its largest value, padding left out
    """
    function = str(attribute(ds, frame, "VOILUTFunction") or "LINEAR").upper()
    if window is not None:
        grey, what = apply_window(m.values, *window, function, path)
        return grey, f"window center {window[0]:g}, width {window[1]:g} {m.unit} (given): {what}"
    table = ds.get("VOILUTSequence")
    if table:
        values, top = look_up(m.values, table[0], ds, path)
        return scale(values, 0, top), f"the file's VOI look-up table: v = table[value] / {top}"
    center, width = (numbers(ds, frame, k, path) for k in ("WindowCenter", "WindowWidth"))
    if center and width:
        grey, what = apply_window(m.values, center[0], width[0], function, path)
        return grey, f"window center {center[0]:g}, width {width[0]:g} {m.unit} (from the file): {what}"
    if m.unit == "HU":
        grey, what = apply_window(m.values, *CT_WINDOW, "LINEAR", path)
        return grey, f"no window in the file: soft tissue, center 40, width 400 HU: {what}"
    if m.identity and "PixelData" in ds and int(ds.BitsStored) <= 8:
        low, high = stored_range(ds)
        return scale(m.values, low, high), f"no window, display values: v = (value {plus(-low)}) / {high - low:.10g}"
    inside = m.values[~mask]
    low, high = (float(inside.min()), float(inside.max())) if inside.size else (0.0, 0.0)
    if low == high:
        return np.zeros(m.values.shape), f"no window, a constant image (every value is {low:g}): v = 0"
    return scale(
        m.values, low, high
    ), f"no window: v = (value {plus(-low)}) / {high - low:.10g}, from this frame's range"
