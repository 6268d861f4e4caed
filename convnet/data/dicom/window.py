"""The VOI LUT of a frame: its window or its table (PS3.3 C.11.2, C.7.6.16.2.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from convnet.data.dicom.header import groups, is_sequence, numbers_of
from convnet.data.dicom.modality import plus
from convnet.data.dicom.remarks import remark
from convnet.data.dicom.tables import usable

if TYPE_CHECKING:
    from pydicom import Dataset

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


@dataclass(frozen=True)
class Voi:
    """What a file states for one frame: the item of its first table, else its first window, and the function."""

    table: Dataset | None = None
    window: tuple[float, float] | None = None
    function: str = "LINEAR"


def stated_voi(ds: Dataset, frame: int, path: object) -> Voi:
    """Read the frame's own functional group, else the shared one, else the top: the first with a table or window.

    What holds neither is ignored, with a remark: viewers ignore it too.
    """
    function = "LINEAR"
    for holder in holders(ds, frame):
        if stated := str(holder.get("VOILUTFunction") or "").strip().upper():
            function = known_function(stated, ds)
        sequence = holder.get("VOILUTSequence")
        table = usable(sequence, ds, "VOI LUT Sequence") if is_sequence(sequence) else None
        window = None if table else first_window(holder, ds, path)
        if table or window:
            return Voi(table, window, function)
    return Voi(function=function)


def holders(ds: Dataset, frame: int) -> list[Dataset]:
    """Return the places where a frame's VOI LUT may stand, the one that goes first at the front."""
    found = [group.get("FrameVOILUTSequence") for group in groups(ds, frame)]
    return [*(items[0] for items in found if is_sequence(items) and items), ds]


def known_function(stated: str, ds: Dataset) -> str:
    """Return the VOI LUT Function, LINEAR for one that PS3.3 does not define."""
    if stated in FUNCTIONS:
        return stated
    remark(ds, "a VOI LUT Function other than LINEAR, LINEAR_EXACT and SIGMOID was read as LINEAR")
    return "LINEAR"


def first_window(holder: Dataset, ds: Dataset, path: object) -> tuple[float, float] | None:
    """Return the first center and width of a positive width, None where there is none."""
    centers, widths = (numbers_of(holder.get(k), k, path) for k in ("WindowCenter", "WindowWidth"))
    found = [(c, w) for c, w in zip(centers, widths, strict=False) if w > 0]
    if (centers or widths) and (not found or widths[0] <= 0):
        remark(ds, "a window whose center is missing, or whose width is not above 0, was ignored")
    return found[0] if found else None


def apply_window(values: np.ndarray, center: float, width: float, function: str) -> tuple[np.ndarray, str]:
    """Apply a window (PS3.3 C.11.2.1.2-3) -> (grey in [0, 1] as float64, the formula with its numbers).

    LINEAR        from center - 0.5 - (width - 1) / 2 to center - 0.5 + (width - 1) / 2, width >= 1
    LINEAR_EXACT  from center - width / 2 to center + width / 2, width > 0; also for LINEAR narrower than 1
    SIGMOID       1 / (1 + exp(-4 (value - center) / width)), width > 0
    """
    if function == "SIGMOID":
        from scipy.special import expit

        return expit(4 * (values - center) / width), f"v = 1 / (1 + exp(-4 (value {plus(-center)}) / {width:g}))"
    if function == "LINEAR" and width >= 1:
        center, width = center - 0.5, width - 1
    low, high = center - width / 2, center + width / 2
    if high == low:
        return (values > center).astype(np.float64), f"v = 1 above {center:g}, else 0"
    return scale(values, low, high), f"v = (value {plus(-low)}) / {width:.10g}, clipped to [0, 1]"


def scale(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """(value - low) / (high - low), clipped to [0, 1]; all 0 when high == low (a constant image), float64."""
    if high == low:
        return np.zeros(values.shape)
    return np.clip((values - low) / (high - low), 0.0, 1.0)
