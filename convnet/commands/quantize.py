"""`convnet quantize`: what it asks for and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from convnet.commands.cohort import Source, expand_options, load_cohort
from convnet.commands.options import Json, Model
from convnet.commands.output import emit, say
from convnet.commands.preflight import check_file


@expand_options
def quantize(
    model: Model,
    source: Source,
    out: Annotated[Path, typer.Option(help="The model file to write.")] = Path("model-int8.safetensors"),
    images: Annotated[int, typer.Option(min=1, help="How many training images to calibrate by, at most.")] = 512,
    keep: Annotated[
        list[str] | None, typer.Option(metavar="LAYER", help="Leave this layer in float32; may be given several times.")
    ] = None,
    json_path: Json = None,
) -> None:
    """Turn a model's layers into 8 bits, calibrated on training images: a quarter of the size; metrics of both."""
    check_file("--out", out)
    check_file("--json", json_path)
    from convnet.model import load
    from convnet.quantization import quantize as to_8_bits
    from convnet.study.metadata import read_classes, read_preparation, read_record
    from convnet.study.quantized import calibration_images, compare, describe, learn_domain

    trained = load(model)
    classes, record = read_classes(trained), read_record(trained)
    data = load_cohort(source, read_preparation(trained), classes, record.task)
    made = to_8_bits(trained, calibration_images(data, images), keep=keep or [])
    if record.scope is not None:
        say("the training domain is learned again, from what the 8-bit layers find in the training images")
        learn_domain(made, data)
    made.save(out)
    result: dict[str, Any] = compare(trained, made, data)
    result["bytes"] = {"before": model.stat().st_size, "after": out.stat().st_size}
    emit(result, json_path, [*describe(result), f"wrote {out}"])
