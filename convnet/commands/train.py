"""`convnet train`: what it asks for and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from convnet.commands.cohort import load_cohort
from convnet.commands.options import Aspect, Cache, Figures, Folder, Labels, Limit, Npz, Seed, Strict, Window
from convnet.commands.recipe import takes_recipe
from convnet.preflight import check_file, check_folder, check_size


@takes_recipe
def train(
    recipe: Any,
    folder: Folder = None,
    labels: Labels = None,
    npz: Npz = None,
    out: Annotated[Path, typer.Option(help="The model file to write (.safetensors).")] = Path("model.safetensors"),
    size: Annotated[
        int, typer.Option(min=1, max=2048, help="Images become SIZE x SIZE pixels, ECG SIZE samples at 100 Hz.")
    ] = 28,
    aspect: Annotated[Aspect, typer.Option(help="How an oblong image becomes square.")] = Aspect.pad,
    window: Window = None,
    figures: Figures = None,
    strict: Strict = False,
    limit: Limit = None,
    cache: Cache = True,
    seed: Seed = 0,
) -> None:
    """Train on the split `train`, choose the epoch on `val`, write the model; `test` is not looked at."""
    check_file("--out", out)
    check_folder(figures)
    check_size(recipe.network, size)
    pipeline: dict[str, Any] = {"size": size, "aspect": aspect.value, "window": window}
    data = load_cohort(folder, labels, npz, strict, pipeline, limits=limit, cache=cache)
    from convnet import figures as drawing
    from convnet import scope, study

    print(f"{len(data.y)} images, classes {', '.join(data.classes)}: {data.counts()}")
    model, history = study.train(data, recipe, seed=seed)
    model.metadata["pipeline"] = pipeline
    model.metadata["scope"] = scope.learn(model, data)
    model.save(out)
    facts = model.metadata
    print(
        f"kept epoch {facts['best_epoch']} of {facts['epochs_run']}: {facts['chosen_by']} {facts['chosen_value']:.4f}"
    )
    print(f"wrote {out}. {facts['notice']}")
    if figures is not None:
        drawing.save(drawing.learning_curves(history, facts["best_epoch"]), figures / "learning-curves.png")
        drawing.save(drawing.filters(model), figures / "filters.png")
