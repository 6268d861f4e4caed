"""A PNG, JPEG, TIFF, BMP, GIF or WebP file as a source of one image.

Values become v / 255, or v / 65535 for 16 bits, the way up that EXIF states. What would be shown wrong is refused by
name: several pages or frames, transparent pixels, CMYK and other spaces, numbers of more than 16 bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from convnet.data.arrays import explain_damage
from convnet.data.dicom.geometry import Geometry
from convnet.data.dicom.orientation import STORED
from convnet.data.dicom.pipeline import Step
from convnet.data.dicom.resize import resize, scaled_shape
from convnet.data.errors import DicomError
from convnet.data.limits import current, open_regular, refuse
from convnet.data.preparation import Preparation
from convnet.data.reading.source import Source
from convnet.data.unit_images import unit_images

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")  # no other decoder of Pillow's is tried
TURNS = {  # EXIF 2.32, tag 0x0112
    2: "mirrored",
    3: "turned by 180 degrees",
    4: "flipped upside down",
    5: "transposed",
    6: "turned by 90 degrees clockwise",
    7: "transposed and turned by 180 degrees",
    8: "turned by 90 degrees counter-clockwise",
}
BITS, PHOTOMETRIC = 258, 262  # tags of TIFF 6.0; photometric 0 shows the lowest value white


class PictureSource(Source):
    """Its one image has no patient and no unit: `--window` is refused."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        with explain_damage(path, "a picture"), open_regular(path) as file:
            self._read(file)
        rows, columns = self.pixels.shape[:2]
        colour = "RGB" if self.pixels.ndim == 3 else "MONOCHROME2"
        self.facts = {"size": f"{rows}x{columns}", "photometric": colour}

    def _read(self, file: Any) -> None:
        from PIL import Image

        require_whole(file, self.path)
        with Image.open(file, formats=FORMATS) as picture:
            values = picture.width * picture.height * len(picture.getbands())
            if values > current().values:
                raise refuse(self.path, f"states {values} pixel values, the limit is {current().values}", "values")
            self.pixels = pixels_of(picture, self.path)
            self.format, self.mode = str(picture.format), picture.mode
            self.turned = TURNS.get(picture.getexif().get(0x0112, 1), "as stored")
            self.texts = sorted(name for name in map(str, picture.info) if name.isprintable() and len(name) < 80)
            self.places = bool(picture.getexif().get_ifd(0x8825))  # GPS
            self.bits = 8 if self.pixels.dtype == np.uint8 else max(picture_bits(picture))

    def stages(self, number: int, preparation: Preparation) -> Iterator[Step]:
        """Yield the picture as stored and turned, its values in [0, 1] in grey or colour, then resized."""
        if preparation.window is not None:
            raise DicomError(
                self.path, "is a picture, whose values have no unit: --window is for DICOM files and volumes"
            )
        shape = " x ".join(map(str, self.pixels.shape))
        what = f"{shape} {self.format} of mode {self.mode}, {self.turned} by EXIF"
        yield Step("stored", what.replace("as stored by EXIF", "as stored"), self.pixels)
        unit = unit_images(self.pixels[None], "the image", preparation.channels)[0]
        yield Step("window", explain_scale(self.pixels, unit, self.bits), unit)
        image: np.ndarray = unit
        if preparation.size is not None:
            image = resize(unit, preparation.size, preparation.aspect)
            before, size = f"{unit.shape[0]} x {unit.shape[1]}", preparation.size
            yield Step(
                "resize", f"{before} to {size} x {size} pixels, anti-aliased, aspect: {preparation.aspect}", image
            )
        yield Step("scale", "float32 in [0, 1]: what the network sees", np.asarray(image, np.float32))

    def geometry(self, number: int, preparation: Preparation) -> Geometry:
        """Return the geometry of the picture the way up that it is shown."""
        if preparation.size is None:
            raise ValueError("geometry: a map goes back from images of one size: give a size")
        rows, columns = self.pixels.shape[:2]
        scaled = scaled_shape((rows, columns), preparation.size, preparation.aspect)
        return Geometry(rows, columns, STORED, scaled, preparation.size)

    def describe(self) -> dict[str, Any]:
        """Return its format, size, bits and colours."""
        rows, columns = self.pixels.shape[:2]
        return {
            "format": self.format,
            "rows": rows,
            "columns": columns,
            "mode": self.mode,
            "bits": self.bits,
            "photometric": self.facts["photometric"],
            "orientation": f"{self.turned} (EXIF)" if self.turned != "as stored" else self.turned,
        }

    def identifying(self) -> dict[str, Any]:
        """Return the names of its metadata."""
        return {"kind": f"a {self.format} picture", "fields": [*self.texts, *(["GPS position"] if self.places else [])]}


def explain_scale(pixels: np.ndarray, unit: np.ndarray, bits: int) -> str:
    """Return what is done to the values of a picture, in words."""
    top = 2**bits - 1
    if pixels.ndim == 3 and unit.ndim == 2:
        return f"v = (0.299 R + 0.587 G + 0.114 B) / {top}"
    return f"v = (R, G, B) / {top}" if pixels.ndim == 3 else f"v = value / {top}"


def pixels_of(picture: Any, path: object) -> np.ndarray:
    """Return a picture's values the way up that its EXIF states: uint8, or float64 in [0, 1] of 16 bits."""
    from PIL import ImageOps

    if getattr(picture, "n_frames", 1) > 1:
        raise DicomError(path, f"holds {picture.n_frames} pages or frames: save each as a picture of its own")
    if picture.mode in ("CMYK", "LAB", "HSV", "F"):
        raise DicomError(path, f"is a picture of mode {picture.mode}: save it as grey or RGB, of 8 or 16 bits")
    top, white = 2 ** min(16, max(picture_bits(picture))) - 1, getattr(picture, "tag_v2", {}).get(PHOTOMETRIC) == 0
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):
        values = np.asarray(picture, np.float64)
        if values.min() < 0 or values.max() > top:
            raise DicomError(path, "has values of more than 16 bits: save it with 8 or 16")
        return 1 - values / top if white else values / top
    if picture.has_transparency_data and np.asarray(picture.convert("RGBA"))[..., 3].min() < 255:
        raise DicomError(path, "has transparent pixels, which have no colour of their own: flatten it")
    return np.asarray(picture.convert("L" if picture.mode in ("L", "1", "LA") else "RGB"))


def picture_bits(picture: Any) -> tuple[int, ...]:
    """Return the bits of each channel: a TIFF file may state 12; 16 for the others, where this is asked."""
    return tuple(getattr(picture, "tag_v2", {}).get(BITS, (16,)))


def require_whole(file: Any, path: object) -> None:
    """Raise DicomError for a PNG of 16 bits in several channels: the decoder would keep 8 of them."""
    head = file.read(26)
    file.seek(0)
    if head[:8] == b"\x89PNG\r\n\x1a\n" and head[24:25] == b"\x10" and head[25:26] != b"\0":
        raise DicomError(
            path,
            "stores 16 bits in each of several channels, of which 8 would be lost: save it as 16-bit grey or 8-bit",
        )
