"""The options of a recipe, for every command that trains: from the command line, or from a file (`--config`)."""

from __future__ import annotations

import functools
import inspect
import tomllib
from collections.abc import Callable
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from convnet.data.limits import read_text
from convnet.study.recipe import CHOICES, Recipe

HELP = {
    "network": "gap: small, with global pooling; resnet; listing: the document's; formula: sigmoid, MSE; wave: ECG.",
    "epochs": "Maximum number of epochs. Default: 100 for gap (fewer from 2,000 training images on), else 150.",
    "batch_size": "Number of images in one step.",
    "patience": "Stop after this many epochs without improvement (with --keep best).",
    "runs": "Number of models to train, from seeds SEED, SEED+1, ..., and join into an ensemble.",
    "keep": "Keep the parameters of the best epoch on val, or of the last one. Default: last for gap, else best.",
    "dropout": "Share of each dense layer's inputs to zero in training.",
    "learning_rate": "Learning rate of Adam. Default: 0.001, or 0.003 for the network formula.",
    "weight_decay": "Decoupled weight decay (AdamW).",
    "schedule": "Keep the learning rate constant, or lower it to 0 along half a cosine. Default: cosine for gap.",
    "warmup": "Raise the learning rate over this many epochs. Default: 5 for gap (a tenth at most), else 0.",
    "average": "Keep a moving average of the parameters with this decay; 0: none. Default: 0.99 for gap, else 0.",
    "label_smoothing": "Spread this share of each target over all classes.",
    "mixup": "Mix pairs of training images by shares of Beta(MIXUP, MIXUP); 0: none. Default: 0.2 for gap on classes.",
    "flip": "Mirror training images at random; auto: unless sides carry meaning.",
    "shift": "Shift training images by up to this many pixels in 28.",
    "rotate": "Rotate them by up to this many degrees.",
    "scale": "Scale them up or down by up to this share.",
    "intensity": "Change their contrast and brightness by up to this share.",
    "elastic": "Deform them smoothly by this many pixels in 28.",
    "class_weight": "balanced: every class counts the same, however rare.",
    "task": "What labels are: classes, multilabel (a|b), ordinal (grades), regression; auto: by how they look.",
    "group": "Also give one result for all images of a patient, study or series.",
    "aggregate": "How it is made of theirs: mean-log-odds, max, or top-K (such as top-3).",
    "finding": "For max and top-K of two classes: the class of which one image is enough. Default: the second.",
    "shards": "Cut each batch into this many parts, which processes under mpiexec share. Default: 8 there, else none.",
}
LIMITS: dict[str, dict[str, Any]] = {
    **{name: {"min": 1} for name in ("epochs", "batch_size", "patience", "runs")},
    **{
        name: {"min": 0}
        for name in ("weight_decay", "warmup", "mixup", "shift", "rotate", "scale", "intensity", "elastic", "shards")
    },
    **{name: {"min": 0, "max": 0.9999} for name in ("average", "label_smoothing")},
    "dropout": {"min": 0, "max": 0.95},
}
MOST, LONGEST = 2**20, 1000  # bytes of a recipe, and characters of a line: tomllib is quadratic in a key's dots
TYPES = {"int": int, "int | None": int | None, "float": float, "float | None": float | None, "str": str}


def read_config(context: typer.Context, path: Path | None) -> Path | None:
    """Take the values of a TOML file as the options' defaults; the command line overrides them."""
    if path is None:
        return None
    try:
        text = read_text(path, MOST).decode("utf-8")
        if max(map(len, text.splitlines()), default=0) > LONGEST:
            raise ValueError(f"it has a line of more than {LONGEST} characters")
        found = tomllib.loads(text)
    except RecursionError:
        raise ValueError(f"--config {path}: cannot be read as TOML: it is nested too deeply") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"--config {path}: cannot be read as TOML: {error}") from None
    if unknown := sorted(set(found) - set(HELP) - {"size", "aspect", "colour"}):
        raise ValueError(
            f"--config {path}: {unknown[0]!r} is unknown; choose one of size, aspect, colour, {', '.join(HELP)}"
        )
    context.default_map = {**(context.default_map or {}), **found}
    return path


Config = Annotated[
    Path | None,
    typer.Option("--config", is_eager=True, callback=read_config, help="TOML file with values for these options."),
]


def takes_recipe(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with --config and an option for each choice of `Recipe`; it receives the `recipe`."""

    @functools.wraps(command)
    def run(config: Any = None, **arguments: Any) -> None:
        chosen = {name: arguments.pop(name) for name in HELP}
        command(recipe=Recipe(**{n: getattr(v, "value", v) for n, v in chosen.items()}), **arguments)

    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "recipe"]
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        *(p.replace(kind=kind) for p in own),
        *(inspect.Parameter(f.name, kind, default=f.default, annotation=option(f)) for f in fields(Recipe)),
        inspect.Parameter("config", kind, default=None, annotation=Config),
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    del run.__wrapped__  # type: ignore[attr-defined]
    return run


def option(field: Any) -> Any:
    """Return a field's type and help as typer takes them; a choice is an enumeration."""
    names = CHOICES.get(field.name)
    made: Any = StrEnum(field.name, {n: n for n in names}) if names else TYPES[field.type]
    made = made | None if names and field.default is None else made
    return Annotated[made, typer.Option(help=HELP[field.name], **LIMITS.get(field.name, {}))]
