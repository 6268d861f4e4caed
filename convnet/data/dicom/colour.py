"""From colour to grey: the palette and the luminance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convnet.data.errors import DicomError

if TYPE_CHECKING:
    from pydicom import Dataset


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Y = 0.299 R + 0.587 G + 0.114 B, float64: (..., 3 or 4) -> (...).

    The Y of YBR_FULL (PS3.3 C.7.6.3.1.2).
    """
    r, g, b = (rgb[..., c].astype(np.float64) for c in range(3))
    return 0.299 * r + 0.587 * g + 0.114 * b


def palette(stored: np.ndarray, ds: Dataset, path: object) -> tuple[np.ndarray, int]:
    """PALETTE COLOR -> (RGB, largest value): (rows, columns) -> (rows, columns, 3) (PS3.3 C.7.6.3.1.5-6)."""
    from pydicom.pixels import apply_color_lut

    try:
        rgb = apply_color_lut(stored, ds)[..., :3]
    except MemoryError:
        raise
    except Exception as error:  # pydicom raises as many types as there are ways to write a palette wrong
        raise DicomError(path, f"its colour palette cannot be read: {str(error)[:200]}") from None
    # 8-bit entries may be kept in 16-bit words
    small = ds.RedPaletteColorLookupTableDescriptor[2] == 8 and rgb.max() <= 255
    return rgb, 255 if small else int(np.iinfo(rgb.dtype).max)
