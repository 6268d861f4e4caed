"""`convnet crossvalidate`: what it asks for and what it prints."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from convnet.commands.cohort import load_cohort, pipeline_of
from convnet.commands.options import (
    Aspect,
    Cache,
    Colour,
    Figures,
    Folder,
    Json,
    Labels,
    Limit,
    Npz,
    Seed,
    Size,
    Square,
    Strict,
    Window,
)
from convnet.commands.output import emit, say
from convnet.commands.preflight import check_file, check_folder, check_size
from convnet.commands.recipe import takes_recipe


@takes_recipe
def crossvalidate(
    recipe: Any,
    folder: Folder = None,
    labels: Labels = None,
    npz: Npz = None,
    size: Size = 28,
    aspect: Square = Aspect.pad,
    window: Window = None,
    colour: Colour = False,
    folds: Annotated[int, typer.Option(min=2, help="Parts that are held out in turn.")] = 5,
    repeats: Annotated[int, typer.Option(min=1, help="Times that the parts are dealt.")] = 1,
    cases: Annotated[
        bool, typer.Option("--cases", help="Learning curve: train on 1/8, 1/4, 1/2 and all of the patients.")
    ] = False,
    json_path: Json = None,
    figures: Figures = None,
    strict: Strict = False,
    limit: Limit = None,
    cache: Cache = True,
    seed: Seed = 0,
) -> None:
    """How good a recipe is, by stratified cross-validation between patients on train and val; test is not looked at."""
    check_file("--json", json_path)
    check_folder(figures)
    check_size(recipe.network, size)
    pipeline = pipeline_of(size, aspect, window, colour)
    data = load_cohort(folder, labels, npz, strict, pipeline, limits=limit, cache=cache)
    from convnet.study import crossvalidation

    def told(row: dict[str, Any]) -> None:
        say(crossvalidation.line(row))

    result = crossvalidation.run(
        data, recipe, k=folds, repeats=repeats, seed=seed, shares=crossvalidation.SHARES if cases else (1.0,), told=told
    )
    emit(result, json_path, crossvalidation.lines(result))
    if figures is not None and cases:
        from convnet.evaluation import plots
        from convnet.output.drawing import save

        save(plots.cases_curve(result), figures / "cases.png")
