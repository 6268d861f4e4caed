"""The pixel pipeline: decode -> modality -> window -> inversion -> grey -> orientation -> square -> size -> [0, 1].

Each stage is a function of `decode`, `grey` or `resize`; here they stand in their order. The order matters: a
window is in the modality's unit (HU), so it comes after the modality LUT; MONOCHROME1 means that the
*windowed* value is shown inverted; padding pixels become black after the inversion, or they would turn white;
resampling comes after the window, so that metal or padding far outside of it cannot bleed into its
neighbours.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.data.dicom import waveform
from convnet.data.dicom.colour import luminance
from convnet.data.dicom.decode import decode
from convnet.data.dicom.frames import frame_count
from convnet.data.dicom.grey import inverted, padding, to_grey
from convnet.data.dicom.header import (
    attribute,
    code,
    damage_refused,
    require_pixels,
    sop_class,
)
from convnet.data.dicom.modality import Modality, apply_modality, stored_range
from convnet.data.dicom.orientation import STORED, directions, turn
from convnet.data.dicom.palette import apply_palette
from convnet.data.dicom.parse import read_header
from convnet.data.dicom.resize import pixel_spacing, resize, square_pixels
from convnet.data.dicom.waveform import has_waveform
from convnet.data.dicom.window import stated_voi
from convnet.data.errors import DicomError, FrameError
from convnet.data.preparation import Preparation, Window

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["DicomError", "Step", "describe", "read_images", "render", "steps"]


@dataclass(frozen=True, eq=False)
class Step:
    """One stage of the pipeline: its name, one sentence with its numbers, and the array after it."""

    name: str
    what: str
    array: np.ndarray


def read_images(
    path: str | os.PathLike[str],
    size: int | None = 28,
    aspect: str = "pad",
    window: Window | None = None,
    channels: int = 1,
) -> list[np.ndarray]:
    """Every frame of a DICOM file as a grey image: list of (size, size) float32 in [0, 1]; with three channels in
    colour, (size, size, 3), where grey images have three equal ones.

    An electrocardiogram is one image (1, size, leads): see `convnet.data.dicom.waveform`.

    size    pixels; None keeps the image's own shape (made square-pixelled)
    aspect  "pad", "crop" or "stretch": see `convnet.data.dicom.resize.resize`
    window  (center, width) in the modality's unit (HU for CT), over the file's own; the rules without it:
      `grey.to_grey`
    Raises DicomError (path and reason, one line) for a file that holds no image, or one that cannot be
    decoded.
    """
    return render(read_header(path), path, Preparation(size, aspect, window, channels))


def render(ds: Dataset, path: object, preparation: Preparation) -> list[np.ndarray]:
    """Return `read_images` of a data set that is already in memory; `path` is only for the error texts."""
    return [sound(image) for image in each_frame(ds, path, preparation)]


def sound(image: np.ndarray | FrameError) -> np.ndarray:
    """Return a frame's image, or raise what is wrong with it."""
    if isinstance(image, FrameError):
        raise image
    return image


def each_frame(ds: Dataset, path: object, preparation: Preparation) -> Iterator[np.ndarray | FrameError]:
    """Yield the images of `render`, one at a time; in the place of a frame that cannot be read, why.

    Raises DicomError for what is wrong with the whole file, and at the end if no frame could be read.
    """
    if not has_waveform(ds):
        require_pixels(ds, path)
    frames = range(1 if has_waveform(ds) else frame_count(ds, path))
    refused = []
    for frame in frames:
        try:
            yield last(stages(ds, path, frame, preparation)).array
        except FrameError as error:
            refused.append(error)
            if len(frames) > 1:
                yield error
    if len(refused) == len(frames):
        raise refused[0]


def steps(
    path: str | os.PathLike[str],
    size: int | None = 28,
    aspect: str = "pad",
    window: Window | None = None,
    frame: int = 0,
    channels: int = 1,
) -> list[Step]:
    """What `read_images` does to one frame, stage by stage; the last step's array is its result, bit for
    bit.
    """
    preparation = Preparation(size, aspect, window, channels)
    ds = read_header(path)
    if not has_waveform(ds):
        require_pixels(ds, path)
    frames = frame_count(ds, path)
    if not 0 <= frame < frames:
        raise DicomError(path, f"frame {frame} does not exist: the file has {frames}, counted from 0")
    return list(stages(ds, path, frame, preparation))


def last(items: Iterator[Step]) -> Step:
    """The last of a non-empty sequence of steps, keeping only one in memory."""
    for item in items:
        kept = item
    return kept


def stages(ds: Dataset, path: object, frame: int, preparation: Preparation) -> Iterator[Step]:
    """The pipeline, for one frame; damage that shows only when a value is asked for is refused."""
    with damage_refused(path):
        yield from _stages(ds, path, frame, preparation)


