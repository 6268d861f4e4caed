"""From a recipe to models that are ready for use: the recipe's runs, their ensemble, and what their files record."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from convnet.callbacks import History
from convnet.executors import run_ordered
from convnet.study import training_domain
from convnet.study.ensemble import join
from convnet.study.features import extract, join_features
from convnet.study.groups import fit_grouping
from convnet.study.metadata import read_record
from convnet.study.tasks import TASKS
from convnet.study.train import train
from convnet.study.trained import Trained

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from convnet.callbacks import Callback
    from convnet.data.cohort import Cohort
    from convnet.data.preparation import Preparation
    from convnet.study.features import Features
    from convnet.study.recipe import Recipe
    from convnet.study.resume import Resumed


@dataclass(frozen=True, eq=False)
class Study:
    """A recipe's result: the model, and its members (itself, if the recipe has one run), all complete.

    `model.outputs` and those of the members are for the val split.
    """

    model: Trained
    members: list[Trained]


def train_recipe(
    cohort: Cohort,
    recipe: Recipe,
    preparation: Preparation,
    *,
    seed: int = 0,
    verbose: Any = "auto",
    on_member: Callable[[Trained], None] = lambda member: None,
    callbacks: Sequence[Callback] = (),
    resumed: Resumed | None = None,
    executor: Executor | None = None,
) -> Study:
    """Train a recipe's runs from seeds seed, seed+1, ... and join them into an ensemble.

    preparation  how the cohort's pixels were prepared, to be recorded
    verbose      as in `Model.fit`
    on_member    called with each member when it is trained and complete
    Ctrl-C ends the run that it falls into, and no other begins: the runs that are complete are joined.
    callbacks    of the first run
    resumed      where members of an earlier start are: they are taken, and `on_member` is not called with them; and
                 where the backup of a member that is being trained is kept
    executor     whose workers train the runs, each from a copy of the images, without backups; a run with callbacks is
                 trained here
    """
    members: list[Trained] = []
    features: list[tuple[Features, Features]] = []
    how = _How(verbose, callbacks, resumed, executor)
    runs_done = _train_runs(cohort, recipe, seed, how)
    for run in range(recipe.runs):
        try:
            member, was_finished = next(runs_done)
        except KeyboardInterrupt:  # before one epoch of this run was complete
            if not members:
                raise
            break
        if was_finished:
            features.append(extract_both(member, cohort))
            members.append(member)
            continue
        features.append(extract_both(member, cohort))
        complete(member, cohort, preparation, features[-1])
        members.append(member)
        on_member(member)
        if member.history.interrupted:
            break
        if resumed is not None and recipe.runs > 1:  # its file is written
            resumed.remove_backup(run)
    if len(members) == 1:
        return Study(members[0], members)
    model = join([member.model for member in members])
    runs = tuple(run for member in members for run in read_record(member.model).runs)
    model.metadata = replace(read_record(members[0].model), runs=runs).to_plain()
    outputs = members[0].outputs
    for member in members[1:]:  # in float32 and in this order, as the joined model adds them
        outputs = outputs + member.outputs
    joined = Trained(model, members[0].history, outputs)
    train_features, val_features = ([both[i] for both in features] for i in (0, 1))
    complete(joined, cohort, preparation, (join_features(train_features), join_features(val_features)))
    return Study(joined, members)


@dataclass(frozen=True)
class _How:
    """The arguments of `train_recipe` that no model depends on."""

    verbose: Any
    callbacks: Sequence[Callback]
    resumed: Resumed | None
    executor: Executor | None


def _train_runs(cohort: Cohort, recipe: Recipe, seed: int, how: _How) -> Iterator[tuple[Trained, bool]]:
    """Yield each run's member, and whether an earlier start had finished it."""
    resumed, executor = how.resumed, how.executor

    def find(run: int) -> Trained | None:
        return None if resumed is None else resumed.find(run, seed + run)

    def train_here(run: int) -> Trained:
        first = {"callbacks": how.callbacks} if run == 0 else {}
        backup = resumed.backup(run) if resumed is not None else None
        return train(cohort, recipe, seed=seed + run, verbose=how.verbose, backup=backup, **first)

    if executor is None:
        for run in range(recipe.runs):
            found = find(run)
            yield (train_here(run), False) if found is None else (found, True)
        return
    pairs = ((run, find(run)) for run in range(recipe.runs))
    here = {0} if how.callbacks else set()
    for (run, known), made in run_ordered(
        executor, train_far, pairs, lambda of: None if of[1] or of[0] in here else (cohort, recipe, seed + of[0])
    ):
        member = known or made or train_here(run)
        yield member, known is not None


def train_far(cohort: Cohort, recipe: Recipe, seed: int) -> Trained:
    """Train one run in an executor's worker; its history comes back without the model, which it would hold twice."""
    found = train(cohort, recipe, seed=seed, verbose=0)
    history = History()
    history.epoch, history.history = found.history.epoch, found.history.history
    history.interrupted = found.history.interrupted
    return Trained(found.model, history, found.outputs)


def complete(
    trained: Trained,
    cohort: Cohort,
    preparation: Preparation,
    features: tuple[Features, Features] | None = None,
) -> None:
    """Record in the model how its pixels are prepared, what it was trained on, its calibration and thresholds.

    If images are joined by patient, study or series, also the groups' calibration and operating points. The training
    domain is learnt from train and val, the others from val. The metrics of val are not recorded here: the model card
    holds them.

    features  of the train and the val split (`extract_both`), if they are known: the model is not run again
    """
    model, y = trained.model, cohort.y[cohort.where("val")]
    record, task = read_record(model), TASKS[cohort.task]
    p = task.read(trained.outputs, max(1, len(record.runs)))
    fitted = replace(record, **task.fit(y, p, cohort.groups()[cohort.where("val")]))
    model.metadata = replace(
        fitted,
        preparation=preparation,
        scope=training_domain.learn(cohort, *(features or extract_both(trained, cohort))),
        grouping=fit_grouping(cohort, task.calibrate(p, fitted), record.grouping),
    ).to_plain()


def extract_both(trained: Trained, cohort: Cohort) -> tuple[Features, Features]:
    """Return the features of the train and of the val split: one walk over the images."""
    train_features, val_features = (extract(trained.model, cohort.split(name)[0]) for name in ("train", "val"))
    return train_features, val_features
