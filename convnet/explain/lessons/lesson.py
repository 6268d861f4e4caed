"""`lesson`: a trained network, forward and backward on one image, as one HTML page that needs no network."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.explain.lessons import arrays, contents
from convnet.explain.lessons.bundle import bundle
from convnet.explain.lessons.classroom import Classroom, pack_classroom
from convnet.explain.lessons.gallery import Gallery, pack_gallery
from convnet.explain.lessons.subject import Subject
from convnet.output.atomic import write_atomically
from kernels.verify.look import read_palette

if TYPE_CHECKING:
    from convnet.callbacks import Recorder
    from convnet.model import Model

PAGE = Path(__file__).parent / "page"
STYLES = ("style", "playground", "network")
LIMIT = 8_000_000  # bytes of a page: above, maps are cut and epochs left out
MAPS = 0.8  # the share of it that maps and gradients may take
MOST_RAW = 24_000_000  # bytes of all numbers: three times what packing has been seen to save
MOST_WEIGHTS = 4_000_000  # 15 MB of page
CUTS = (96, 64, 48, 32, 24, 16)  # pixels a side that are kept of a map, in the middle


@dataclass(frozen=True)
class Lesson:
    """The page. `html` its text; `document` what it shows, as plain types; `notes` what was left out of it."""

    html: str = field(repr=False)
    document: dict[str, Any] = field(repr=False)
    notes: tuple[str, ...] = ()

    def save(self, filepath: str | Path) -> None:
        """Write the page, whole or not at all."""
        write_atomically(Path(filepath), self.html.encode())

    def _repr_html_(self) -> str:
        frame = "width:100%;height:900px;border:1px solid #8884;border-radius:8px"
        return f'<iframe srcdoc="{escape(self.html)}" style="{frame}" title="lesson"></iframe>'


def lesson(
    model: Model,
    x: Any,
    label: int | str | None = None,
    *,
    classes: Sequence[str] | None = None,
    training: bool = False,
    recorder: Recorder | None = None,
    title: str | None = None,
    classroom: Classroom | None = None,
    gallery: Gallery | None = None,
) -> Lesson:
    """Make a page that shows every sum of `model` on the image x, forward and backward, beside the kernels' numbers.

    x (H,W,C), (1,H,W,C), or (H,W) for one channel. label: the true class, by number or name; None takes the model's
    own answer, and the page says so. classes: names, otherwise those saved with the model, otherwise numbers.
    training: as in a training step, with dropout's mask and the statistics of this batch of one.
    recorder: of `fit(..., callbacks=[Recorder()])`, for the animation of its epochs.
    classroom: images that the page itself can train on; it then also has a pad to draw on.
    gallery: further images to look at, and the classes in words.
    Raises ValueError for an image or a label that does not fit, a model that is no classifier or is too large.
    """
    from convnet.callbacks import Recorder

    if recorder is not None and not (isinstance(recorder, Recorder) and recorder.epochs):
        raise ValueError(f"lesson: recorder must be a Recorder that a fit has filled, got {type(recorder).__name__}")
    image = _image(model, x)
    if model.count_params() > MOST_WEIGHTS:
        raise ValueError(
            f"lesson: {model.name} has {model.count_params():,} weights, and a page holds all of them: at most "
            f"{MOST_WEIGHTS:,} ({MOST_WEIGHTS * 4 / 1e6:.0f} MB). Smaller images, or global average pooling where a "
            "dense layer follows a flattened image (the network gap), make fewer"
        )
    subject = Subject(model, image, label, classes, training, recorder, title)
    document = contents.document(subject)
    if classroom is not None:
        document["classroom"] = pack_classroom(classroom, subject)
    if gallery is not None:
        document["gallery"] = pack_gallery(gallery, subject)
    return _fit(subject, document)


def _image(model: Model, x: Any) -> np.ndarray:
    """Return x as a batch of one in the model's dtype."""
    expected = model.training_graph().input.sample_shape
    array = np.asarray(x)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"lesson: the image must be an array of numbers, got {array.dtype}")
    if array.shape == expected:
        array = array[None]
    elif expected[-1:] == (1,) and array.shape == expected[:-1]:
        array = array[None, ..., None]
    if array.shape[1:] != expected or len(array) != 1:
        raise ValueError(
            f"lesson: {model.name} takes one image of shape {expected} (height, width, channels), got {np.shape(x)}"
        )
    if not np.isfinite(array).all():
        raise ValueError("lesson: the image has pixels that are not numbers (NaN or infinite)")
    return np.ascontiguousarray(array, model.compute_dtype)


def _fit(subject: Subject, document: dict[str, Any]) -> Lesson:
    """Make the page fit LIMIT if it can: leave out epochs first, then all but the middle of large maps."""
    cut, tensors = _maps(subject, LIMIT * MAPS - _size(document))
    document |= {"cut": cut, "tensors": tensors, "recording": {"epochs": []}}
    notes = [] if cut is None else [f"of maps larger than {cut} x {cut}, the kernels' numbers of the middle only"]
    room = max(LIMIT - len(_page(document).encode()), LIMIT // 8)
    recording, left_out = arrays.pack_epochs(subject, room)
    if left_out:
        notes.append(f"{left_out} of {left_out + len(recording['epochs'])} epochs left out")
    document["recording"] = recording
    return Lesson(_page(document), document, tuple(notes))


def _maps(subject: Subject, room: float) -> tuple[int | None, dict[str, Any]]:
    """Return (the side kept of each map, None for all; the packed arrays): the most that fits."""
    for cut in (None, *CUTS):
        if arrays.raw_bytes(subject, cut) > MOST_RAW and cut != CUTS[-1]:
            continue  # no packing makes so many numbers fit
        tensors = arrays.pack_tensors(subject, cut)
        if _size(tensors) <= room:
            break
    return cut, tensors


def _size(content: Any) -> int:
    return len(json.dumps(content))


def _page(document: dict[str, Any]) -> str:
    """Template, style, script and data in one text."""
    data = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    parts = {
        "title": escape(document["title"] or f"{document['model']}: a network, number by number"),
        "style": read_palette() + "".join((PAGE / f"{name}.css").read_text(encoding="utf-8") for name in STYLES),
        "script": bundle(PAGE).replace("</", "<\\/"),
        "data": data,
    }
    template = (PAGE / "index.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)
