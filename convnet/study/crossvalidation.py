"""Stratified cross-validation by patient, on train and val alone: how good a recipe is, before test is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.evaluation import intervals
from convnet.executors import run_ordered
from convnet.notice import NOTICE
from convnet.output.words import count
from convnet.study.ensemble import join
from convnet.study.evaluate import select_images
from convnet.study.groups import make_grouping
from convnet.study.held_groups import HeldGroups, groups_together, hold_groups
from convnet.study.metadata import read_record
from convnet.study.outputs import predict_outputs
from convnet.study.tasks import TASKS
from convnet.study.train import train

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort
    from convnet.study.kept_folds import KeptFold, KeptFolds, Measured
    from convnet.study.recipe import Recipe

SHARES = (0.125, 0.25, 0.5, 1.0)  # of the patients, for the learning curve
AT_ONCE = 16  # folds that an executor has copies of
INNER = 8  # of the patients outside the fold an eighth chooses the epoch, as `val` does in a study


def parts(
    y: np.ndarray, groups: np.ndarray, k: int, seed: int, strict: bool = True
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (outside, inside) of each of k parts: no patient in two of them, classes in proportion; a fixed shuffle.

    y       what is kept in proportion; strict: each of its values needs k patients
    """
    from sklearn.model_selection import StratifiedGroupKFold

    for c in np.unique(y) if strict else ():
        if (n := len(np.unique(groups[y == c]))) < k:
            raise ValueError(
                f"crossvalidate: a class has {count(n, 'patient')}, too few for {k} folds: give fewer folds"
            )
    yield from StratifiedGroupKFold(k, shuffle=True, random_state=seed).split(y, y, groups)


def folds(cohort: Cohort, k: int, seed: int) -> Iterator[Cohort]:
    """Yield the cohort's train and val images k times: a fold is `test`, the rest is `train` and `val`."""
    used = np.sort(np.concatenate([cohort.where("train"), cohort.where("val")]))
    y, groups = cohort.strata()[used], cohort.groups()[used]
    strict = cohort.task in ("classes", "ordinal")
    for outside, inside in parts(y, groups, k, seed, strict):
        _, val = next(parts(y[outside], groups[outside], INNER, seed, strict))
        splits = np.full(len(used), "train", dtype=object)
        splits[inside], splits[outside[val]] = "test", "val"
        yield subset(cohort, used, splits.tolist())


def subset(cohort: Cohort, at: np.ndarray, splits: list[str]) -> Cohort:
    """Return these images of the cohort, in these splits."""
    return replace(
        cohort,
        x=select_images(cohort, at),
        y=cohort.y[at],
        paths=[cohort.paths[i] for i in at],
        frames=cohort.frames[at],
        patients=[cohort.patients[i] for i in at],
        splits=splits,
        facts=[cohort.facts[i] for i in at] if cohort.facts else [],
        owners=[cohort.owners[i] for i in at] if cohort.owners else [],
        studies=[cohort.studies[i] for i in at] if cohort.studies else [],
        series=[cohort.series[i] for i in at] if cohort.series else [],
    )


