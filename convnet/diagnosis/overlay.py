"""What the network looked at, drawn on the image itself: Grad-CAM and occlusion in the file's own rows and columns."""

from __future__ import annotations

import io
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.explain.maps.attribution import grad_cam, occlusion
from convnet.notice import NOTICE
from convnet.output.drawing import INK, SECOND, new
from convnet.study.figures import curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from convnet.data.dicom.geometry import Geometry
    from convnet.model import Model

FAINT = 1e-3  # of probability (occlusion) or of the score (Grad-CAM)
STRONGEST = 0.65  # how much of the picture the strongest colour covers
SHORTER = (NOTICE, "Not for clinical use", "NOT CLINICAL")  # the longest that fits is written into a picture


@dataclass(frozen=True, eq=False)
class Map:
    """One attribution map: its name, what its colours mean, and its values where the network looked, NaN elsewhere."""

    name: str
    what: str
    values: np.ndarray


def maps(model: Model, image: np.ndarray, label: str, index: int, geometry: Geometry | None) -> list[Map]:
    """Grad-CAM and occlusion for one class of an image (H,W,C), sent back to the file's rows and columns."""
    found = []
    for name, values in (("Grad-CAM", grad_cam(model, image, index)), ("occlusion", occlusion(model, image, index))):
        against = ", blue: against it" if (values < 0).any() else ""
        what = f"orange: speaks for '{label}'{against}; strongest {np.abs(values).max():.2g}"
        found.append(Map(name, what, values if geometry is None else geometry.back(values)))
    return found


def blend(grey: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The map over the picture: grey (R,C) uint8, values (R,C), NaN where nothing was seen -> (R,C,3) uint8.

    v > 0 is covered with orange, v < 0 with blue, each as thickly as |v| / max|v|; what was not seen stays, and
    a map below `FAINT`, where a saturated network hardly answers, is not blown up.
    """
    seen = np.nan_to_num(values)
    strength = np.abs(seen) / max(np.abs(seen).max(), FAINT)
    colour = np.where((seen > 0)[..., None], rgb(SECOND), rgb(INK))
    cover = STRONGEST * strength[..., None]
    return np.rint(grey[..., None] * (1 - cover) + colour * cover).astype(np.uint8)


def rgb(colour: str) -> np.ndarray:
    """(3,) float64 of '#rrggbb'."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float64)


def signed(picture: np.ndarray, text: str) -> np.ndarray:
    """The picture (R,C,3) with the text and the notice at its lower edge, as much of them as has room."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(11)
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    rows = [next((t for t in SHORTER if draw.textlength(t, font) + 4 <= image.width), None)]
    if draw.textlength(text, font) + 4 <= image.width and image.height >= 64:
        rows.insert(0, text)
    found = [row for row in rows if row is not None and image.height >= 32]
    for n, row in enumerate(reversed(found), 1):
        place = (2, image.height - 14 * n)
        draw.text(place, row, fill="white", font=font, stroke_width=1, stroke_fill="black")
    return np.asarray(image)


def png(picture: np.ndarray) -> bytes:
    """The picture (R,C,3) as PNG, the notice in its text."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    info, out = PngInfo(), io.BytesIO()
    info.add_text("Comment", NOTICE)
    Image.fromarray(picture).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def panel(grey: np.ndarray, found: list[Map], geometry: Geometry, title: str) -> Figure:
    """The picture, and beside it each map over it; pixels as oblong as they are."""
    shape = (geometry.columns, geometry.rows) if geometry.turned.transpose else (geometry.rows, geometry.columns)
    tall = (geometry.scaled[0] / shape[0]) / (geometry.scaled[1] / shape[1])
    tall = 1 / tall if geometry.turned.transpose else tall
    width = 3.2
    height = min(6.0, width * tall * geometry.rows / geometry.columns) + 1.1
    figure, axes = new(width * (1 + len(found)), max(height, 2.0), 1, 1 + len(found))
    pictures: list[tuple[str, Any]] = [("the image", np.repeat(grey[..., None], 3, axis=2))]
    pictures += [(f"{m.name}\n{fill(m.what, 36)}", blend(grey, m.values)) for m in found]
    for ax, (name, picture) in zip(axes[0], pictures, strict=True):
        ax.imshow(picture, aspect=tall, interpolation="nearest")
        ax.set_title(name, fontsize=9)
        ax.axis("off")
    figure.suptitle(title, fontsize=10)
    return figure


def traces(image: np.ndarray, found: list[Map], title: str) -> Figure:
    """An electrocardiogram (1,T,leads), the maps as a coloured band behind it."""
    figure, axes = new(10, 3.6 * len(found), len(found), 1)
    for ax, m in zip(axes[:, 0], found, strict=True):
        leads = image[0].T
        curves(ax, leads)
        band = blend(np.full(m.values.shape, 255, np.uint8), m.values)
        low, high = ax.get_ylim()
        ax.imshow(band, aspect="auto", extent=(0, leads.shape[1], low, high), interpolation="nearest", zorder=-1)
        ax.set_title(f"{m.name}; {m.what}", fontsize=9)
    figure.suptitle(title, fontsize=10)
    return figure
