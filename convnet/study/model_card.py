"""The model card that is written with every trained model: data, splits, metrics, limits, intended use.

After Mitchell et al., Model Cards for Model Reporting, FAT* 2019. Its metrics are of the validation split, on which the
model was chosen and calibrated: `convnet evaluate` on images that it has never seen measures how good it is.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from html import escape
from importlib import metadata as packages
from typing import TYPE_CHECKING, Any

from convnet.evaluation import metrics
from convnet.evaluation.intervals import format_interval
from convnet.notice import NOTICE
from convnet.output import html_page
from convnet.output.words import count
from convnet.study import evidence
from convnet.study.card_tables import group_tables, subgroup_tables, validation_tables
from convnet.study.evaluate import evaluate
from convnet.study.metadata import ModelRecord, read_record
from convnet.study.tasks import TASKS

if TYPE_CHECKING:
    import numpy as np

    from convnet.data.cohort import Cohort
    from convnet.model import Model

INTENDED = (
    "Research and teaching: to learn how a convolutional network is trained and measured on medical images, and as a "
    "baseline beside other methods."
)
NOT_INTENDED = (
    "Diagnosis, triage, screening, or any decision about a patient. It is not a medical device, it has not been "
    "assessed as one, and it has not been tested on patients outside these data."
)
FACTS = ("modality", "body_part", "manufacturer", "sex", "age", "laterality", "size")
MOST = 12  # values of one fact that are listed
KEPT = (
    *("n", "patients", "patients_known", "classes", "confusion", "figures", "calibration", "subgroups", "by_group"),
    *("task", "findings", "interval", "range", "positive", "operating_points"),
)


def make_card(model: Model, cohort: Cohort, content: bytes, outputs: np.ndarray | None = None) -> dict[str, Any]:
    """Return the model card as plain JSON, without any path or identifier.

    cohort   the one that the model was trained on
    content  of the model's file
    outputs  the model's outputs for the val split, if they are known
    """
    record = read_record(model)
    assert record.preparation is not None
    result, _ = evaluate(model, cohort, "val", evidence.name_positive(model), outputs=outputs)
    return {
        "title": f"Model card: {record.network} network for {', '.join(record.classes)}",
        "task": record.task,
        "not_a_medical_device": True,
        "notice": NOTICE,
        "intended_use": INTENDED,
        "not_intended": NOT_INTENDED,
        "model": {
            "sha256": hashlib.sha256(content).hexdigest(),
            "version": version(),
            "network": record.network,
            "weights": model.count_params(),
            "input": list(model.input_shape or ()),
            "pipeline": record.preparation.to_plain(),
            "members": [asdict(run) for run in record.runs],
            "temperature": record.temperature,
        },
        "training": {"recipe": record.recipe, "mirrored": record.mirrored},
        "data": {
            "images": record.images,
            "patients": patients(cohort),
            "left_out": len(cohort.skipped),
            "headers": {name: count_values(cohort.fact(name)) for name in FACTS if any(cohort.fact(name))},
        },
        "validation": {name: result[name] for name in KEPT if name in result},
        "limits": list_limits(record, cohort, result),
    }


def version() -> str:
    """Return the version of this package; "not installed" if it runs from its sources."""
    try:
        return packages.version("formula-convnet")
    except packages.PackageNotFoundError:
        return "not installed"


def patients(cohort: Cohort) -> dict[str, int | None]:
    """Return how many patients each split has; None if they are not known."""
    groups = cohort.groups()
    splits = {name: cohort.where(name) for name in ("train", "val", "test")}
    known = all(cohort.patients)
    return {name: len(set(groups[at].tolist())) if known else None for name, at in splits.items()}


def count_values(values: list[str]) -> dict[str, int]:
    """Return how often each value occurs, the most frequent first, the rest together."""
    from collections import Counter

    found = Counter(v or "not stated" for v in values).most_common()
    rest = sum(n for _, n in found[MOST:])
    return dict(found[:MOST]) | ({"other": rest} if rest else {})


def list_limits(record: ModelRecord, cohort: Cohort, result: dict[str, Any]) -> list[str]:
    """Return what these data cannot show, in sentences that follow from the numbers."""
    n = result["n"]
    out = [
        f"The metrics are of the {n} validation images on which the epoch, the calibration and the thresholds were "
        "chosen: they are better than on new images.",
        "The data come from one collection. Other scanners, hospitals and patients were not tested, unless they are "
        "among the header values above.",
    ]
    if not all(cohort.patients):
        out.append(
            "For some images the patient is unknown. Each file then counts as a patient; if several belong to one "
            "patient, splits may share patients and intervals are too narrow."
        )
    if record.task == "regression":
        return [*out, *list_silent(cohort)]
    if (name := metrics.only_answer(result)) is not None:
        out.insert(0, evidence.explain_only(name, n))
    totals = {c: sum(split[c] for split in record.images.values()) for c in record.classes}
    rare = min(totals, key=totals.__getitem__)
    if totals[rare] < 100:
        out.append(f"Class {rare!r} has only {count(totals[rare], 'image')}: its sensitivity is uncertain.")
    if max(totals.values()) > 2 * totals[rare]:
        out.append(
            "The classes are not balanced: accuracy favours the larger one, and PPV holds only for these shares."
        )
    return [*out, *list_silent(cohort)]


def list_silent(cohort: Cohort) -> list[str]:
    """Return a sentence on what headers do not state, if there is such."""
    silent = [name for name in ("sex", "age", "manufacturer") if not any(cohort.fact(name))]
    unknown = "whether the model works equally well for all is unknown"
    return [f"The headers do not state {', '.join(silent)}: {unknown}."] if silent else []


def draw_evidence(
    model: Model, cohort: Cohort, card: dict[str, Any], outputs: np.ndarray
) -> tuple[list[str], list[str]]:
    """Return (sample images, curves and operating points of validation) as HTML, for `page`."""
    record = read_record(model)
    task, at = TASKS[record.task], cohort.where("val")
    p = task.calibrate(task.read(outputs, max(1, len(record.runs))), record)
    curves = evidence.draw_curves(cohort.y[at], p, card["validation"], record.classes, record.task)
    return evidence.draw_samples(cohort), curves


def page(card: dict[str, Any], evidence_of: tuple[list[str], list[str]] = ([], [])) -> str:
    """Return the card as one HTML page; `evidence_of` its data (`draw_evidence`) adds pictures and curves."""
    pictures, curves = evidence_of
    model, data, val = card["model"], card["data"], card["validation"]
    classes = val["classes"]
    images = [
        [
            split,
            *(counts[c] for c in classes),
            "not known" if data["patients"][split] is None else data["patients"][split],
        ]
        for split, counts in data["images"].items()
    ]
    members = [
        [m["seed"], m["best_epoch"], m["epochs_run"], f"{m['chosen_by']} {m['chosen_value']:.4f}"]
        for m in model["members"]
    ]
    recipe = {k: "the network's own" if v is None else v for k, v in card["training"]["recipe"].items()}
    mirrored, unset = card["training"]["mirrored"], "as in the file"
    body = [
        f'<p class="notice">Not a medical device. {escape(card["notice"])}</p>',
        *evidence.verdicts(val),
        f"<h2>Intended use</h2><p>{escape(card['intended_use'])}</p>",
        f"<p><strong>Not for:</strong> {escape(card['not_intended'])}</p>",
        "<h2>Data</h2>" + html_page.table(["split", *classes, "patients"], images),
        f"<p>Files left out: {data['left_out']}.</p>",
        *(
            f"<p>{escape(name.replace('_', ' '))}: {escape(', '.join(f'{v} ({n})' for v, n in values.items()))}</p>"
            for name, values in data["headers"].items()
        ),
        *pictures,
        "<h2>Metrics on validation</h2>",
        f"<p>95% intervals by bootstrap over {count(val['patients'], 'patient')}.</p>",
        html_page.table(
            ["metric", "value (95% interval)"],
            [[name, format_interval(v)] for name, v in val["figures"].items()],
        ),
        *curves,
        *validation_tables(val, model["temperature"]),
        *group_tables(val),
        *subgroup_tables(val["subgroups"]),
        "<h2>Limits</h2><ul>" + "".join(f"<li>{escape(text)}</li>" for text in card["limits"]) + "</ul>",
        "<h2>Model</h2>",
        f"<p>{escape(model['network'])} network, task {escape(card['task'])}, {model['weights']:,} parameters, input "
        f"{escape(' x '.join(map(str, model['input'])))}, formula-convnet {escape(model['version'])}.<br>"
        f"SHA-256 of the file: <code>{model['sha256']}</code></p>",
        html_page.table(["seed", "epoch kept", "epochs run", "chosen by"], members),
        f"<p>Pixels: {escape(', '.join(f'{k} {v or unset}' for k, v in model['pipeline'].items()))}.</p>",
        f"<p>Training images were {'' if mirrored['done'] else 'not '}mirrored: {escape(mirrored['why'])}.</p>",
        "<h3>Recipe</h3>" + html_page.table(["choice", "value"], recipe.items()),
    ]
    return html_page.page(card["title"], body)