def run(
    cohort: Cohort,
    recipe: Recipe,
    *,
    k: int = 5,
    repeats: int = 1,
    seed: int = 0,
    shares: Sequence[float] = (1.0,),
    on_fold: Callable[[dict[str, Any]], None] = lambda row: None,
    verbose: Any = 0,
    kept: KeptFolds | None = None,
    executor: Executor | None = None,
) -> dict[str, Any]:
    """Train the recipe's `runs` models on every fold of every repeat, and measure them on the images held out.

    cohort      whose train and val images are used; recipe: how each model is trained
    k, repeats  folds, and how often they are drawn anew; shares: of the patients that are trained on
    seed        of the folds and of the models
    on_fold     called with each row
    verbose     as in `Model.fit`
    kept        where finished folds, and backups of the one that is trained, are kept and found again
    executor    whose workers train and measure the folds, each from a copy of its images; backups stay away then

    The result holds:

    rows       repeat, fold, share of the patients trained on, cases (images of train and val), auc and accuracy of each
               single model and of their ensemble on the images held out; by_group: the same of the ensemble by patient,
               study or series, if the recipe joins images
    by_share   for each share: mean and standard deviation over rows of the single models and of the ensemble, and the
               metrics of all images held out together, with their intervals, by repeat
    more       for several shares: what the last doubling of cases gave (`more_cases`)
    """
    recipe = recipe.complete(cohort)
    used = np.sort(np.concatenate([cohort.where("train"), cohort.where("val")]))
    held: dict[tuple[float, int], np.ndarray] = {}
    held_groups: dict[tuple[float, int], list[HeldGroups]] = {}
    rows: list[dict[str, Any]] = []
    jobs = list_jobs(cohort, k, repeats, seed, shares)
    for job, (found, p, of_groups) in measure_all(jobs, recipe, kept, executor, verbose):
        at = job.share, job.repeat
        row = {"repeat": job.repeat, "fold": job.number, "share": job.share, **found}
        held.setdefault(at, np.zeros((len(used), *p.shape[1:])))[job.places] = p
        held_groups.setdefault(at, []).extend([of_groups] if of_groups else [])
        rows.append(row)
        on_fold(row)
    y, groups, task = cohort.y[used], cohort.groups()[used], TASKS[cohort.task]
    by_share = []
    for share in shares:
        of = [row for row in rows if row["share"] == share]
        by_share.append(
            {
                "share": share,
                "cases": round(float(np.mean([row["cases"] for row in of]))),
                "single": summarize([m for row in of for m in row["single"]]),
                "ensemble": summarize([row["ensemble"] for row in of]),
                "together": [together(task.overall(y, held[share, r], cohort.classes), groups) for r in range(repeats)],
            }
        )
        if recipe.group != "none":
            by_share[-1]["by_group"] = {
                "level": recipe.group,
                "ensemble": summarize([row["by_group"] for row in of]),
                "together": [groups_together(held_groups[share, r], task, cohort.classes) for r in range(repeats)],
            }
    result = {
        "task": cohort.task,
        "recipe": recipe.to_json(),
        "folds": k,
        "repeats": repeats,
        "seed": seed,
        "images": len(used),
        "by_share": by_share,
        "rows": rows,
        "notice": NOTICE,
    }
    if len(shares) > 1 and "auc" in rows[0]["ensemble"]:
        result["more"] = more_cases(rows, shares)
    return result


@dataclass(frozen=True, eq=False)
class Job:
    """One fold of one repeat with a share of the patients.

    part    its images; seed: of its first model
    places  of the images held out, among those of train and val
    """

    repeat: int
    number: int
    share: float
    part: Cohort
    places: np.ndarray
    seed: int


def list_jobs(cohort: Cohort, k: int, repeats: int, seed: int, shares: Sequence[float]) -> Iterator[Job]:
    """Yield what is to be trained and measured."""
    for repeat in range(repeats):
        for number, fold in enumerate(folds(cohort, k, seed + repeat)):
            for share in shares:
                part = fewer(fold, share, seed + repeat)
                yield Job(repeat, number, share, part, fold.where("test"), seed + 1000 * repeat)


def measure_all(
    jobs: Iterator[Job], recipe: Recipe, kept: KeptFolds | None, executor: Executor | None, verbose: Any
) -> Iterator[tuple[Job, Measured]]:
    """Yield each job and what was measured, in the jobs' order: found again, measured here, or by an executor."""

    def find(job: Job) -> tuple[KeptFold | None, Measured | None]:
        one = None if kept is None else kept.of(job.part, job.repeat, job.number, job.share)
        return one, None if one is None else one.find()

    if executor is None:
        for job in jobs:
            one, found = find(job)
            if found is None:
                found = fit_and_measure(job.part, recipe, job.seed, verbose, one)
                found = found if one is None else one.keep(found)
            yield job, found
        return
    pairs = ((job, *find(job)) for job in jobs)
    for (job, one, known), found in run_ordered(
        executor, fit_and_measure, pairs, lambda of: None if of[2] else (of[0].part, recipe, of[0].seed, 0), AT_ONCE
    ):
        if known is None:
            known = found if one is None else one.keep(found)
        yield job, known


