"""How pixels are prepared for a network: one record from the command line to the worker and the model file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

ASPECTS = ("pad", "crop", "stretch")
PLANES = ("axial", "coronal", "sagittal")

Window = tuple[float, float]


@dataclass(frozen=True)
class Preparation:
    """How every image becomes one of a fixed size.

    size      pixels a side, samples of an electrocardiogram; None keeps the image's own shape (made square-pixelled)
    aspect    how an oblong image becomes square: "pad", "crop" or "stretch" (`convnet.data.dicom.resize.resize`)
    window    (center, width) in the modality's unit (HU for CT) instead of the file's own
    channels  1 for grey, 3 for colour, where grey images have three equal channels
    slices    of a volume (NIfTI, NRRD, MHA): PLANE for all of them, PLANE:N for N spread evenly, so that PLANE:1 is
              the middle one; PLANE is axial, coronal or sagittal

    Raises ValueError for settings that no file can be read with.
    """

    size: int | None = 28
    aspect: str = "pad"
    window: Window | None = None
    channels: int = 1
    slices: str = "axial"

    def __post_init__(self) -> None:
        check_size(self.size, self.aspect)
        check_window(self.window)
        split_slices(self.slices)
        if self.channels not in (1, 3):
            raise ValueError(f"channels must be 1 (grey) or 3 (colour), got {self.channels!r}")
        if self.channels == 3 and self.window is not None:
            raise ValueError("a window is a range of grey values: leave it out, or read images as grey")

    def to_plain(self) -> dict[str, Any]:
        """Return the settings as plain JSON values: what a model file stores and a worker is sent."""
        return {**asdict(self), "window": None if self.window is None else list(self.window)}

    @classmethod
    def from_plain(cls, plain: Any) -> Preparation:
        """Return the settings that `to_plain` wrote; what older files do not state has its default.

        Raises TypeError or ValueError for anything else.
        """
        known = {"size", "aspect", "window", "channels", "slices"}
        if not isinstance(plain, dict) or {"channels", "slices", *plain} != known:
            raise ValueError("expected size, aspect, window, channels and slices")
        window = tuple(plain["window"]) if isinstance(plain["window"], list) else plain["window"]
        return cls(**{**plain, "window": window})


def check_size(size: int | None, aspect: str) -> None:
    """Raise ValueError unless size is None or a whole number above 0, and aspect is one of ASPECTS."""
    if aspect not in ASPECTS:
        raise ValueError(f"resize: aspect={aspect!r} is unknown: expected one of {', '.join(ASPECTS)}")
    if size is not None and (isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1):
        raise ValueError(f"resize: size={size!r}: expected a whole number of pixels above 0, or None to keep the shape")


def check_window(window: Window | None) -> None:
    """Raise ValueError unless window is None or two finite numbers, the width above 0."""
    if window is not None and not (len(window) == 2 and np.isfinite(window).all() and window[1] > 0):
        raise ValueError(f"window must be two finite numbers, center and a width above 0, got {window!r}")


def split_slices(text: str) -> tuple[str, int | None]:
    """Return (plane, how many slices of it, None for all). Raises ValueError for what is neither PLANE nor PLANE:N."""
    plane, colon, count = text.partition(":") if isinstance(text, str) else ("", "", "")
    if plane not in PLANES or (colon and not (count.isascii() and count.isdecimal() and 0 < int(count[:9]) < 10**6)):
        raise ValueError(
            f"slices={text!r}: expected one of {', '.join(PLANES)}, or one of them with a number of slices, such as "
            "axial:8; axial:1 is the middle slice"
        )
    return plane, int(count) if colon else None
