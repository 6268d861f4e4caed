"""The model card that is made with every trained model: data, splits, figures, limits, intended use.

After Mitchell et al., Model Cards for Model Reporting, FAT* 2019. Its figures are of the validation split, on which the
model was chosen and calibrated: `convnet evaluate` on images that it has never seen says what it is worth.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from html import escape
from importlib import metadata
from typing import TYPE_CHECKING, Any

from convnet.evaluation import plots
from convnet.evaluation.intervals import shown
from convnet.notice import NOTICE
from convnet.output import html_page
from convnet.study.evaluate import evaluate
from convnet.study.metadata import ModelRecord, read_record

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from convnet.data.cohort import Cohort
    from convnet.model import Model

INTENDED = (
    "Research and teaching: to learn how a convolutional network is trained and measured on medical images, and as a "
    "baseline beside other methods."
)
NOT_INTENDED = (
    "Diagnosis, triage, screening, or any decision about a patient. It is not a medical device, it has not been "
    "assessed as one, and nobody has checked it on patients outside of this data."
)
FACTS = ("modality", "body_part", "manufacturer", "sex", "age", "laterality", "size")
MOST = 12  # values of one fact that are listed


def make_card(model: Model, cohort: Cohort, file: Path, outputs: np.ndarray | None = None) -> dict[str, Any]:
    """Return the model card as plain JSON, without any path or identifier.

    cohort   the one that the model was trained on
    file     the model's file
    outputs  the model's outputs for the val split, if they are known
    """
    record = read_record(model)
    assert record.preparation is not None
    result, _ = evaluate(model, cohort, "val", outputs=outputs)
    kept = ("n", "patients", "patients_known", "classes", "confusion", "figures", "calibration", "subgroups")
    return {
        "title": f"Model card: {record.network} network for {', '.join(record.classes)}",
        "not_a_medical_device": True,
        "notice": NOTICE,
        "intended_use": INTENDED,
        "not_intended": NOT_INTENDED,
        "model": {
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
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
            "headers": {name: counted(cohort.fact(name)) for name in FACTS if any(cohort.fact(name))},
        },
        "validation": {name: result[name] for name in kept},
        "limits": limits(record, cohort, result),
    }


def version() -> str:
    """Of this package; "not installed" where it runs from its sources."""
    try:
        return metadata.version("formula-convnet")
    except metadata.PackageNotFoundError:
        return "not installed"


def patients(cohort: Cohort) -> dict[str, int | None]:
    """How many patients each split has; None where they are not known."""
    groups = cohort.groups()
    splits = {name: cohort.where(name) for name in ("train", "val", "test")}
    known = all(cohort.patients)
    return {name: len(set(groups[at].tolist())) if known else None for name, at in splits.items()}


def counted(values: list[str]) -> dict[str, int]:
    """How often each value occurs, the most frequent first; the rest together."""
    from collections import Counter

    found = Counter(v or "not stated" for v in values).most_common()
    rest = sum(n for _, n in found[MOST:])
    return dict(found[:MOST]) | ({"other": rest} if rest else {})


def limits(record: ModelRecord, cohort: Cohort, result: dict[str, Any]) -> list[str]:
    """What this data cannot show, in sentences: from the numbers, not from a template alone."""
    n = result["n"]
    out = [
        f"The figures are of {n} validation images on which the epoch, the temperature and the threshold were chosen: "
        "they flatter the model.",
        "The data are what one collection holds. Other scanners, hospitals and patients were not tried, unless they "
        "are among the headers' values above.",
    ]
    if not all(cohort.patients):
        out.append(
            "For some images the patient is unknown: then each file counts as a patient, and if several are of one "
            "patient, splits may share patients and intervals are too narrow."
        )
    totals = {c: sum(split[c] for split in record.images.values()) for c in record.classes}
    rare = min(totals, key=totals.__getitem__)
    if totals[rare] < 100:
        out.append(f"Class {rare!r} has {totals[rare]} images in all: its sensitivity is known only roughly.")
    if max(totals.values()) > 2 * totals[rare]:
        out.append("The classes are not balanced: accuracy favours the larger one, and PPV holds for this mix only.")
    silent = [name for name in ("sex", "age", "manufacturer") if not any(cohort.fact(name))]
    if silent:
        out.append(f"The headers do not state {', '.join(silent)}: whether it works alike for all is not known.")
    return out


def page(card: dict[str, Any]) -> str:
    """The card as one HTML page."""
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
        f"<h2>Intended use</h2><p>{escape(card['intended_use'])}</p>",
        f"<p><strong>Not for:</strong> {escape(card['not_intended'])}</p>",
        "<h2>Data</h2>" + html_page.table(["split", *classes, "patients"], images),
        f"<p>{data['left_out']} files were left out.</p>",
        *(
            f"<p>{escape(name.replace('_', ' '))}: {escape(', '.join(f'{v} ({n})' for v, n in values.items()))}</p>"
            for name, values in data["headers"].items()
        ),
        "<h2>Figures on validation</h2>",
        f"<p>95 % intervals by bootstrap over {val['patients']} patients.</p>",
        html_page.table(["figure", "value (interval)"], [[name, shown(f)] for name, f in val["figures"].items()]),
        "<h3>Confusion</h3>"
        + html_page.table(
            ["truth \\ prediction", *classes], [[c, *row] for c, row in zip(classes, val["confusion"], strict=True)]
        ),
        "<h3>Calibration</h3>",
        f"<p>Temperature {model['temperature']:.3f}, fitted on validation.</p>",
        html_page.plot(plots.reliability(val), "Reliability diagram: what was said against what was"),
        *subgroup_tables(val["subgroups"]),
        "<h2>Limits</h2><ul>" + "".join(f"<li>{escape(text)}</li>" for text in card["limits"]) + "</ul>",
        "<h2>Model</h2>",
        f"<p>{escape(model['network'])} network, {model['weights']:,} weights, input "
        f"{escape(' x '.join(map(str, model['input'])))}, formula-convnet {escape(model['version'])}.<br>"
        f"SHA-256 of the file: <code>{model['sha256']}</code></p>",
        html_page.table(["seed", "epoch kept", "epochs run", "chosen by"], members),
        f"<p>Pixels: {escape(', '.join(f'{k} {v or unset}' for k, v in model['pipeline'].items()))}.</p>",
        f"<p>Training images were {'' if mirrored['done'] else 'not '}mirrored: {escape(mirrored['why'])}.</p>",
        "<h3>Recipe</h3>" + html_page.table(["choice", "value"], recipe.items()),
    ]
    return html_page.page(card["title"], body)


def subgroup_tables(found: dict[str, dict[str, Any]]) -> list[str]:
    """A table for each fact; nothing where no header differs."""
    out = []
    for name, values in found.items():
        rows = [
            [value, entry["n"], entry["patients"], *(figure(entry, f) for f in ("accuracy", "auc"))]
            for value, entry in values.items()
        ]
        head = [name.replace("_", " "), "images", "patients", "accuracy", "AUC"]
        out.append(f"<h3>By {escape(name.replace('_', ' '))}</h3>" + html_page.table(head, rows))
    return out


def figure(entry: dict[str, Any], name: str) -> str:
    return shown(entry["figures"][name]) if "figures" in entry else "too few images"
