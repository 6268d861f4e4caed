"""Commands that time whole networks, training and cohorts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.cli_options import (
    Batch,
    Json,
    Markdown,
    Only,
    Python,
    Quick,
    Threads,
    app,
    deliver,
    find_peers,
    prepare,
)
from benchmarks.errors import load_torch_first


@app.command()
def listing(
    tensorflow_python: Python = None, jax_python: Python = None, batch: Batch = None, quick: Quick = False,
    threads: Threads = None, json: Json = None, markdown: Markdown = None,
) -> None:  # fmt: skip
    """A training step of the listing, one image, and memory: ours, PyTorch, TensorFlow, JAX in turn."""
    load_torch_first()
    from benchmarks import listing_command

    effort = prepare(quick, threads)
    pythons = find_peers({"TensorFlow": tensorflow_python, "JAX": jax_python})
    options = {"quick": quick, "batches": batch or list(listing_command.BATCHES)}
    deliver(*listing_command.run(pythons, effort, options), json, markdown)


@app.command()
def inference(
    onnxruntime_python: Python = None, openvino_python: Python = None, torch_python: Python = None,
    jax_python: Python = None, quick: Quick = False, threads: Threads = None, json: Json = None,
    markdown: Markdown = None,
) -> None:  # fmt: skip
    """The listing's answers to 1, 32 and 512 images, ours and other engines' in turn; 10,000 single ones."""
    from benchmarks import inference_command

    effort = prepare(quick, threads)
    files = find_peers({"ONNX Runtime": onnxruntime_python, "OpenVINO": openvino_python})
    given = {"PyTorch": torch_python, "JAX": jax_python}  # which take a second or a minute to compile: only if named
    pythons = files | {name: python for name, python in given.items() if python}
    deliver(*inference_command.run(pythons, effort, {"quick": quick}), json, markdown)


@app.command()
def int8(
    onnxruntime_python: Python = None, openvino_python: Python = None, quick: Quick = False, threads: Threads = None,
    json: Json = None, markdown: Markdown = None,
) -> None:  # fmt: skip
    """The listing in 8 bits and in float32, 1 and 32 images: ours, ONNX Runtime's, OpenVINO's in turn."""
    from benchmarks import int8_command

    effort = prepare(quick, threads)
    pythons = find_peers({"ONNX Runtime": onnxruntime_python, "OpenVINO": openvino_python})
    deliver(*int8_command.run(pythons, effort, {"quick": quick}), json, markdown)


@app.command()
def networks(
    torch_python: Python = None, onnxruntime_python: Python = None, openvino_python: Python = None, only: Only = None,
    compiled: Annotated[bool, typer.Option("--compiled", help="torch.compile too: needs a C++ compiler.")] = False,
    quick: Quick = False, threads: Threads = None, json: Json = None, markdown: Markdown = None,
) -> None:  # fmt: skip
    """ResNet-18, MobileNetV2 and a U-Net: a training step and answers, beside PyTorch, ONNX Runtime and OpenVINO."""
    from benchmarks import networks_command

    effort = prepare(quick, threads)
    pythons = {"PyTorch": torch_python or sys.executable}
    pythons |= find_peers({"ONNX Runtime": onnxruntime_python, "OpenVINO": openvino_python})
    options = {"quick": quick, "only": only, "compiled": compiled}
    deliver(*networks_command.run(pythons, only, compiled, effort, options), json, markdown)


@app.command()
def onnx(
    files: Annotated[list[Path] | None, typer.Argument(help="ONNX files; ResNet-18 by PyTorch if none.")] = None,
    batch: Batch = None, quick: Quick = False, threads: Threads = None, json: Json = None, markdown: Markdown = None,
) -> None:  # fmt: skip
    """A network from an ONNX file beside ONNX Runtime: batches of 1 and of 32 images unless others are given."""
    load_torch_first()
    from tempfile import TemporaryDirectory

    from benchmarks import onnx_command

    effort, batches = prepare(quick, threads), batch or [1, 32]
    with TemporaryDirectory() as folder:
        chosen = {path.stem: path for path in files or ()} or {"ResNet-18": onnx_command.resnet18(Path(folder))}
        options = {"files": sorted(chosen), "batches": batches, "quick": quick}
        deliver(*onnx_command.run(chosen, batches, effort, options), json, markdown)


@app.command()
def cold(quick: Quick = False, json: Json = None, markdown: Markdown = None) -> None:
    """Import, first compilation, and the first prediction of a process, each from a process's start to its end."""
    from benchmarks import cold_command

    deliver(*cold_command.run(1 if quick else cold_command.ROUNDS, {"quick": quick}), json, markdown)