def _stages(ds: Dataset, path: object, frame: int, preparation: Preparation) -> Iterator[Step]:
    size, aspect, window, channels = preparation.size, preparation.aspect, preparation.window, preparation.channels
    if has_waveform(ds):
        yield from (Step(*stage) for stage in waveform.stages(ds, path, size, aspect, window))
        return
    stored, photometric = decode(ds, path, frame)
    if stored.dtype.kind == "f" and not np.isfinite(stored).all():
        raise FrameError(path, "it has pixels that are not numbers (NaN or infinite)", frame, frame_count(ds, path))
    syntax = ds.file_meta.TransferSyntaxUID.name
    shape = " x ".join(str(n) for n in stored.shape)
    yield Step("stored", f"{shape} {stored.dtype} values, {stored.min()} to {stored.max()} ({syntax})", stored)

    if photometric in ("MONOCHROME1", "MONOCHROME2"):
        m, mask = apply_modality(stored, ds, frame, path), padding(stored, ds)
        yield Step("modality", m.what, m.values)
        grey, what = to_grey(m, mask, ds, frame, path, window)
        yield Step("window", what, grey)
        invert, why = inverted(ds, photometric)
        if invert:
            grey = 1.0 - grey
            yield Step("invert", f"{why} shows its lowest values white: v = 1 - v", grey)
        if mask.any():
            grey = np.where(mask, 0.0, grey)
            yield Step("padding", f"{mask.sum()} padding pixels (outside the image proper) become 0", grey)
    else:
        for step in colour_stages(stored, photometric, ds, frame, path, window, channels):
            grey = step.array
            yield step

    turned, what = turn(ds, frame, path)
    if turned != STORED:
        grey = turned.apply(grey)
        yield Step("orient", what, grey)
    spacing = pixel_spacing(ds, frame, path)
    if spacing and spacing[0] != spacing[1]:
        grey = square_pixels(grey, turned.pair(spacing[:2]))
        what = f"{spacing[2]} {spacing[0]:g} x {spacing[1]:g} made square: now {grey.shape[0]} x {grey.shape[1]}"
        yield Step("square", what, grey)
    if size is not None:
        before = f"{grey.shape[0]} x {grey.shape[1]}"
        grey = resize(grey, size, aspect)
        yield Step("resize", f"{before} to {size} x {size} pixels, anti-aliased, aspect: {aspect}", grey)
    if channels == 3 and grey.ndim == 2:
        grey = np.repeat(grey[..., None], 3, axis=2)
    yield Step("scale", "float32 in [0, 1]: what the network sees", grey.astype(np.float32))


def colour_stages(
    stored: np.ndarray,
    photometric: str,
    ds: Dataset,
    frame: int,
    path: object,
    window: Window | None,
    channels: int,
) -> Iterator[Step]:
    """Palette, then luminance unless colour is kept, then a range: all that the bits can hold, or the caller's
    window.
    """
    rgb, high = stored, stored_range(ds)[1]
    if photometric == "PALETTE COLOR":
        rgb, top = apply_palette(stored, ds, path)
        high = float(top)
        yield Step("palette", f"colours looked up in the file's palette, 0 to {top}", rgb)
    elif photometric != "RGB":
        raise DicomError(path, f"photometric interpretation '{code(photometric)}' is not supported")
    if channels == 3:
        yield Step("window", f"v = (R, G, B) / {high:.10g}", np.clip(rgb[..., :3] / high, 0.0, 1.0))
        return
    y = luminance(rgb)
    yield Step("luminance", "Y = 0.299 R + 0.587 G + 0.114 B", y)
    if window is not None:
        grey, what = to_grey(Modality(y, "luminance", False, ""), np.zeros(y.shape, bool), ds, frame, path, window)
    else:
        grey, what = np.clip(y / high, 0.0, 1.0), f"v = Y / {high:.10g}"
    yield Step("window", what, grey)


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What kind of image a DICOM file holds, from its header alone; nothing in it identifies a patient.

    Keys: modality, sop_class, transfer_syntax, rows, columns, frames, bits_stored, bits_allocated, signed,
    photometric, spacing (mm or None), spacing_from, window ((center, width) or None), orientation (where rows
    and columns run to, for instance "LP"), body_part. None where not stated.
    """
    ds = read_header(path, pixels=False)
    spacing = pixel_spacing(ds, 0, path)
    representation = attribute(ds, 0, "PixelRepresentation")
    return {
        "modality": code(ds.get("Modality")),
        "sop_class": sop_class(ds),
        "transfer_syntax": ds.file_meta.TransferSyntaxUID.name,
        "rows": ds.get("Rows"),
        "columns": ds.get("Columns"),
        "frames": frame_count(ds, path),
        "bits_stored": ds.get("BitsStored"),
        "bits_allocated": ds.get("BitsAllocated"),
        "signed": None if representation is None else bool(representation),
        "photometric": code(ds.get("PhotometricInterpretation")),
        "spacing": spacing[:2] if spacing else None,
        "spacing_from": spacing[2] if spacing else None,
        "window": stated_voi(ds, 0, path).window,
        "orientation": directions(ds, 0, path),
        "body_part": code(ds.get("BodyPartExamined")),
    }
