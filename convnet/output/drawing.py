"""Matplotlib figures: a new one, its two colours, and its PNG file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from convnet.notice import NOTICE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, SECOND = "#0072b2", "#d55e00"  # Okabe & Ito's blue and vermilion: distinct to colour-blind eyes


def new(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Figure, np.ndarray]:
    """Return a figure without pyplot's global state, and its axes (rows, columns)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from convnet.output.notebook_figure import Picture

    figure = Picture(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False)


def save(figure: Figure, path: str | Path) -> Path:
    """Write the PNG whole or not at all, with the notice below."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.supxlabel(NOTICE, fontsize=7, color="0.4")
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".png", delete=False) as file:
        try:
            figure.savefig(file, dpi=120, format="png")
            file.close()
            os.chmod(file.name, 0o644)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise
    return path
