"""A lesson's gallery: several images to look at in turn, and what their classes say in words.

The page holds the engine's numbers for its own image, the first; it computes those of the others by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.explain.lessons.pack import pack

if TYPE_CHECKING:
    from convnet.explain.lessons.subject import Subject

Texts = tuple[str, str]  # English, Chinese
Circle = tuple[float, float, float]  # row, column, radius, in pixels


@dataclass(frozen=True)
class Gallery:
    """What a page offers to look at beside its own image.

    x, y        further images (N,H,W,C), as the model takes them, and their class numbers
    question    what the classes answer
    words       each class's name in a sentence's words; without, the names that the model has
    outline     a circle around what the label is about, on all images of the classes in `outlined`
    outlined    classes whose images show it
    """

    x: np.ndarray
    y: np.ndarray
    question: Texts
    words: tuple[Texts, ...] = ()
    outline: Circle | None = None
    outlined: tuple[int, ...] = ()


def pack_gallery(gallery: Gallery, s: Subject) -> dict[str, Any]:
    """Return the gallery as plain JSON, the page's own image first; ValueError if it does not fit the model."""
    shape = s.image.shape[1:]
    if s.training:
        raise ValueError("lesson: a gallery's numbers are computed by the page, in inference mode: training=False")
    if gallery.x.shape[1:] != shape or len(gallery.x) != len(gallery.y):
        raise ValueError(
            f"lesson: gallery: x has shape {gallery.x.shape} and y {len(gallery.y)} classes: expected images {shape} "
            "and as many classes"
        )
    labels = [s.true, *(int(k) for k in gallery.y)]
    if not all(0 <= k < len(s.names) for k in labels) or len(gallery.words) not in (0, len(s.names)):
        raise ValueError(f"lesson: gallery: a class number or the count of words is not of {len(s.names)} classes")
    return {
        "x": pack(np.concatenate([s.image, gallery.x.astype(s.image.dtype)])),
        "y": labels,
        "outlines": [gallery.outline if k in gallery.outlined else None for k in labels],
        "question": list(gallery.question),
        "words": [[pair[n] for pair in gallery.words] for n in (0, 1)] if gallery.words else None,
    }
