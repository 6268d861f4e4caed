"""`convnet train`: what it asks for and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from convnet.commands.cohort import Pixels, Source, expand_options, load_training_cohort
from convnet.commands.options import Figures, Seed
from convnet.commands.preflight import check_file, check_folder
from convnet.commands.recipe import takes_recipe


@takes_recipe
@expand_options
def train(
    recipe: Any,
    source: Source,
    pixels: Pixels,
    out: Annotated[Path, typer.Option(help="The model file to write (.safetensors).")] = Path("model.safetensors"),
    record: Annotated[
        Path | None,
        typer.Option(help="Keep the filters of every epoch in this file, for `convnet explain --record`."),
    ] = None,
    figures: Figures = None,
    seed: Seed = 0,
) -> None:
    """Train on `train`, choose and calibrate on `val`, write the model and its card. `test` is never read."""
    check_file("--out", out)
    check_file("--record", record)
    check_folder(figures)
    preparation = pixels.to_preparation()
    data = load_training_cohort(recipe.network, source, preparation)
    from convnet.callbacks import Recorder
    from convnet.explain.maps.history import plot_history
    from convnet.output.drawing import save
    from convnet.study import figures as drawing
    from convnet.study.complete import train_recipe
    from convnet.study.metadata import read_record

    print(f"{len(data.y)} images: {data.counted()}")
    recorder = Recorder()
    callbacks = [] if record is None else [recorder]
    study = train_recipe(data, recipe, preparation, seed=seed, on_member=report_member, callbacks=callbacks)
    kept = read_record(study.members[0].model)
    print(f"training images {'mirrored' if kept.mirrored['done'] else 'not mirrored'}: {kept.mirrored['why']}")
    write_models(study, data, out)
    beside = f"its {len(study.members)} members and " if len(study.members) > 1 else ""
    print(f"wrote {out}, beside it {beside}its card {out.with_suffix('.card.html').name}. {kept.notice}")
    if record is not None:
        recorder.save(record)
        print(f"wrote {record}: the filters of {len(recorder.epochs) - 1} epochs")
    if figures is not None:
        curves = plot_history(study.members[0].history, kept.runs[0].best_epoch)
        save(curves, figures / "learning-curves.png")
        save(drawing.filters(study.model.model), figures / "filters.png")


def report_member(member: Any) -> None:
    """Print how one run of a recipe went."""
    from convnet.study.metadata import read_record

    (run,) = read_record(member.model).runs
    chosen = f"{run.chosen_by} {run.chosen_value:.4f}"
    print(f"seed {run.seed}: kept epoch {run.best_epoch} of {run.epochs_run}: {chosen}")


def write_models(study: Any, data: Any, out: Path) -> None:
    """Write the model, each member of an ensemble beside it, and a card for each."""
    from convnet.output.atomic import write_atomically, write_json
    from convnet.study import model_card

    each = {out.with_name(f"{out.stem}-{n}{out.suffix}"): one for n, one in enumerate(study.members, 1)}
    for file, trained in ({out: study.model} if len(study.members) == 1 else {**each, out: study.model}).items():
        trained.model.save(file)
        card = model_card.make_card(trained.model, data, file, trained.outputs)
        write_json(file.with_suffix(".card.json"), card)
        write_atomically(file.with_suffix(".card.html"), model_card.page(card).encode())
