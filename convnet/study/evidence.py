"""What the model card and the report of a run show beside numbers: verdicts, curves, operating points, images."""

from __future__ import annotations

import io
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.evaluation import metrics, plots
from convnet.evaluation.intervals import format_interval
from convnet.output import html_page
from convnet.study import plots as drawing
from convnet.study.metadata import read_record

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort
    from convnet.model import Model

EACH = 6  # sample images of a class
WIDE = 96  # pixels at which a small image is shown
SHARE = (
    "They are shown as the network sees them; check that none shows a patient's name or face before you share this "
    "page."
)


def name_positive(model: Model) -> str | None:
    """Return the second of two classes, which curves and operating points are of if the user names none."""
    record = read_record(model)
    return record.classes[1] if record.task == "classes" and len(record.classes) == 2 else None


def verdicts(result: dict[str, Any]) -> list[str]:
    """Return, as HTML, what must be known before any metric is read: a model that answers one class only."""
    name = metrics.only_answer(result)
    return [f'<p class="verdict bad">{escape(explain_only(name, result["n"]))}</p>'] if name is not None else []


def explain_only(name: str, n: int) -> str:
    """Return what it means that a model answers one class for every image."""
    return (
        f"The model answers '{name}' for every one of the {n} images: as a classifier it is useless at this threshold, "
        "whatever its accuracy."
    )


def draw_curves(y: np.ndarray, p: np.ndarray, result: dict[str, Any], classes: tuple[str, ...], task: str) -> list[str]:
    """Return the confusion matrix, the ROC curve, precision and recall, and the operating points, as HTML.

    Those that the task has; of measurements, the plot of agreement.
    """
    if task == "regression":
        return [html_page.plot(plots.agreement(y, p, result), "Measured values against predictions")]
    found = []
    if "confusion" in result:
        found.append(html_page.plot(drawing.confusion(result), "Confusion matrix: counts by true and predicted class"))
    if task in ("classes", "multilabel"):
        place = classes.index(result["positive"]) if result.get("positive") in classes else None
        words = "ROC curve: sensitivity against 1 - specificity"
        found.append(html_page.plot(drawing.roc(y, p, classes, place), words))
        found.append(html_page.plot(plots.precision_recall(y, p, classes, place), "Precision against recall"))
    return [html_page.row(found), *operating_table(result)] if found else []


def operating_table(result: dict[str, Any]) -> list[str]:
    """Return what is gained and lost at each threshold for the positive class, as HTML."""
    points = result.get("operating_points")
    if not points:
        return []
    names = list(points[0]["figures"])
    rows = [
        [
            point["rule"],
            "" if point["threshold"] is None else f"{point['threshold']:.3f}",
            *(format_interval(point["figures"][name]) for name in names),
        ]
        for point in points
    ]
    head = f"<h3>Operating points for '{escape(result['positive'])}'</h3>"
    return [head, html_page.table(["called positive by", "threshold", *names], rows)]


def draw_samples(cohort: Cohort, split: str = "train") -> list[str]:
    """Return sample images of each class, evenly over a split, as HTML; nothing for electrocardiograms."""
    at = cohort.where(split)
    if not len(at) or cohort.x.shape[1] == 1:
        return []
    out = [f"<h3>Sample images of {split}</h3><p>{SHARE}</p>"]
    if cohort.y.ndim > 1 or cohort.task == "regression":
        return [*out, row_of_images([(cohort.x[int(i)], "") for i in spread(at)])]
    for number, name in enumerate(cohort.classes):
        if len(own := at[cohort.y[at] == number]):
            images = row_of_images([(cohort.x[int(i)], str(name)) for i in spread(own)])
            out.append(f"<div><h4>{escape(str(name))}</h4>{images}</div>")
    return out


def spread(at: np.ndarray) -> np.ndarray:
    """Return up to EACH of the places, spread evenly."""
    return at[np.unique(np.linspace(0, len(at) - 1, EACH).astype(int))]


def row_of_images(images: list[tuple[np.ndarray, str]]) -> str:
    """Return images (H,W,C) in [0, 1] and their text alternatives as HTML."""
    return "".join(
        f"<figure>{html_page.image(png(image), f'sample image {words}'.strip(), width=WIDE)}</figure>"
        for image, words in images
    )


def png(image: np.ndarray) -> bytes:
    """Return an image (H,W,C) in [0, 1], grey or in colour, as PNG."""
    from PIL import Image

    values, out = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8), io.BytesIO()
    Image.fromarray(values[..., 0] if values.shape[2] == 1 else values[..., :3]).save(out, "PNG")
    return out.getvalue()
