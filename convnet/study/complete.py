"""From a recipe to a model that is ready to be used: its runs, their ensemble, and what its file records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convnet.evaluation import calibration, threshold
from convnet.study import study, training_domain
from convnet.study.ensemble import join

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from convnet.callbacks import Callback, History
    from convnet.data.cohort import Cohort
    from convnet.model import Model
    from convnet.study.recipe import Recipe


def train(
    cohort: Cohort,
    recipe: Recipe,
    pipeline: dict[str, Any],
    *,
    seed: int = 0,
    verbose: Any = "auto",
    told: Callable[[Model], None] = lambda model: None,
    callbacks: Sequence[Callback] = (),
) -> tuple[Model, list[tuple[Model, History]]]:
    """The model of a recipe, and its members (itself, where the recipe has one run), all complete.

    told       called with each member when it is trained
    callbacks  of the first run
    """
    members = []
    for run in range(recipe.runs):
        extra = callbacks if run == 0 else ()
        member, history = study.train(cohort, recipe, seed=seed + run, verbose=verbose, callbacks=extra)
        complete(member, cohort, pipeline)
        members.append((member, history))
        told(member)
    if len(members) == 1:
        return members[0][0], members
    model = join([member for member, _ in members])
    facts = members[0][0].metadata
    model.metadata = {
        **{name: facts[name] for name in ("classes", "network", "recipe", "mirrored", "images", "seen", "notice")},
        "members": [
            {name: m.metadata[name] for name in ("seed", "epochs_run", "best_epoch", "chosen_by", "chosen_value")}
            for m, _ in members
        ],
    }
    complete(model, cohort, pipeline)
    return model, members


def complete(model: Model, cohort: Cohort, pipeline: dict[str, Any]) -> None:
    """Record in the model how its pixels are prepared and, all from train and val: what it was trained on, the
    temperature of its probabilities, its operating points, and its figures on val.
    """
    model.metadata |= {"pipeline": pipeline, "scope": training_domain.learn(model, cohort)}
    x, y = cohort.split("val")
    p = study.probabilities(model, x)
    model.metadata["temperature"] = calibration.temperature(y, p)
    model.metadata["operating_points"] = threshold.curve(y, study.calibrated(model, p))
