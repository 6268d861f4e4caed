"""Formulas in TeX as pictures: Matplotlib sets them, so no other program is needed."""

from __future__ import annotations

from io import BytesIO


def draw_formula(tex: str, kind: str, size: float = 12, dots: int = 300) -> bytes:
    """Return a picture of a formula, "png" or "svg"; `tex` is what Matplotlib's mathtext reads: no environments."""
    import matplotlib
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import math_to_image

    picture, font = BytesIO(), FontProperties(size=size, math_fontfamily="cm")
    with matplotlib.rc_context({"svg.hashsalt": "formula"}):
        math_to_image(f"${' '.join(tex.split())}$", picture, font, dots, kind)
    return picture.getvalue()
