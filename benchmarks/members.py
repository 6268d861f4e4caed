"""What single models reach on a test split, on the mean, and what their ensemble does: a table, with intervals.

    python -m benchmarks.members model.safetensors FOLDER --labels labels.csv

The members are model-1.safetensors, model-2.safetensors, ... beside the model, as `convnet train --runs` writes
them. An interval of a mean is by bootstrap over patients of the members' mean figure: it speaks of other patients,
not of other seeds; `sd` is over the members. The last lines leave out test images that an audit calls a copy, or
nearly one, of an image of train or val.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from convnet.audit import findings
from convnet.audit.reading import read
from convnet.data import cohort
from convnet.evaluation.intervals import Figure, figures, intervals, shown
from convnet.model import load
from convnet.study.evaluate import find_places, select_images
from convnet.study.metadata import read_classes, read_preparation
from convnet.study.outputs import predict_probabilities


def copied(folder: Path, labels: Path) -> set[tuple[str, int]]:
    """(path, frame) of the test images that stand, or nearly, in train or val."""
    collection = read(folder, labels)
    groups = [g for check in (findings.copies, findings.near_copies) for f in check(collection) for g in f.groups]
    images = collection.images
    torn = [g for g in groups if {images[i].row.split for i in g} & {"train", "val"}]
    return {(images[i].row.path, images[i].frame) for g in torn for i in g if images[i].row.split == "test"}


def mean_of(all_figures: list[dict[str, Figure]], name: str) -> Figure:
    """The members' mean of one figure, on the same weights."""
    return lambda w: np.mean([f[name](w) for f in all_figures], axis=0)


def rows(y: np.ndarray, members: list[np.ndarray], joined: np.ndarray, groups: np.ndarray) -> list[dict[str, Any]]:
    """A row for each member, for their mean, and for the ensemble."""
    each = [figures(y, p) for p in members]
    means = {name: mean_of(each, name) for name in each[0]}
    named = [*((f"member {n}", f) for n, f in enumerate(each, 1)), ("mean", means), ("ensemble", figures(y, joined))]
    out = [{"name": name, **intervals(f, groups)} for name, f in named]
    values = {name: [row[name]["value"] for row in out[: len(each)]] for name in means}
    out[len(each)]["sd"] = {name: float(np.std(v, ddof=1)) for name, v in values.items()}
    return out


def table(found: list[dict[str, Any]]) -> str:
    lines = ["| model | AUC | accuracy | precision-recall AUC |", "|---|---|---|---|"]
    for row in found:
        cells = [
            shown(row[n]) + (f", sd {row['sd'][n]:.3f}" if "sd" in row else "") for n in ("auc", "accuracy", "pr_auc")
        ]
        lines.append(f"| {row['name']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--labels", type=Path, required=True)
    given = parser.parse_args()
    model = load(given.model)
    files = sorted(given.model.parent.glob(f"{given.model.stem}-*{given.model.suffix}"))
    if len(files) < 2:
        parser.error(f"{given.model}: its members are not beside it: train it with --runs 2 or more")
    data = cohort.load_folder(
        given.folder, given.labels, classes=read_classes(model), cache=True, **vars(read_preparation(model))
    )
    at = find_places(data, "test")
    x, y, groups = select_images(data, at), data.y[at], data.groups()[at]
    members = [predict_probabilities(load(file), x) for file in files]
    joined = predict_probabilities(model, x)
    print(f"{len(y)} test images of {len(np.unique(groups))} patients\n\n{table(rows(y, members, joined, groups))}")
    again = copied(given.folder, given.labels)
    keep = np.array([(data.paths[i], int(data.frames[i])) not in again for i in at])
    found = rows(y[keep], [p[keep] for p in members], joined[keep], groups[keep])
    print(f"\nwithout {np.sum(~keep)} that are copies, or nearly, of images of train or val:\n\n{table(found[-2:])}")


if __name__ == "__main__":
    main()
