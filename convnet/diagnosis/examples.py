"""Examples of a report: images that a model got right and wrong, each with Grad-CAM over it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.data.dicom.colour import luminance
from convnet.data.pseudonyms import shown
from convnet.diagnosis import overlay
from convnet.explain.maps.attribution import grad_cam
from convnet.output import html_page
from convnet.study import evidence
from convnet.study.evaluate import find_places
from convnet.study.metadata import read_record
from convnet.study.tasks import TASKS
from convnet.study.tasks.multilabel import NOTHING

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort
    from convnet.model import Model

EXAMPLES = 6  # right ones, and wrong ones
WIDE = 168  # pixels at which an example is shown
ORDER = {
    "classes": "The surest first. Below each image, Grad-CAM of the predicted class: orange speaks for it.",
    "multilabel": (
        "Wrong if one finding is; those first whose probability is farthest from the truth. Below each image, "
        "Grad-CAM of the most probable finding: orange speaks for it."
    ),
    "ordinal": (
        "The largest errors first. Below each image, Grad-CAM of the step to the predicted grade: orange speaks for it."
    ),
    "regression": (
        "A value is not simply right or wrong: the largest errors and the smallest. Below each image, Grad-CAM of the "
        "value: orange makes it larger."
    ),
}


@dataclass(frozen=True, eq=False)
class Measured:
    """A model measured on one split: `evaluate`'s result and its probabilities or values p of these images."""

    model: Model
    cohort: Cohort
    split: str
    result: dict[str, Any]
    p: np.ndarray


def examples_section(run: Measured) -> list[str]:
    """Return images that the model got right and wrong, each with Grad-CAM over it, as HTML.

    Nothing for electrocardiograms.
    """
    if run.cohort.x.shape[1] == 1:
        return []
    task, at = read_record(run.model).task, find_places(run.cohort, run.split)
    words = f"{ORDER[task]} A map says what the network used, not what is there. {evidence.SHARE}"
    out = ['<h2 id="examples">Examples</h2>', f"<p>{words}</p>"]
    for name, places, group in choose(run, run.cohort.y[at]):
        chosen = balanced(places, group)
        rest = f", {len(chosen)} of {len(places)}" if len(places) else ": none"
        out.append(f"<h3>{name}{rest}</h3>")
        out += [example(run, int(at[i]), run.p[i]) for i in chosen]
    return out


def choose(run: Measured, y: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield a heading, the places among the split's images in the order to show them, and what takes turns (N,)."""
    task, p, record = read_record(run.model).task, run.p, read_record(run.model)
    if task == "regression":
        order = np.argsort(-np.abs(p - y), kind="stable")
        half = len(order) // 2
        yield "Largest errors", order[:half], np.zeros(len(y))
        yield "Smallest errors", order[half:][::-1], np.zeros(len(y))
        return
    truth = [write_truth(label, record.classes, task) for label in y]
    said = [TASKS[task].tell(one, record)["label"] for one in p]
    wrong = np.array([a != b for a, b in zip(truth, said, strict=True)])
    if task == "classes":
        first = -p.max(axis=1)
    elif task == "multilabel":
        first = np.where(wrong, -1, 1) * np.abs(p - y).max(axis=1)
    else:
        index = {name: n for n, name in enumerate(record.classes)}
        first = -np.abs(np.array([index[name] for name in said]) - y).astype(float)
    order, turns = np.argsort(first, kind="stable"), np.zeros(len(y)) if task == "multilabel" else y
    yield "Wrong", order[wrong[order]], turns
    yield "Right", order[~wrong[order]], turns


def balanced(places: np.ndarray, y: np.ndarray) -> list[int]:
    """Return up to EXAMPLES of the places, the classes taking turns."""
    queues = [[int(i) for i in places if y[i] == c] for c in np.unique(y[places])]
    turns = [queue[n] for n in range(max(map(len, queues), default=0)) for queue in queues if n < len(queue)]
    return turns[:EXAMPLES]


def write_truth(label: Any, classes: tuple[str, ...], task: str) -> str:
    """Return an image's label as a diagnosis would name it."""
    if task == "regression":
        return f"{label:.4g}"
    if task == "multilabel":
        return "|".join(c for c, has in zip(classes, label, strict=True) if has) or NOTHING
    return classes[int(label)]


def example(run: Measured, i: int, p: np.ndarray) -> str:
    """Return one image, Grad-CAM over it, and what was true and predicted, as HTML."""
    cohort, image, record = run.cohort, run.cohort.x[i], read_record(run.model)
    task = TASKS[record.task]
    told, (output, speaks) = task.tell(p, record), task.output_of(p, record)
    grey = np.rint((luminance(image) if image.shape[2] == 3 else image[..., 0]) * 255).astype(np.uint8)
    covered = overlay.blend(grey, grad_cam(run.model, image, output))
    frame = f", frame {cohort.frames[i]}" if cohort.frames[i] else ""
    truth = write_truth(cohort.y[i], record.classes, record.task)
    words = f"{shown(cohort.paths[i])}{frame}: {truth}, predicted {told['label']}"
    pictures = html_page.image(evidence.png(image), words, width=WIDE)
    pictures += html_page.image(overlay.png(covered), f"Grad-CAM of '{speaks}' over {words}", width=WIDE)
    sure = {
        "classes": lambda: f" ({p.max():.3f})",
        "ordinal": lambda: f" ({told['probabilities'][told['label']]:.3f})",
        "multilabel": lambda: " (" + ", ".join(f"{c} {v:.3f}" for c, v in told["probabilities"].items()) + ")",
        "regression": lambda: "",
    }[record.task]()
    return f"<figure>{pictures}<figcaption>{escape(words + sure)}</figcaption></figure>"