@app.command()
def builds(
    other: Annotated[Path, typer.Argument(help="The folder of another checkout, an older one for example.")],
    quick: Quick = False, threads: Threads = None, json: Json = None, markdown: Markdown = None,
) -> None:  # fmt: skip
    """This checkout beside another one: a training step, one image, and compiling, in turn in one run."""
    import numba

    from benchmarks import builds_command

    prepare(quick, threads)
    rounds = (2, 1) if quick else (builds_command.ROUNDS, builds_command.COMPILATIONS)
    options = {"quick": quick}
    deliver(*builds_command.run(other, *rounds, numba.get_num_threads(), options), json, markdown)


@app.command()
def streaming(
    files: Annotated[int, typer.Option(min=100, help="How many DICOM files.")] = 50_000,
    size: Annotated[int, typer.Option(min=10, help="Images of SIZE x SIZE pixels are made of them.")] = 28,
    folder: Annotated[Path | None, typer.Option(help="Keep the files here, and take those that are here.")] = None,
    json: Json = None, markdown: Markdown = None,
) -> None:  # fmt: skip
    """A cohort that does not fit into memory: reading, reading again, batches at random, and the memory it takes."""
    from benchmarks import streaming_command

    deliver(*streaming_command.run(files, size, folder), json, markdown)


@app.command()
def recipe(
    source: Annotated[str, typer.Argument(help="A MedMNIST .npz file, or the word digits.")],
    json: Annotated[Path, typer.Option("--json", help="Every training, written as it ends; a second start goes on.")],
    candidates: Annotated[Path, typer.Option(help="TOML: a table of recipe settings for each.")] = Path(__file__).parent
    / "recipes"
    / "candidates.toml",
    folds: Annotated[int, typer.Option(min=2)] = 5,
    seeds: Annotated[int, typer.Option(min=1, help="Each draws the folds anew.")] = 2,
    only: Annotated[list[str] | None, typer.Option(help="Only this candidate; may be given several times.")] = None,
    markdown: Markdown = None,
) -> None:
    """Training recipes beside each other, by cross-validation on train and val: gains with standard errors."""
    from benchmarks import recipe_command

    document, tables = recipe_command.run(source, candidates, folds, seeds, only or [], json)
    deliver(document, tables, None, markdown)


@app.command()
def quantization(
    source: Annotated[str, typer.Argument(help="A MedMNIST .npz file, or the word digits.")],
    network: Annotated[str, typer.Option(help="As of `convnet train`.")] = "listing",
    epochs: Annotated[int | None, typer.Option(min=1, help="At most; the recipe's own if not given.")] = None,
    seed: int = 0,
    json: Json = None, markdown: Markdown = None,
) -> None:  # fmt: skip
    """What 8 bits cost in accuracy: a network trained, quantized, and both measured on the test split."""
    from benchmarks import quantization_command

    deliver(*quantization_command.run(source, network, epochs, seed), json, markdown)


@app.command()
def resume(quick: Quick = False, threads: Threads = None, json: Json = None, markdown: Markdown = None) -> None:
    """What a backup after every epoch costs on the document's network, beside the same training without one."""
    effort = prepare(quick, threads)
    from benchmarks import resume_command

    deliver(*resume_command.run(effort, {"quick": quick}), json, markdown)


@app.command()
def distributed(
    torch_python: Python = None,
    out: Annotated[Path | None, typer.Option(help="Draw the prediction there; .png and .svg are added.")] = None,
    quick: Quick = False, json: Json = None, markdown: Markdown = None,
) -> None:  # fmt: skip
    """A training step on one and two processes, beside PyTorch's; and what machines on a network would give."""
    from benchmarks import distributed_command

    deliver(*distributed_command.run(torch_python, out, {"quick": quick}), json, markdown)
