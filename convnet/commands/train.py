"""`convnet train`: what it asks for and what it prints."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from convnet.commands.cohort import Pixels, Source, expand_options, load_training_cohort
from convnet.commands.options import Figures, Report, Seed
from convnet.commands.preflight import check_file, check_folder
from convnet.commands.recipe import takes_recipe
from convnet.output.progress import tell
from convnet.output.words import count


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
    report: Report = None,
    seed: Seed = 0,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Keep a backup after every epoch; go on where an earlier start ended."),
    ] = False,
) -> None:
    """Train on `train`, choose and calibrate on `val`, write the model and its card. `test` is never read."""
    check_file("--out", out)
    check_file("--record", record)
    check_file("--report", report)
    check_folder(figures)
    if resume and (record or figures or report) and recipe.runs > 1:
        raise ValueError(
            "--resume with --runs 2 or more takes finished members from their files, which do not hold what --record, "
            "--figures and --report show of the first member's training: leave them out, or give --runs 1"
        )
    preparation = pixels.to_preparation()
    data, recipe = load_training_cohort(recipe, source, preparation)
    from convnet.callbacks import Recorder
    from convnet.evaluation import metrics, side_by_side
    from convnet.explain.maps.history import plot_history
    from convnet.output.drawing import save
    from convnet.study import evidence
    from convnet.study import plots as drawing
    from convnet.study.complete import train_recipe
    from convnet.study.metadata import read_record
    from convnet.study.resume import Resumed, name_member

    tell(f"{count(len(data.y), 'image')}: {data.describe_counts()}")
    recorder = Recorder()
    callbacks = [] if record is None else [recorder]

    def finish(member: Any) -> None:
        """Report a member and, if it is one of several, write it at once: the next may take hours."""
        report_member(member)
        if recipe.runs > 1:
            (run,) = read_record(member.model).runs
            write_model(member, data, name_member(out, run.seed - seed + 1))

    resumed = Resumed(out, data, recipe, preparation) if resume else None
    study = train_recipe(data, recipe, preparation, seed=seed, on_member=finish, callbacks=callbacks, resumed=resumed)
    kept = read_record(study.members[0].model)
    tell(f"training images {'mirrored' if kept.mirrored['done'] else 'not mirrored'}: {kept.mirrored['why']}")
    card = write_model(study.model, data, out)
    if (only := metrics.only_answer(card["validation"])) is not None:
        tell(f"WARNING (validation): {evidence.explain_only(only, card['validation']['n'])}")
    if "by_group" in card["validation"]:
        tell("\n".join(["on validation,", *side_by_side.lines(card["validation"])]))
    beside = f"its {count(len(study.members), 'member')} and " if recipe.runs > 1 else ""
    tell(f"wrote {out}, beside it {beside}its card {out.with_suffix('.card.html').name}. {kept.notice}")
    if record is not None:
        recorder.save(record)
        tell(f"wrote {record}: the filters of {count(len(recorder.epochs) - 1, 'epoch')}")
    if figures is not None:
        curves = plot_history(study.members[0].history, kept.runs[0].best_epoch)
        save(curves, figures / "learning-curves.png")
        save(drawing.filters(study.model.model), figures / "filters.png")
    if report is not None:
        write_report(study, data, report)
        tell(f"wrote {report}: data, training, figures and examples of validation")
    if resumed is not None and not kept.runs[0].interrupted and recipe.runs == 1:
        resumed.remove_backup(0)


def write_report(study: Any, data: Any, out: Path) -> None:
    """Write the page of the whole run, measured on validation."""
    from convnet.diagnosis.examples import Measured
    from convnet.diagnosis.run_report import page
    from convnet.output.atomic import write_text
    from convnet.study.evaluate import evaluate
    from convnet.study.evidence import name_positive

    model = study.model.model
    result, p = evaluate(model, data, "val", name_positive(model), outputs=study.model.outputs)
    write_text(out, page(Measured(model, data, "val", result, p), study.members[0].history))


def report_member(member: Any) -> None:
    """Print how one run of a recipe went."""
    from convnet.study.metadata import read_record

    (run,) = read_record(member.model).runs
    chosen = f"{run.chosen_by} {run.chosen_value:.4f}"
    tell(f"seed {run.seed}: kept epoch {run.best_epoch} of {run.epochs_run}: {chosen}")


def write_model(trained: Any, data: Any, out: Path) -> dict[str, Any]:
    """Write a model and its card -> the card; keep the model in the state folder if they cannot be written."""
    from convnet import model_file
    from convnet.output.atomic import to_json, to_utf8, write_together
    from convnet.study import model_card

    content = model_file.to_bytes(trained.model)
    card = model_card.make_card(trained.model, data, content, trained.outputs)
    page = to_utf8(model_card.page(card, model_card.draw_evidence(trained.model, data, card, trained.outputs)))
    try:
        write_together(
            {out: content, out.with_suffix(".card.json"): to_utf8(to_json(card)), out.with_suffix(".card.html"): page}
        )
    except OSError as error:
        raise OSError(f"{out} could not be written: {error.strerror or error}. {keep(content, out.name)}") from None
    return card


def keep(content: bytes, name: str) -> str:
    """Write a model's file into the state folder, or else the temporary one; say where, and how to get it back."""
    from tempfile import gettempdir

    from platformdirs import user_state_path

    from convnet.output.atomic import write_atomically

    for folder in (user_state_path("formula-convnet", appauthor=False) / "kept", Path(gettempdir())):
        file = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(file, content)
        except OSError:
            continue
        return f"The trained model is kept in {file}: move it where there is room (it has no card)"
    return "It could not be kept elsewhere either"
