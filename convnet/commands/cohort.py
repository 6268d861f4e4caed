"""The images that a command's arguments name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, is_dataclass
from typing import TYPE_CHECKING, Any

from convnet.commands.options import (
    Aspect,
    Cache,
    Colour,
    Folder,
    LabelColumn,
    Labels,
    Limit,
    Npz,
    PathColumn,
    PatientColumn,
    Size,
    Slices,
    SplitColumn,
    Square,
    Strict,
    Window,
    Workers,
)
from convnet.commands.output import say
from convnet.commands.preflight import check_size
from convnet.executors import open_executor
from convnet.output.progress import reading
from convnet.output.words import count

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort
    from convnet.data.cohort.table import Columns
    from convnet.data.preparation import Preparation
    from convnet.study.recipe import Recipe


@dataclass(frozen=True)
class Source:
    """Options that name labelled images, and how they are read."""

    folder: Folder = None
    labels: Labels = None
    npz: Npz = None
    strict: Strict = False
    path_column: PathColumn = "path"
    label_column: LabelColumn = "label"
    patient_column: PatientColumn = None
    split_column: SplitColumn = None
    limit: Limit = None
    cache: Cache = True
    executor: Workers = None

    def to_columns(self) -> Columns:
        """Return what the table's columns are called."""
        from convnet.data.cohort.table import Columns

        return Columns(self.path_column, self.label_column, self.patient_column, self.split_column)


@dataclass(frozen=True)
class Pixels:
    """Options that say how pixels are prepared."""

    size: Size = 28
    aspect: Square = Aspect.pad
    window: Window = None
    colour: Colour = False
    slices: Slices = "axial"

    def to_preparation(self) -> Preparation:
        """Return them as the record that a model file keeps."""
        from convnet.data.preparation import Preparation

        return Preparation(self.size, self.aspect.value, self.window, 3 if self.colour else 1, self.slices)


def expand_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with the fields of each record that it takes (`Source`, `Pixels`) as options of its own."""
    import functools
    import inspect

    own = list(inspect.signature(command, eval_str=True).parameters.values())
    records: dict[str, Any] = {p.name: p.annotation for p in own if is_dataclass(p.annotation)}
    fields = {
        name: list(inspect.signature(record, eval_str=True).parameters.values()) for name, record in records.items()
    }

    @functools.wraps(command)
    def run(**arguments: Any) -> None:
        for name, record in records.items():
            arguments[name] = record(**{field.name: arguments.pop(field.name) for field in fields[name]})
        command(**arguments)

    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [q.replace(kind=kind) for p in own for q in fields.get(p.name, [p])]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    del run.__wrapped__  # type: ignore[attr-defined]
    return run


def load_training_cohort(recipe: Recipe, source: Source, preparation: Preparation) -> tuple[Cohort, Recipe]:
    """Load the cohort for a command that trains -> cohort, the recipe completed for it.

    Say what keeps images together when they are split, and what the recipe is.

    ValueError if the network cannot take images of this size, before any is read.
    """
    assert preparation.size is not None
    check_size(recipe.network, preparation.size)
    refuse_unused(source, preparation)
    data = load_cohort(source, preparation, task=recipe.task)
    if data.notes.grouping:
        say(data.notes.grouping)
    complete = recipe.complete(data)
    off = recipe.mixup is None and recipe.network == "gap" and not complete.mixup
    say(f"recipe: {complete.describe()}")
    if off:
        say(f"MixUp is off: it mixes two classes, and the task here is {data.task}")
    return data, complete


def refuse_unused(source: Source, preparation: Preparation) -> None:
    """Raise ValueError for options that would change nothing: whoever gives them expects that they do."""
    if source.npz is not None and (preparation.window is not None or preparation.slices != "axial"):
        raise ValueError("--window and --slices go with a FOLDER; an .npz file holds pictures that are already grey")


def load_cohort(
    source: Source, preparation: Preparation, classes: tuple[str, ...] | None = None, task: str = "auto"
) -> Cohort:
    """Load the cohort that the options name, and report every file that was left out."""
    from convnet.data import cohort
    from convnet.data.limits import parse_limits

    folder, labels, npz = source.folder, source.labels, source.npz
    source.to_columns().require_table(labels)
    if npz is not None and folder is not None:
        raise ValueError("give either a FOLDER of images with --labels CSV, or --npz FILE.npz, not both")
    if npz is not None:
        if labels is not None:
            raise ValueError("--labels goes with a FOLDER; an .npz file holds its own labels")
        settings = {name: getattr(preparation, name) for name in ("size", "aspect", "channels")}
        data = cohort.load_npz(npz, classes=classes, limits=parse_limits(source.limit or ()), task=task, **settings)
    elif folder is None:
        raise ValueError("what data? Give a FOLDER of images with --labels CSV, or --npz FILE.npz")
    else:
        data = load_folder(source, preparation, classes, task)
    report_left_out(data, preparation)
    return data


def load_folder(source: Source, preparation: Preparation, classes: tuple[str, ...] | None, task: str) -> Cohort:
    """Load a folder and its table, with a progress bar on a terminal."""
    from convnet.data import cohort
    from convnet.data.limits import parse_limits

    bounds = parse_limits(source.limit or ())
    with open_executor(source.executor) as executor, reading() as on_progress:
        return cohort.load_folder(
            source.folder,  # type: ignore[arg-type]
            source.labels,  # type: ignore[arg-type]
            **vars(preparation),
            strict=source.strict,
            classes=classes,
            on_progress=on_progress,
            limits=bounds,
            cache=source.cache,
            executor=executor,
            columns=source.to_columns(),
            task=task,
        )


def describe_mixtures(data: Cohort) -> Iterator[str]:
    """Yield a warning for each way in which the images were not all made: a network may learn that instead."""
    for name, word in (("modality", "modalities"), ("window", "windows"), ("kernel", "convolution kernels")):
        values = Counter(data.fact(name))
        if len(values) > 1:
            common = ", ".join(f"{value or 'none stated'} ({n})" for value, n in values.most_common(4))
            more = ", ..." if len(values) > 4 else ""
            remedy = "; --window gives them all one" if name == "window" else ""
            mixed = f"images of {len(values)} {word}: {common}{more}"
            yield f"{mixed}; `convnet audit` says whether the labels follow them{remedy}"


def report_left_out(data: Cohort, preparation: Preparation) -> None:
    """Report what was left out or ignored, and what the labels look like."""
    from convnet.data.cohort.folder import NOT_LISTED

    coloured = sum(p not in ("", "MONOCHROME1", "MONOCHROME2") for p in data.fact("photometric"))
    if coloured and preparation.channels == 1:
        say(f"{coloured} of {len(data.y)} images are stored in colour and read as grey; train with --colour to keep it")
    unlisted = [s for s in data.skipped if s.reason == NOT_LISTED]
    for skipped in data.skipped:
        if skipped.reason != NOT_LISTED:
            say(f"left out: {skipped.path}: {skipped.reason}")
    for text, files in Counter(remark.reason for remark in data.notes.remarks).most_common():
        say(f"{files} of the files: {text}")
    for text in (*data.notes.labels, *describe_mixtures(data)):
        say(text)
    if unlisted:
        say(f"not in the table: {count(len(unlisted), 'file')} of the folder, for instance {unlisted[0].path}")
