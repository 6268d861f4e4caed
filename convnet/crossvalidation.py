"""Stratified cross-validation by patient, on train and val alone: how good a recipe is, before test is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet import evaluation, study
from convnet.ensemble import join

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort
    from convnet.recipe import Recipe

INNER = 8  # of the patients outside the fold an eighth chooses the epoch, as `val` does in a study


def parts(y: np.ndarray, groups: np.ndarray, k: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(outside, inside) of each of k parts: no patient in two of them, the classes in proportion; a fixed shuffle."""
    from sklearn.model_selection import StratifiedGroupKFold

    for c in np.unique(y):
        if (n := len(np.unique(groups[y == c]))) < k:
            raise ValueError(f"crossvalidate: a class has {n} patients, too few for {k} folds: give fewer folds")
    yield from StratifiedGroupKFold(k, shuffle=True, random_state=seed).split(y, y, groups)


def folds(cohort: Cohort, k: int, seed: int) -> Iterator[Cohort]:
    """The cohort's train and val images, k times: a fold is `test`, the rest is `train` and `val`."""
    used = np.sort(np.concatenate([cohort.where("train"), cohort.where("val")]))
    y, groups = cohort.y[used], cohort.groups()[used]
    for outside, inside in parts(y, groups, k, seed):
        _, val = next(parts(y[outside], groups[outside], INNER, seed))
        splits = np.full(len(used), "train", dtype=object)
        splits[inside], splits[outside[val]] = "test", "val"
        yield subset(cohort, used, splits.tolist())


def subset(cohort: Cohort, at: np.ndarray, splits: list[str]) -> Cohort:
    """These images of the cohort, in these splits."""
    return replace(
        cohort,
        x=cohort.x[at],
        y=cohort.y[at],
        paths=[cohort.paths[i] for i in at],
        frames=cohort.frames[at],
        patients=[cohort.patients[i] for i in at],
        splits=splits,
        facts=[cohort.facts[i] for i in at] if cohort.facts else [],
    )


def run(
    cohort: Cohort,
    recipe: Recipe,
    *,
    k: int = 5,
    repeats: int = 1,
    seed: int = 0,
    on_fold: Callable[[dict[str, Any]], None] = lambda row: None,
    verbose: Any = 0,
) -> dict[str, Any]:
    """Train the recipe's `runs` models on every fold of every repeat, and measure them on the images held out.

    rows: repeat, fold, images, auc and accuracy of each single model and of their ensemble. `single`, `ensemble`: the
    mean over rows and its standard deviation. Different repeats deal the folds anew; the models' seeds differ.
    """
    rows: list[dict[str, Any]] = []
    for repeat in range(repeats):
        for number, fold in enumerate(folds(cohort, k, seed + repeat)):
            row = {"repeat": repeat, "fold": number, **fit_and_measure(fold, recipe, seed + 1000 * repeat, verbose)}
            rows.append(row)
            on_fold(row)
    return {
        "recipe": recipe.to_json(),
        "folds": k,
        "repeats": repeats,
        "seed": seed,
        "images": len(cohort.where("train")) + len(cohort.where("val")),
        "single": summary([m for row in rows for m in row["single"]]),
        "ensemble": summary([row["ensemble"] for row in rows]),
        "rows": rows,
        "notice": evaluation.NOTICE,
    }


def fit_and_measure(fold: Cohort, recipe: Recipe, seed: int, verbose: Any) -> dict[str, Any]:
    """auc and accuracy on the fold's `test` of each model and of their ensemble."""
    models = [study.train(fold, recipe, seed=seed + i, verbose=verbose)[0] for i in range(recipe.runs)]
    x, y = fold.split("test")
    found = [study.probabilities(m, x) for m in models]
    joined = study.probabilities(join(models), x) if len(models) > 1 else found[0]
    epochs = [m.metadata["best_epoch"] for m in models]
    return {"images": len(y), "epochs": epochs, "single": [both(y, p) for p in found], "ensemble": both(y, joined)}


def both(y: np.ndarray, p: np.ndarray) -> dict[str, float | None]:
    """The two figures that a configuration is chosen by."""
    return {"auc": evaluation.auc(y, p), "accuracy": float(np.mean(p.argmax(axis=1) == y))}


def summary(figures: list[dict[str, float | None]]) -> dict[str, dict[str, float | None]]:
    """{figure: {mean, sd}} over rows; a row whose fold lacks a class has no AUC and does not count in it."""
    out: dict[str, dict[str, float | None]] = {}
    for name in ("auc", "accuracy"):
        values = [f[name] for f in figures if f[name] is not None]
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else None  # type: ignore[arg-type]
        out[name] = {"mean": float(np.mean(values)) if values else None, "sd": spread}  # type: ignore[arg-type]
    return out
