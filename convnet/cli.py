"""The command `convnet`. Exit codes: 0 done, 1 a fault of ours, 2 a user's error (one line on stderr)."""

from __future__ import annotations

import io
import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from convnet.preflight import check_file, check_folder, check_size

INTERRUPTED = 130

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="The CNN engine you can read, prove and race. For research and teaching. Not for clinical use.",
)


class Network(StrEnum):
    listing = "listing"
    gap = "gap"
    formula = "formula"


class Aspect(StrEnum):
    pad = "pad"
    crop = "crop"
    stretch = "stretch"


Labels = Annotated[Path | None, typer.Option(help="Table (CSV) with columns path,label and optional patient,split.")]
Npz = Annotated[Path | None, typer.Option(help="A MedMNIST .npz file instead of a folder.")]
Folder = Annotated[Path | None, typer.Argument(help="Folder of DICOM files, searched recursively.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write the result as JSON to this file; - is the screen.")]
Figures = Annotated[Path | None, typer.Option(help="Folder for PNG figures.")]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first file that cannot be read.")]
Seed = Annotated[int, typer.Option(min=0, help="Start of all random numbers.")]
Window = Annotated[
    tuple[float, float] | None, typer.Option(metavar="CENTRE WIDTH", help="Grey-level window (HU for CT).")
]


def say(text: str) -> None:
    """Progress for people: stderr, so that stdout stays clean for results."""
    print(text, file=sys.stderr, flush=True)


def emit(result: Any, path: Path | None, text: list[str]) -> None:
    """The result as JSON to a file or stdout if asked for, else as text on stdout."""
    if path is not None and str(path) == "-":
        print(json.dumps(result, indent=2, ensure_ascii=False))
        return
    print("\n".join(text))
    if path is not None:
        from convnet.demo import write_json

        write_json(path, result)


