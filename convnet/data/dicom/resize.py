"""Geometry: square pixels, and anti-aliased resampling to size x size with a stated policy for the aspect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convnet.data.dicom.header import numbers
from convnet.data.dicom.remarks import remark
from convnet.data.errors import DicomError
from convnet.data.preparation import check_size

if TYPE_CHECKING:
    from pydicom import Dataset

# (row spacing, column spacing) in mm, the most trustworthy first (PS3.3 10.7, C.8.7, C.8.11)
SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio")


def pixel_spacing(ds: Dataset, frame: int, path: object) -> tuple[float, float, str] | None:
    """Return (between rows, between columns, the attribute's name) in mm; Pixel Aspect Ratio has no unit.

    None if no usable spacing is stated: what is not two positive numbers is a filler. Raises DicomError beyond 20 to 1.
    """
    for keyword in SPACINGS:
        pair = numbers(ds, frame, keyword, path)
        if not pair:
            continue
        if len(pair) != 2 or min(pair) <= 0:
            remark(ds, f"{keyword} was ignored: it is not two positive numbers")
            continue
        if max(pair) > 20 * min(pair):
            raise DicomError(path, f"{keyword} {pair} is not plausible: pixels over 20 times as long as wide")
        return pair[0], pair[1], keyword
    return ultrasound_spacing(ds)


def ultrasound_spacing(ds: Dataset) -> tuple[float, float, str] | None:
    """The spacing of the two-dimensional tissue regions of an ultrasound image in mm, where they agree (PS3.3 C.8.5.5).

    Regions with other axes (time, velocity) have no spacing; None where there is no region in cm, or several differ.
    """
    found = set()
    for region in ds.get("SequenceOfUltrasoundRegions") or []:
        try:
            units = region.RegionSpatialFormat, region.PhysicalUnitsXDirection, region.PhysicalUnitsYDirection
            deltas = [10 * abs(float(d)) for d in (region.PhysicalDeltaY, region.PhysicalDeltaX)]
        except (AttributeError, TypeError, ValueError):
            continue
        if units == (1, 3, 3) and 0 < max(deltas) <= 20 * min(deltas) < float("inf"):  # two-dimensional, cm by cm
            found.add((deltas[0], deltas[1]))
    return (*found.pop(), "SequenceOfUltrasoundRegions") if len(found) == 1 else None


def resample(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(H, W) -> shape, float64: linear interpolation between pixel centres after an anti-aliasing Gaussian.

    (H, W, C) channel by channel. An axis shrunk by f is first smoothed with sigma = 0.5 sqrt(f^2 - 1) pixels: what
    takes an image sampled with a blur of half a pixel to the same relative blur on the coarser grid (Lowe, IJCV 60,
    2004, section 3.3). Edges repeat. No output leaves the input's range, and resampling to the same shape returns the
    same values.
    """
    if image.ndim == 3:
        return np.stack([resample(image[..., c], shape) for c in range(image.shape[2])], axis=2)
    if image.shape == shape:
        return image.astype(np.float64)
    from scipy import ndimage

    shrink = [max(1.0, old / new) for old, new in zip(image.shape, shape, strict=True)]
    smooth = ndimage.gaussian_filter(
        image.astype(np.float64), [0.5 * np.sqrt(f * f - 1) for f in shrink], mode="nearest"
    )
    zoom = [new / old for old, new in zip(image.shape, shape, strict=True)]
    out = ndimage.zoom(smooth, zoom, order=1, mode="nearest", grid_mode=True)
    assert out.shape == shape, f"zoom made {out.shape} of {image.shape}, expected {shape}"
    return np.clip(out, image.min(), image.max())


def square_pixels(image: np.ndarray, spacing: tuple[float, float]) -> np.ndarray:
    """Resample so that pixels are square, as large as the finer of the two spacings: nothing is thrown
    away.
    """
    return resample(image, square_shape(image.shape[:2], spacing))


def square_shape(shape: tuple[int, ...], spacing: tuple[float, float]) -> tuple[int, int]:
    """What `square_pixels` makes of (rows, columns)."""
    rows, columns = (max(1, round(n * s / min(spacing))) for n, s in zip(shape, spacing, strict=True))
    return rows, columns


def resize(image: np.ndarray, size: int, aspect: str = "pad") -> np.ndarray:
    """(H, W) -> (size, size), or (H, W, C) -> (size, size, C), float64.

    pad      all of the image: the longer side becomes `size`, the rest is 0 (black), the image in the middle
    crop     no black: the shorter side becomes `size`, what stands out is cut off evenly
    stretch  all of the image and no black: each side becomes `size`, proportions are lost
    """
    check_size(size, aspect)
    rows, columns = scaled_shape(image.shape[:2], size, aspect)
    scaled = resample(image, (rows, columns))
    if aspect == "stretch":
        return scaled
    if aspect == "crop":
        top, left = (rows - size) // 2, (columns - size) // 2
        return scaled[top : top + size, left : left + size]
    out = np.zeros((size, size, *image.shape[2:]))
    top, left = (size - rows) // 2, (size - columns) // 2
    out[top : top + rows, left : left + columns] = scaled
    return out


def scaled_shape(shape: tuple[int, ...], size: int, aspect: str) -> tuple[int, int]:
    """What `resize` scales (rows, columns) to, before padding or cutting."""
    if aspect == "stretch":
        return size, size
    side = max(shape) if aspect == "pad" else min(shape)
    rows, columns = (max(1, round(n * size / side)) for n in shape)
    return rows, columns
