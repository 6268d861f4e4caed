"""An animation as GIF, for slides, which do not play an SVG; and its last frame as PNG, for paper."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Any

from convnet.explain.animation.frames import SECONDS, Motion
from convnet.explain.animation.scene import SIDE, Box, Scene, Shape, make_scene

SCALE = 2  # pixels a unit of the layout


def render_gif(a: Motion) -> bytes:
    """Return the bytes of a GIF file that repeats for ever."""
    s = make_scene(a)
    pictures = [_picture(s, t).quantize(32) for t in range(len(s.frames))]
    buffer = BytesIO()
    times = [int(1000 * SECONDS)] * (len(pictures) - 1) + [int(2000 * SECONDS)]
    pictures[0].save(buffer, "GIF", save_all=True, append_images=pictures[1:], duration=times, loop=0, optimize=True)
    return buffer.getvalue()


def render_last_frame(a: Motion) -> bytes:
    """Return the bytes of a PNG file: the last frame, with all results."""
    s = make_scene(a)
    buffer = BytesIO()
    _picture(s, len(s.frames) - 1).save(buffer, "PNG")
    return buffer.getvalue()


def _picture(s: Scene, t: int) -> Any:
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (s.width * SCALE, s.height * SCALE), "white")
    draw = ImageDraw.Draw(picture)
    for shape in (*s.still, *s.frames[t], *(r for result in s.results[: t + 1] for r in result)):
        _draw(draw, shape)
    return picture


def _draw(draw: Any, shape: Shape) -> None:
    x, y = shape.x * SCALE, shape.y * SCALE
    if isinstance(shape, Box):
        fill = None if shape.fill == "none" else shape.fill
        draw.rectangle(
            (x, y, x + SIDE * SCALE, y + SIDE * SCALE), fill=fill, outline="#bbbbbb" if shape.dashed else "#888888"
        )
    else:
        anchor = "ms" if shape.middle else "ls"
        draw.text((x, y), shape.text, fill=shape.colour, font=_font(shape.size * SCALE), anchor=anchor)


@cache
def _font(size: int) -> Any:
    """Matplotlib's own typeface, which has all the signs that we use."""
    from matplotlib import get_data_path
    from PIL import ImageFont

    return ImageFont.truetype(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf", size)
