"""`convnet import` and `convnet export`: models of other programs in, and ours out."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from convnet.commands.options import Aspect, Model, Square, Window
from convnet.commands.output import printable
from convnet.commands.preflight import check_file

Shape = Annotated[
    list[str] | None,
    typer.Option("--shape", metavar="NAME=1,3,224,224", help="Sizes of an input that the file leaves open."),
]


def import_model(
    file: Annotated[Path, typer.Argument(help="An ONNX file, or Keras's .keras file.")],
    out: Annotated[Path, typer.Option(help="The model file to write.")] = Path("model.safetensors"),
    shape: Shape = None,
    classes: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="The class of each output; `convnet diagnose` needs them.")
    ] = None,
    aspect: Square = Aspect.pad,
    window: Window = None,
) -> None:
    """Turn an ONNX or .keras file into a model file that every other command takes."""
    check_file("--out", out)
    from convnet.data.preparation import Preparation
    from convnet.output.formats import check_path
    from convnet.study.metadata import read_classes, read_preparation

    check_path(out)
    model = _load(file, shape or [])
    if classes is not None:
        size, channels = model.input_shape[0], model.input_shape[-1]
        model.metadata["classes"] = [name.strip() for name in classes.split(",")]
        model.metadata["pipeline"] = Preparation(size, aspect.value, window, channels).to_plain()
        read_classes(model)
        read_preparation(model)
    model.save(out)
    print(printable(f"{file}: {len(model.layers)} layers, {model.count_params():,} parameters"))
    for what in ("inputs", "outputs"):
        for one in model.metadata.get("onnx", {}).get(what, []):
            axes = "as in the file" if one["axes"] == sorted(one["axes"]) else f"its axes are the file's {one['axes']}"
            print(printable(f"{what[:-1]} {one['name']}: {axes}"))
    print(f"wrote {out}")


def _load(file: Path, shapes: list[str]) -> Any:
    from convnet.exchange import load_keras, load_onnx

    if file.suffix.lower() not in (".keras", ".h5"):
        return load_onnx(file, input_shapes=dict(_shape(text) for text in shapes))
    if shapes:
        raise ValueError(f"--shape is for ONNX files; {file} states its sizes")
    with warnings.catch_warnings(record=True) as notes:
        model = load_keras(file)
    for note in notes:
        print(printable(f"note: {note.message}"))
    return model


def _shape(text: str) -> tuple[str, tuple[int | None, ...]]:
    name, _, sizes = text.rpartition("=")
    numbers = sizes.split(",")
    if not name or not all(n.strip().isdigit() for n in numbers[1:]):
        raise ValueError(f"--shape {text!r}: expected NAME=SIZE,SIZE,... like x=1,3,224,224 (the first may be empty)")
    first = numbers[0].strip()
    return name, (int(first) if first.isdigit() else None, *(int(n) for n in numbers[1:]))


def export_model(
    model: Model,
    file: Annotated[Path, typer.Argument(help="The file to write, .onnx or .keras.")],
) -> None:
    """Write a model file as ONNX, with its notice and classes, or for Keras: other programs run it."""
    check_file("FILE", file)
    from convnet import load

    read = load(model)
    read.save(file) if file.suffix.lower() == ".keras" else read.export(file)
    print(f"wrote {file}")