def fewer(fold: Cohort, share: float, seed: int) -> Cohort:
    """Return the fold with that share of the patients in its train and val, drawn class by class."""
    if share == 1:
        return fold
    rng = np.random.Generator(np.random.Philox(seed))
    groups, keep, strata = fold.groups(), set(fold.where("test").tolist()), fold.strata()
    for split in ("train", "val"):
        at = fold.where(split)
        for c in np.unique(strata[at]):
            names = np.unique(groups[at[strata[at] == c]])
            chosen = rng.permutation(names)[: max(1, round(share * len(names)))]
            keep |= set(at[np.isin(groups[at], chosen) & (strata[at] == c)].tolist())
    places = np.array(sorted(keep))
    return subset(fold, places, [fold.splits[i] for i in places])


def fit_and_measure(fold: Cohort, recipe: Recipe, seed: int, verbose: Any, kept: KeptFold | None = None) -> Measured:
    """Return (AUC and accuracy on the fold's `test` of each model and of the ensemble, its probabilities, its groups).

    There are groups if the recipe joins images.
    """
    backups = [kept.backup(i) if kept is not None else None for i in range(recipe.runs)]
    trained = [train(fold, recipe, seed=seed + i, verbose=verbose, backup=b) for i, b in enumerate(backups)]
    if any(one.history.interrupted for one in trained):
        raise KeyboardInterrupt  # a model that is half trained measures no recipe
    models = [one.model for one in trained]
    x, y = fold.split("test")
    task, classes = TASKS[fold.task], fold.classes
    found = [task.read(predict_outputs(m, x)) for m in models]
    joined = task.read(predict_outputs(join(models), x), len(models)) if len(models) > 1 else found[0]
    row = {
        "images": len(y),
        "cases": len(fold.y) - len(y),
        "epochs": [read_record(m).runs[0].best_epoch for m in models],
        "single": [task.summary(y, p, classes) for p in found],
        "ensemble": task.summary(y, joined, classes),
    }
    grouping = make_grouping(recipe.group, recipe.aggregate, recipe.finding, fold.classes, fold.task)
    if grouping is None:
        return row, joined, None
    p_val = np.mean([task.read(one.outputs) for one in trained], axis=0)
    groups = hold_groups(fold, joined, p_val, grouping)
    row["by_group"] = {"groups": len(groups.y), **task.summary(groups.y, groups.p, classes)}
    return row, joined, groups


def together(metrics: dict[str, intervals.Metric], groups: np.ndarray) -> dict[str, Any]:
    """Return the two metrics (`tasks.Task.overall`) of all images held out, each once, with intervals by patient."""
    return intervals.intervals(metrics, groups)


def summarize(found: list[dict[str, float | None]]) -> dict[str, dict[str, float | None]]:
    """Return {metric: {mean, sd}} over rows. A row whose fold lacks a class has no AUC and does not count in it."""
    out: dict[str, dict[str, float | None]] = {}
    for name in [name for name in found[0] if name != "groups"]:
        values = [v for f in found if (v := f[name]) is not None]
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
        out[name] = {"mean": float(np.mean(values)) if values else None, "sd": spread}
    return out


def more_cases(rows: list[dict[str, Any]], shares: Sequence[float]) -> dict[str, Any]:
    """Return what the last step in the number of cases gave, and the answer in words.

    It is the mean over folds of the ensemble's AUC at the largest share minus that at the next smaller one, with its t
    interval.

    Folds share training images, so the interval is somewhat too narrow (Bengio & Grandvalet, JMLR 5:1089, 2004).
    """
    from scipy.stats import t

    low, high = sorted(shares)[-2:]
    by = {(row["repeat"], row["fold"], row["share"]): row["ensemble"]["auc"] for row in rows}
    pairs = [(by[r, f, low], by[r, f, high]) for r, f, s in by if s == high]
    gains = np.array([b - a for a, b in pairs if a is not None and b is not None])
    if len(gains) < 2:
        return {"from": low, "to": high, "gain": None, "answer": "too few folds with all classes to say"}
    mean, error = float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(len(gains)))
    half = float(t.ppf(0.975, len(gains) - 1)) * error
    if mean - half > 0:
        answer = "yes: the last step still helped, so more cases probably will"
    elif mean + half < 0.01:
        answer = "hardly: the last step gave less than 0.01, so try something else first"
    else:
        answer = "unclear: the last step's gain is within chance"
    return {"from": low, "to": high, "gain": mean, "low": mean - half, "high": mean + half, "answer": answer}
