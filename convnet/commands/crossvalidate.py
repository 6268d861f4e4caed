"""`convnet crossvalidate`: what it asks for and what it prints."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from convnet.commands.cohort import Pixels, Source, expand_options, load_training_cohort
from convnet.commands.options import Figures, Json, Seed
from convnet.commands.output import emit, say
from convnet.commands.preflight import check_file, check_folder
from convnet.commands.recipe import takes_recipe
from convnet.distribute.launch import refuse_executor
from convnet.executors import open_executor


@takes_recipe
@expand_options
def crossvalidate(
    recipe: Any,
    source: Source,
    pixels: Pixels,
    folds: Annotated[int, typer.Option(min=2, help="Number of parts, each held out once.")] = 5,
    repeats: Annotated[int, typer.Option(min=1, help="Number of times the parts are drawn.")] = 1,
    cases: Annotated[
        bool, typer.Option("--cases", help="Learning curve: train on 1/8, 1/4, 1/2 and all of the patients.")
    ] = False,
    json_path: Json = None,
    figures: Figures = None,
    seed: Seed = 0,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Keep finished folds and backups beside the --json file; go on from them."),
    ] = False,
) -> None:
    """Measure a recipe by cross-validation between patients on train and val. The test split is never read."""
    refuse_executor(source.executor)
    check_file("--json", json_path)
    check_folder(figures)
    if resume and (json_path is None or str(json_path) == "-"):
        raise ValueError("--resume keeps finished folds beside the result: give --json FILE")
    from convnet.study import crossvalidation, fold_lines
    from convnet.study.kept_folds import KeptFolds
    from convnet.study.resume import name_folder

    def report_fold(row: dict[str, Any]) -> None:
        say(fold_lines.line(row))

    shares = crossvalidation.SHARES if cases else (1.0,)
    with open_executor(source.executor) as executor:
        opened = replace(source, executor=executor)  # type: ignore[arg-type]
        data, recipe = load_training_cohort(recipe, opened, pixels.to_preparation())
        kept = KeptFolds(name_folder(json_path), recipe, folds, seed) if resume and json_path is not None else None
        how: dict[str, Any] = {"k": folds, "repeats": repeats, "seed": seed, "shares": shares, "on_fold": report_fold}
        result = crossvalidation.run(data, recipe, **how, kept=kept, executor=executor)
    emit(result, json_path, fold_lines.lines(result))
    if figures is not None and "more" in result:
        from convnet.evaluation import plots
        from convnet.output.drawing import save

        save(plots.cases_curve(result), figures / "cases.png")
    if kept is not None:
        kept.remove()
