"""Recipes beside each other, by cross-validation on train and val alone: which training choices help, and how surely.

Every candidate is trained on the same folds from the same seeds, so its gain over the first one is a mean of
differences. A row is written as soon as it is measured: the command may be interrupted, and goes on where it was.
"""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.tables import Table
from convnet.data import cohort
from convnet.data.cohort import Cohort
from convnet.evaluation import metrics
from convnet.output.atomic import to_json, to_utf8, write_atomically
from convnet.study.crossvalidation import folds
from convnet.study.outputs import predict_probabilities
from convnet.study.recipe import PLAIN, Recipe
from convnet.study.train import train

BASE = {"network": "listing", **PLAIN}  # what a candidate's settings change
SCHEMA = "formula-convnet/recipes/1"
FIGURES = ("auc", "accuracy", "accuracy_chosen", "auc_mirrored", "accuracy_mirrored", "auc_shifted", "accuracy_shifted")


def read_candidates(path: Path) -> dict[str, dict[str, Any]]:
    """Return {name: changes to `BASE`} of a TOML file; a candidate's `base` names one whose settings it changes."""
    found: dict[str, dict[str, Any]] = {}
    for name, own in tomllib.loads(path.read_text(encoding="utf-8")).items():
        base = own.pop("base", None)
        if base is not None and base not in found:
            raise ValueError(f"{path}: [{name}] has the base {base!r}: name one of those above it: {', '.join(found)}")
        found[name] = {**found.get(base, {}), **own}
        Recipe(**(BASE | found[name]))
    return found


def load(source: str) -> Cohort:
    """Return the images of an .npz file, or scikit-learn's digits (8x8 in a frame of 12x12) for the word `digits`."""
    if source != "digits":
        return cohort.load_npz(source)
    from sklearn.datasets import load_digits

    found = load_digits()
    x = np.pad(found.images / 16, ((0, 0), (2, 2), (2, 2))).astype(np.float32)
    return cohort.from_arrays(x, found.target)


def run(source: str, candidates: Path, k: int, seeds: int, only: list[str], path: Path) -> tuple[dict, list[Table]]:
    """Measure what is missing, fold by fold and seed by seed, and return the document and its table."""
    chosen = read_candidates(candidates)
    data, name = load(source), Path(source).stem
    document = read(path, name, k)
    check_unchanged(document, chosen, path)
    done = {(row["candidate"], row["seed"], row["fold"]) for row in document["rows"]}
    for seed in range(seeds):
        for number, fold in enumerate(folds(data, k, seed)):
            for candidate, settings in chosen.items():
                if (candidate, seed, number) in done or (only and candidate not in only):
                    continue
                row = measure(fold, Recipe(**(BASE | settings)), 1000 * seed + number)
                document["rows"].append({"candidate": candidate, "seed": seed, "fold": number, **row})
                document["candidates"][candidate] = settings
                document["machine"] = machine.describe()
                write_atomically(path, to_utf8(to_json(document)))
                shown = ", ".join(f"{n} {row[n]:.4f}" for n in FIGURES[:3] if row[n] is not None)
                print(f"seed {seed} fold {number} {candidate}: {shown}, {row['cpu_s']:.0f} s of CPU", flush=True)
    return document, [tabulate(document, list(chosen))]


def read(path: Path, data: str, k: int) -> dict[str, Any]:
    """Return what an earlier run wrote, or an empty document. Raises ValueError if it is of other data or folds."""
    empty = {"schema": SCHEMA, "data": data, "folds": k, "candidates": {}, "rows": [], "machine": None}
    if not path.exists():
        return empty
    found = json.loads(path.read_text(encoding="utf-8"))
    for name in ("schema", "data", "folds"):
        if found.get(name) != empty[name]:
            raise ValueError(
                f"{path}: its {name} is {found.get(name)!r}, asked for is {empty[name]!r}: name another file"
            )
    return dict(found)


def check_unchanged(document: dict[str, Any], chosen: dict[str, dict[str, Any]], path: Path) -> None:
    """Raise ValueError if a candidate that was measured has other settings now: its rows would be of two recipes."""
    for name, settings in document["candidates"].items():
        if name in chosen and settings != chosen[name]:
            raise ValueError(f"{path}: {name!r} was measured with {settings}, now it is {chosen[name]}: rename it")