def load_cohort(
    folder: Path | None,
    labels: Path | None,
    npz: Path | None,
    strict: bool,
    pipeline: dict[str, Any],
    classes: tuple[str, ...] | None = None,
) -> Any:
    """The cohort that the arguments name; a word on every file that was left out."""
    from convnet.data import cohort
    from convnet.data.folder import NOT_LISTED

    if npz is not None and folder is not None:
        raise ValueError("give either a FOLDER of DICOM files with --labels CSV, or --npz FILE.npz, not both")
    if npz is not None:
        if labels is not None:
            raise ValueError("--labels goes with a FOLDER; an .npz file holds its own labels")
        data = cohort.load_npz(npz, size=pipeline["size"], aspect=pipeline["aspect"], classes=classes)
    elif folder is None:
        raise ValueError("what data? Give a FOLDER of DICOM files with --labels CSV, or --npz FILE.npz")
    elif labels is None:
        raise ValueError("a FOLDER needs --labels CSV, a table with the columns path,label")
    else:
        data = cohort.load_folder(folder, labels, strict=strict, classes=classes, **pipeline)
    unlisted = [s for s in data.skipped if s.reason == NOT_LISTED]
    for skipped in data.skipped:
        if skipped.reason != NOT_LISTED:
            say(f"left out: {skipped.path}: {skipped.reason}")
    if unlisted:
        say(f"{len(unlisted)} files of the folder are not in the table, for instance {unlisted[0].path}")
    return data


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder to write to; it must not exist or be empty.")] = Path(
        "convnet-demo"
    ),
    digits: Annotated[bool, typer.Option("--digits", help="The listing itself, on handwritten digits.")] = False,
    seed: Seed = 0,
) -> None:
    """Simulated CT study -> train -> evaluate -> one diagnosis, with the ideal observer beside it."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} exists and is not empty: choose another folder with --out, or remove it")
    out.mkdir(parents=True, exist_ok=True)
    from convnet import demo as demonstration

    if digits:
        demonstration.run_digits(out, print, seed)
    else:
        demonstration.run(out, print, seed)


@app.command()
def train(
    folder: Folder = None,
    labels: Labels = None,
    npz: Npz = None,
    out: Annotated[Path, typer.Option(help="The model file to write (.safetensors).")] = Path("model.safetensors"),
    network: Annotated[
        Network, typer.Option(help="The listing's; gap for larger images; formula: sigmoid and MSE.")
    ] = (Network.listing),
    size: Annotated[int, typer.Option(min=1, max=2048, help="Images become SIZE x SIZE pixels.")] = 28,
    aspect: Annotated[Aspect, typer.Option(help="How an oblong image becomes square.")] = Aspect.pad,
    window: Window = None,
    epochs: Annotated[int, typer.Option(min=1)] = 150,
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    patience: Annotated[int, typer.Option(min=1, help="Stop after so many epochs without a better one.")] = 50,
    dropout: Annotated[float, typer.Option(min=0.0, max=0.95)] = 0.5,
    augment: Annotated[bool, typer.Option(help="Mirror and shift training images at random.")] = True,
    figures: Figures = None,
    strict: Strict = False,
    seed: Seed = 0,
) -> None:
    """Train on the split `train`, choose the epoch on `val`, write the model; `test` is not looked at."""
    check_file("--out", out)
    check_folder(figures)
    check_size(network.value, size)
    pipeline: dict[str, Any] = {"size": size, "aspect": aspect.value, "window": window}
    data = load_cohort(folder, labels, npz, strict, pipeline)
    from convnet import figures as drawing
    from convnet import study

    print(f"{len(data.y)} images, classes {', '.join(data.classes)}: {data.counts()}")
    model, history = study.train(
        data,
        network=network.value,
        seed=seed,
        epochs=epochs,
        batch_size=batch_size,
        patience=patience,
        dropout=dropout,
        augment=augment,
    )
    model.metadata["pipeline"] = pipeline
    model.save(out)
    facts = model.metadata
    print(
        f"kept epoch {facts['best_epoch']} of {facts['epochs_run']}: {facts['chosen_by']} {facts['chosen_value']:.4f}"
    )
    print(f"wrote {out}. {facts['notice']}")
    if figures is not None:
        drawing.save(drawing.learning_curves(history, facts["best_epoch"]), figures / "learning-curves.png")
        drawing.save(drawing.filters(model), figures / "filters.png")


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(help="A model file.")],
    folder: Folder = None,
    labels: Labels = None,
    npz: Npz = None,
    split: Annotated[str, typer.Option(help="train, val, test, or all.")] = "test",
    positive: Annotated[str | None, typer.Option(help="The class that sensitivity speaks of (two classes).")] = None,
    json_path: Json = None,
    figures: Figures = None,
    strict: Strict = False,
) -> None:
    """Accuracy, AUC, confusion and sensitivities of a model on one split."""
    if split not in ("train", "val", "test", "all"):
        raise ValueError(f"--split {split!r} is unknown: choose train, val, test or all")
    check_file("--json", json_path)
    check_folder(figures)
    from convnet import evaluation, study
    from convnet import figures as drawing
    from convnet.weights import load

    trained = load(model)
    classes = study.classes_of(trained)
    place = None if positive is None else evaluation.positive_index(classes, positive)
    data = load_cohort(folder, labels, npz, strict, study.pipeline_of(trained), classes)
    result, p = study.evaluate(trained, data, split, positive)
    result["skipped"] = [{"path": str(s.path), "reason": s.reason} for s in data.skipped]
    if split in ("test", "all") and result["seen_in_training"]:
        say(
            f"WARNING: {result['seen_in_training']} of {result['n']} images stand, pixel for pixel, in the data that "
            "the model was trained or chosen on: these figures flatter it. (A table without a split column is dealt "
            "anew whenever its rows or files change: add one.)"
        )
    emit(result, json_path, evaluation.lines(result))
    if figures is not None:
        x, y = (data.x, data.y) if split == "all" else data.split(split)
        drawing.save(drawing.confusion(result), figures / "confusion.png")
        drawing.save(drawing.roc(y, p, classes, place), figures / "roc.png")
        drawing.save(drawing.feature_maps(trained, x[0]), figures / "feature-maps.png")


@app.command()
def diagnose(
    model: Annotated[Path, typer.Argument(help="A model file.")],
    files: Annotated[list[Path], typer.Argument(help="DICOM files.")],
    json_path: Json = None,
    strict: Strict = False,
) -> None:
    """Probabilities for each image. For research and teaching. Not for clinical use."""
    check_file("--json", json_path)
    from convnet.diagnose import diagnose as run
    from convnet.diagnose import lines
    from convnet.weights import load

    if folders := [str(f) for f in files if f.is_dir()]:
        raise ValueError(f"{folders[0]} is a folder: give its files, for instance {folders[0]}/*.dcm")
    result = run(load(model), files)
    for entry in result["failed"]:
        say(f"convnet: {entry['reason']}")
    emit(result, json_path, [*lines(result), result["notice"]])
    if result["failed"] and (strict or not result["images"]):
        raise typer.Exit(2)


@app.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="A DICOM file.")],
    size: Annotated[int, typer.Option(min=1, max=2048)] = 28,
    aspect: Aspect = Aspect.pad,
    window: Window = None,
    frame: Annotated[int, typer.Option(min=0, help="Which frame of a multi-frame file.")] = 0,
    picture: Annotated[Path | None, typer.Option(help="PNG of every step.")] = None,
) -> None:
    """What a file is, and what the pixel pipeline does to it, step by step."""
    check_file("--picture", picture)
    from convnet.data import dicom
    from convnet.figures import pipeline_steps, save

    for name, value in dicom.describe(file).items():
        print(f"{name:>20}: {value}")
    steps = dicom.steps(file, size=size, aspect=aspect.value, window=window, frame=frame)
    for number, step in enumerate(steps, 1):
        a = step.array
        print(f"{number}. {step.name}: {step.what}")
        print(f"   {'x'.join(map(str, a.shape))} {a.dtype}, from {a.min():.6g} to {a.max():.6g}")
    if picture is not None:
        save(pipeline_steps(steps), picture)
        print(f"wrote {picture}")


def main() -> None:
    """Run the command line; every error is one line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter of a name
    try:
        code = app(standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except typer.Exit as error:
        code = error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except (ValueError, OSError, ImportError) as error:
        code = _fail(str(error), 2)
    except MemoryError as error:
        code = _fail(f"not enough memory: {error}", 2)
    except Exception as error:
        usage = getattr(error, "format_message", None)  # typer's own errors carry one
        if usage is not None:
            code = _fail(usage(), 2)
        elif os.environ.get("CONVNET_TRACEBACK"):
            raise
        else:
            hint = "this is a fault in convnet; CONVNET_TRACEBACK=1 shows where"
            code = _fail(f"{type(error).__name__}: {error} ({hint})", 1)
    if code == INTERRUPTED:  # typer turns Ctrl-C into this code, without a word
        _fail("interrupted", INTERRUPTED)
    sys.exit(code or 0)


def _fail(message: str, code: int) -> int:
    print("convnet: " + " ".join(message.split()), file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
