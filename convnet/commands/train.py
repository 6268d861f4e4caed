"""`convnet train`: what it asks for and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from convnet.commands.cohort import load_cohort, pipeline_of
from convnet.commands.options import (
    Aspect,
    Cache,
    Colour,
    Figures,
    Folder,
    Labels,
    Limit,
    Npz,
    Seed,
    Size,
    Square,
    Strict,
    Window,
)
from convnet.commands.preflight import check_file, check_folder, check_size
from convnet.commands.recipe import takes_recipe


@takes_recipe
def train(
    recipe: Any,
    folder: Folder = None,
    labels: Labels = None,
    npz: Npz = None,
    out: Annotated[Path, typer.Option(help="The model file to write (.safetensors).")] = Path("model.safetensors"),
    size: Size = 28,
    aspect: Square = Aspect.pad,
    window: Window = None,
    colour: Colour = False,
    record: Annotated[
        Path | None, typer.Option(help="Keep the filters of every epoch in this file, for `convnet explain --record`.")
    ] = None,
    figures: Figures = None,
    strict: Strict = False,
    limit: Limit = None,
    cache: Cache = True,
    seed: Seed = 0,
) -> None:
    """Train on `train`, choose and calibrate on `val`, write the model and its card; `test` is not looked at."""
    check_file("--out", out)
    check_file("--record", record)
    check_folder(figures)
    check_size(recipe.network, size)
    pipeline = pipeline_of(size, aspect, window, colour)
    data = load_cohort(folder, labels, npz, strict, pipeline, limits=limit, cache=cache)
    from convnet.callbacks import Recorder
    from convnet.explain.maps.history import plot_history
    from convnet.output.atomic import write_atomically, write_json
    from convnet.output.drawing import save
    from convnet.study import complete, model_card
    from convnet.study import figures as drawing

    def told(member: Any) -> None:
        facts = member.metadata
        chosen = f"{facts['chosen_by']} {facts['chosen_value']:.4f}"
        print(f"seed {facts['seed']}: kept epoch {facts['best_epoch']} of {facts['epochs_run']}: {chosen}")

    print(f"{len(data.y)} images: {data.counted()}")
    recorder = Recorder()
    callbacks = [] if record is None else [recorder]
    model, members = complete.train(data, recipe, pipeline, seed=seed, told=told, callbacks=callbacks)
    mirrored = members[0][0].metadata["mirrored"]
    print(f"training images {'mirrored' if mirrored['done'] else 'not mirrored'}: {mirrored['why']}")
    each = {out.with_name(f"{out.stem}-{n}{out.suffix}"): m for n, (m, _) in enumerate(members, 1)}
    for file, one in ({out: model} if len(members) == 1 else {**each, out: model}).items():
        one.save(file)
        written = model_card.made(one, data, file)
        write_json(file.with_suffix(".card.json"), written)
        write_atomically(file.with_suffix(".card.html"), model_card.page(written).encode())
    beside = f"its {len(members)} members and " if len(members) > 1 else ""
    print(f"wrote {out}, beside it {beside}its card {out.with_suffix('.card.html').name}. {model.metadata['notice']}")
    if record is not None:
        recorder.save(record)
        print(f"wrote {record}: the filters of {len(recorder.epochs) - 1} epochs")
    if figures is not None:
        history, best = members[0][1], members[0][0].metadata["best_epoch"]
        save(plot_history(history, best), figures / "learning-curves.png")
        save(drawing.filters(model), figures / "filters.png")