def measure(fold: Cohort, recipe: Recipe, seed: int) -> dict[str, Any]:
    """Train on a fold and return AUC and accuracy on the images held out, in several ways, and the CPU time.

    accuracy          of the most probable class
    accuracy_chosen   two classes: at the threshold of the largest accuracy on val
    ..._mirrored      of the mean of the probabilities of an image and of its mirror image
    ..._shifted       of the mean of those and of the image moved by one pixel each way
    """
    start = time.process_time()
    trained = train(fold, recipe, seed=seed, verbose=0)
    seconds = time.process_time() - start
    x, y = fold.split("test")
    p = predict_probabilities(trained.model, x)
    mirrored = (p + predict_probabilities(trained.model, np.ascontiguousarray(x[:, :, ::-1]))) / 2
    shifted = np.mean([mirrored, *(predict_probabilities(trained.model, moved(x, *by)) for by in SHIFTS)], axis=0)
    row = {"cpu_s": seconds, "epochs": len(trained.history.epoch), "accuracy_chosen": None}
    for suffix, found in (("", p), ("_mirrored", mirrored), ("_shifted", shifted)):
        row |= {f"auc{suffix}": metrics.auc(y, found), f"accuracy{suffix}": float(np.mean(found.argmax(1) == y))}
    if p.shape[1] == 2:
        x_val, y_val = fold.split("val")
        threshold = best_threshold(y_val, predict_probabilities(trained.model, x_val)[:, 1])
        row["accuracy_chosen"] = float(np.mean((p[:, 1] >= threshold) == y))
    return row


SHIFTS = ((1, 0), (-1, 0), (0, 1), (0, -1))


def moved(x: np.ndarray, down: int, right: int) -> np.ndarray:
    """Return images moved by up to one pixel, edges repeated."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    return np.ascontiguousarray(
        padded[:, 1 - down : padded.shape[1] - 1 - down, 1 - right : padded.shape[2] - 1 - right]
    )


def best_threshold(y: np.ndarray, p: np.ndarray) -> float:
    """Return the middle of the thresholds for class 1 that have the largest accuracy; the one nearest to 1/2."""
    points = np.unique(np.concatenate([[0, 1], p]))
    between = (points[1:] + points[:-1]) / 2
    right = np.array([np.mean((p >= t) == y) for t in between])
    best = between[right == right.max()]
    return float(best[np.argmin(np.abs(best - 0.5))])


def tabulate(document: dict[str, Any], names: list[str]) -> Table:
    """Return a line for each candidate: means, and gains over the first one with their standard errors."""
    table = Table(
        f"{document['data']}: {document['folds']} folds of train and val; gains over {names[0]} +- standard error",
        ["candidate", "trainings", "AUC", "gain", "accuracy", "gain", "chosen", "mirrored AUC", "acc.", "shifted AUC",
         "acc.", "CPU s"],
    )  # fmt: skip
    first = dict(by_cell(document, names[0]))
    for name in names:
        cells = dict(by_cell(document, name))
        if not cells:
            continue
        mean = {n: mean_of(cells, n) for n in (*FIGURES, "cpu_s")}
        gains = {n: "-" if name == names[0] else gain(first, cells, n) for n in ("auc", "accuracy")}
        table.add(
            name, str(len(cells)), f"{mean['auc']:.4f}", gains["auc"],
            f"{mean['accuracy']:.4f}", gains["accuracy"],
            *(f"{mean[n]:.4f}" for n in FIGURES[2:]), f"{mean['cpu_s']:.0f}",
        )  # fmt: skip
    return table


def mean_of(cells: dict[Any, dict[str, Any]], name: str) -> float:
    """Return a figure's mean; NaN for one that the data do not have."""
    return float(np.mean([np.nan if row[name] is None else row[name] for row in cells.values()]))


def by_cell(document: dict[str, Any], name: str) -> Iterator[tuple[tuple[int, int], dict[str, Any]]]:
    """Yield ((seed, fold), row) of one candidate."""
    for row in document["rows"]:
        if row["candidate"] == name:
            yield (row["seed"], row["fold"]), row


def gain(first: dict[Any, dict[str, Any]], cells: dict[Any, dict[str, Any]], name: str) -> str:
    """Return the mean difference over the cells that both have, with its standard error, as text."""
    differences = np.array([row[name] - first[cell][name] for cell, row in cells.items() if cell in first])
    if len(differences) < 2:
        return "-"
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    return f"{differences.mean():+.4f} +- {error:.4f}"
