"""From the modality's values to grey in [0, 1]: window or table, and the rules for a file that states neither."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.data.dicom.decode import decode
from convnet.data.dicom.frames import frame_count
from convnet.data.dicom.header import code
from convnet.data.dicom.modality import Modality, apply_modality, plus, stored_range
from convnet.data.dicom.remarks import remark
from convnet.data.dicom.tables import read_table
from convnet.data.dicom.window import apply_window, scale, stated_voi
from convnet.data.errors import DicomError, FrameError

if TYPE_CHECKING:
    from pydicom import Dataset

# soft tissue, -160 to 239 HU: taken for a CT in HU whose file states no window
CT_WINDOW = (40.0, 400.0)
COUNTS = ("PT", "NM")  # modalities whose values mean an activity, in every slice the same
RANGE = "_convnet_range"  # an attribute of the Dataset object: its frames are gone through once


def padding(stored: np.ndarray, ds: Dataset) -> np.ndarray:
    """Mark the pixels outside the image proper (Pixel Padding Value and Range Limit, PS3.3 C.7.5.1.1.2; for float
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
    """Return a padding value in the pixels' own signedness: many CT files state -2000 as the unsigned 63536."""
    if not isinstance(value, int):
        return None
    info = np.iinfo(stored.dtype)
    if value > info.max:
        return value - 2**info.bits
    return value + 2**info.bits if value < info.min else value


def inverted(ds: Dataset, photometric: str) -> tuple[bool, str]:
    """Return (whether the lowest value shows white, why): Presentation LUT Shape, else MONOCHROME1 (PS3.3 C.11.6)."""
    shape = str(ds.get("PresentationLUTShape") or "").upper()
    if shape in ("INVERSE", "IDENTITY"):
        return shape == "INVERSE", f"Presentation LUT Shape {shape} ({photometric})"
    return photometric == "MONOCHROME1", photometric


def to_grey(
    m: Modality, mask: np.ndarray, ds: Dataset, frame: int, path: object, window: tuple[float, float] | None
) -> tuple[np.ndarray, str]:
    """Modality values -> (grey in [0, 1] as float64, what was done). The first rule that applies:

    1. the caller's `window` (center, width), in the modality's unit; the file's VOI LUT Function, else LINEAR
    2. the file's first VOI LUT, of this frame where it states one
    3. the file's first window, of this frame where it states one
    4. CT in Hounsfield units: center 40, width 400 (soft tissue)
    5. 8 bits or fewer and no rescale: already display values, the whole stored range
    6. else from the smallest to the largest value of `shown_range`
    """
    voi = stated_voi(ds, frame, path)
    if window is not None:
        grey, what = apply_window(m.values, *window, voi.function)
        return grey, f"window center {window[0]:g}, width {window[1]:g} {m.unit} (given): {what}"
    if voi.table is not None:
        table = read_table(voi.table, ds, path, signed=m.lowest < 0)
        grey = scale(table.look_up(m.values), 0, table.top)
        return grey, f"the file's VOI look-up table: v = table[value] / {table.top}"
    if voi.window is not None:
        center, width = voi.window
        if width < 1 and voi.function == "LINEAR":
            remark(ds, "a LINEAR window narrower than 1 was read as LINEAR_EXACT")
        grey, what = apply_window(m.values, center, width, voi.function)
        return grey, f"window center {center:g}, width {width:g} {m.unit} (from the file): {what}"
    if m.unit == "HU":
        grey, what = apply_window(m.values, *CT_WINDOW, "LINEAR")
        return grey, f"no window in the file: soft tissue, center 40, width 400 HU: {what}"
    if m.identity and "PixelData" in ds and int(ds.BitsStored) <= 8:
        low, high = stored_range(ds)
        return scale(m.values, low, high), f"no window, display values: v = (value {plus(-low)}) / {high - low:.10g}"
    low, high, of = shown_range(m, mask, ds, path)
    if low == high:
        return np.zeros(m.values.shape), f"no window, a constant image (every value is {low:g}): v = 0"
    return scale(m.values, low, high), f"no window: v = (value {plus(-low)}) / {high - low:.10g}, from {of}'s range"


def shown_range(m: Modality, mask: np.ndarray, ds: Dataset, path: object) -> tuple[float, float, str]:
    """Return (smallest, largest value, of what) where no window is stated: of this frame, padding left out.

    PET and nuclear medicine: of all the file's frames, or one activity would have another grey in each slice. Raises
    DicomError for a PET slice that stands alone in its file: its series is not known here.
    """
    kind = code(ds.get("Modality"))
    if kind not in COUNTS:
        return *limits(m, mask), "this frame"
    count = frame_count(ds, path)
    if kind == "PT" and count == 1:
        unit = code(ds.get("Units")) or "the file's unit"
        raise DicomError(
            path,
            "a PET slice without a window cannot be shown by its own range, or one activity would have another grey "
            f"in each slice: give --window CENTRE WIDTH in {unit}",
        )
    if RANGE not in vars(ds):
        found = []
        for frame in range(count):
            with suppress(FrameError):
                stored, _ = decode(ds, path, frame)
                found.append(limits(apply_modality(stored, ds, frame, path), padding(stored, ds)))
        vars(ds)[RANGE] = min(low for low, _ in found), max(high for _, high in found)
    return *vars(ds)[RANGE], "the whole file"


def limits(m: Modality, mask: np.ndarray) -> tuple[float, float]:
    """Return the smallest and the largest value outside padding, 0 and 0 if all is padding."""
    inside = m.values[~mask]
    return (float(inside.min()), float(inside.max())) if inside.size else (0.0, 0.0)
