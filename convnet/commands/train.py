"""`convnet train`: what it asks for and what it prints."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from convnet.commands.cohort import Pixels, Source, expand_options, load_training_cohort
from convnet.commands.options import Figures, Report, Seed
from convnet.commands.preflight import check_file, check_folder
from convnet.commands.recipe import takes_recipe
from convnet.distribute.launch import refuse_executor, writing_once
from convnet.executors import open_executor
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
    refuse_executor(source.executor)
    with writing_once(out, record, figures, report) as (model, *others):
        files = Files(model or out, *others, before=out if resume else None)  # type: ignore[misc]
        with open_executor(source.executor) as executor:
            opened = replace(source, executor=executor)  # type: ignore[arg-type]
            _train(recipe, opened, pixels.to_preparation(), files, seed)


@dataclass(frozen=True)
class Files:
    """What `train` writes; `before` is the model file whose unfinished training is gone on with."""

    out: Path
    record: Path | None
    figures: Path | None
    report: Path | None
    before: Path | None

    def check(self, runs: int) -> None:
        """Raise ValueError or OSError, before hours of work, for what cannot be written."""
        check_file("--out", self.out)
        check_file("--record", self.record)
        check_file("--report", self.report)
        check_folder(self.figures)
        if self.before and (self.record or self.figures or self.report) and runs > 1:
            raise ValueError(
                "--resume with --runs 2 or more takes finished members from their files, which do not hold what "
                "--record, --figures and --report show of the first member's training: leave them out, or give --runs 1"
            )


def _train(recipe: Any, source: Any, preparation: Any, files: Files, seed: int) -> None:
    files.check(recipe.runs)
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
    callbacks = [] if files.record is None else [recorder]

    def finish(member: Any) -> None:
        """Report a member and, if it is one of several, write it at once: the next may take hours."""
        report_member(member)
        if recipe.runs > 1:
            (run,) = read_record(member.model).runs
            write_model(member, data, name_member(files.out, run.seed - seed + 1))

    resumed = Resumed(files.before, data, recipe, preparation) if files.before else None
    how: dict[str, Any] = {"on_member": finish, "callbacks": callbacks, "resumed": resumed}
    study = train_recipe(data, recipe, preparation, seed=seed, executor=source.executor, **how)
    kept = read_record(study.members[0].model)
    tell(f"training images {'mirrored' if kept.mirrored['done'] else 'not mirrored'}: {kept.mirrored['why']}")
    card = write_model(study.model, data, files.out)
    if (only := metrics.only_answer(card["validation"])) is not None:
        tell(f"WARNING (validation): {evidence.explain_only(only, card['validation']['n'])}")
    if "by_group" in card["validation"]:
        tell("\n".join(["on validation,", *side_by_side.lines(card["validation"])]))
    beside = f"its {count(len(study.members), 'member')} and " if recipe.runs > 1 else ""
    tell(f"wrote {files.out}, beside it {beside}its card {files.out.with_suffix('.card.html').name}. {kept.notice}")
    if files.record is not None:
        recorder.save(files.record)
        tell(f"wrote {files.record}: the filters of {count(len(recorder.epochs) - 1, 'epoch')}")
    if files.figures is not None:
        curves = plot_history(study.members[0].history, kept.runs[0].best_epoch)
        save(curves, files.figures / "learning-curves.png")
        save(drawing.filters(study.model.model), files.figures / "filters.png")
    if files.report is not None:
        write_report(study, data, files.report)
        tell(f"wrote {files.report}: data, training, figures and examples of validation")
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
