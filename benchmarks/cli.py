"""The commands. Exit codes: 0 done, 1 a fault of ours (a wrong or impossible result), 2 a user's error."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.errors import load_torch_first

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Verify, then time, then verify again: our kernels alone and beside their peers.",
)

Json = Annotated[Path | None, typer.Option("--json", help="Write everything measured, every sample, to this file.")]
Markdown = Annotated[Path | None, typer.Option("--markdown", help="Write the tables to this file as Markdown.")]
Only = Annotated[str | None, typer.Option(help="Only cases whose name contains this.")]
Quick = Annotated[bool, typer.Option("--quick", help="A few short samples: to see that it works, not to report.")]
Ops = Annotated[bool, typer.Option("--ops", help="The other operations instead of convolution.")]
Winograd = Annotated[bool, typer.Option("--winograd", help="Only cpu_winograd beside cpu, every pass of 3x3 layers.")]
LadderOps = Annotated[bool, typer.Option("--ops", help="The ladders of maxpool2d and dense instead of conv2d's.")]
Allocate = Annotated[bool, typer.Option("--allocate", help="Ours make new arrays each time, as PyTorch does.")]
Batch = Annotated[list[int] | None, typer.Option(help="Batch size, may be given several times.")]
Python = Annotated[str | None, typer.Option(help="A Python that has it, if this one does not.")]
Capability = Annotated[list[str] | None, typer.Option("--cc", help="Compute capability, 8.0; more may follow.")]
More = Annotated[list[str] | None, typer.Argument(hidden=True)]  # --cc 8.0 9.0: an option has one value each
Kernel = Annotated[Path | None, typer.Option(help="Your own file with a `forward` like reference.py's.")]
Picture = Annotated[Path, typer.Option(help="Where to draw; .png and .svg are added.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads for everybody; all cores if not given.")]


def deliver(document: dict[str, Any], tables: list[Any], json: Path | None, markdown: Path | None) -> None:
    """Tables on the terminal, and files where asked for."""
    from benchmarks import results

    for table in tables:
        table.show()
    if json:
        results.write(json, document)
    if markdown:
        markdown.parent.mkdir(parents=True, exist_ok=True)
        markdown.write_text("\n".join(t.markdown() for t in tables), encoding="utf-8")


def prepare(quick: bool, threads: int | None) -> Any:
    """The effort; Numba's threads are set."""
    import numba

    from benchmarks import sampling

    if threads:
        if threads > numba.config.NUMBA_NUM_THREADS:
            raise ValueError(f"--threads {threads}: this machine has {numba.config.NUMBA_NUM_THREADS}")
        numba.set_num_threads(threads)
    return sampling.QUICK if quick else sampling.FULL


@app.command()
def kernels(
    only: Only = None, ops: Ops = False, quick: Quick = False, threads: Threads = None, json: Json = None,
    markdown: Markdown = None,
) -> None:  # fmt: skip
    """Every case and pass of ours: time, GFLOP/s, GB/s, percent of this machine's peak."""
    from benchmarks import cases, kernels_command, op_tasks, tasks

    effort = prepare(quick, threads)
    if ops:
        todo = (t for case in cases.chosen(cases.OPS, only) for t in op_tasks.tasks(case))
    else:
        todo = (t for case in cases.chosen(cases.CONV, only) for t in tasks.conv_tasks(case))
    options = {"only": only, "ops": ops, "quick": quick}
    deliver(*kernels_command.run(todo, effort, options), json, markdown)


@app.command()
def peers(
    only: Only = None, ops: Ops = False, quick: Quick = False, threads: Threads = None,
    allocate: Allocate = False,
    json: Json = None, markdown: Markdown = None,
) -> None:  # fmt: skip
    """The same against PyTorch, in turn in one process: ratios with their intervals."""
    load_torch_first()
    from benchmarks import cases, op_tasks, peers_command, tasks, torch_conv, torch_ops

    effort = prepare(quick, threads)
    torch = torch_conv.load()

    def convolutions() -> Any:
        for case in cases.chosen(cases.CONV, only):
            problem = tasks.ConvProblem(case)
            for name in tasks.PASSES:
                yield problem.task(name, allocate=allocate), torch_conv.task(torch, problem, name)

    def others() -> Any:
        for case in cases.chosen(cases.OPS, only):
            for task in op_tasks.tasks(case):
                yield task, torch_ops.task(torch, task)

    options = {"only": only, "ops": ops, "quick": quick, "allocate": allocate}
    deliver(*peers_command.run(others() if ops else convolutions(), effort, options), json, markdown)


@app.command()
def listing(
    tensorflow_python: Python = None, jax_python: Python = None, batch: Batch = None, quick: Quick = False,
    threads: Threads = None, json: Json = None, markdown: Markdown = None,
) -> None:  # fmt: skip
    """A training step of the listing, one image, and memory: ours, PyTorch, TensorFlow, JAX in turn."""
    load_torch_first()
    from importlib.util import find_spec

    from benchmarks import listing_command

    effort = prepare(quick, threads)
    pythons = {}
    for name, given in (("TensorFlow", tensorflow_python), ("JAX", jax_python)):
        if given or find_spec(name.lower()):
            pythons[name] = given or sys.executable
    options = {"quick": quick, "batches": batch or list(listing_command.BATCHES)}
    deliver(*listing_command.run(pythons, effort, options), json, markdown)


@app.command()
def ladder(
    kernel: Kernel = None, only: Only = None, ops: LadderOps = False, winograd: Winograd = False, quick: Quick = False,
    threads: Threads = None, json: Json = None, markdown: Markdown = None,
) -> None:  # fmt: skip
    """Every variant of conv2d, rung by rung, and your own; or of maxpool2d and dense."""
    from benchmarks import cases, ladder_command, winograd_command

    if (kernel is not None) + ops + winograd > 1:
        raise ValueError("ladder: --kernel, --ops and --winograd are different ladders: give one of them")
    effort = prepare(quick, threads)
    options = {"kernel": kernel and kernel.name, "only": only, "ops": ops, "winograd": winograd, "quick": quick}
    if winograd:
        todo = cases.chosen(winograd_command.CASES, only)
        deliver(*winograd_command.run(todo, effort, options), json, markdown)
        return
    if ops:
        rungs = cases.chosen(cases.LADDER_OPS, only)
        deliver(*ladder_command.run_ops(rungs, effort, options), json, markdown)
        return
    todo = cases.chosen(cases.CONV, only) if only else cases.LADDER
    deliver(*ladder_command.run(kernel, todo, effort, options), json, markdown)


@app.command()
def scaling(quick: Quick = False, threads: Threads = None, json: Json = None, markdown: Markdown = None) -> None:
    """How conv2d's time grows with batch, side, channels, filters and threads."""
    from benchmarks import scaling_command

    deliver(*scaling_command.run(prepare(quick, threads), {"quick": quick}), json, markdown)


@app.command()
def roofline(
    out: Picture = Path("roofline"), quick: Quick = False, threads: Threads = None, json: Json = None,
    markdown: Markdown = None,
) -> None:  # fmt: skip
    """Measure this machine's roof and draw the rungs under it."""
    load_torch_first()
    from benchmarks import roofline_command

    deliver(*roofline_command.run(out, prepare(quick, threads), {"quick": quick}), json, markdown)


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
def static(
    more: More = None, cc: Capability = None, only: Only = None, json: Json = None, markdown: Markdown = None,
) -> None:  # fmt: skip
    """Every CUDA kernel without a GPU: registers, spills, occupancy, hot loops, memory traffic, predicted times."""
    from benchmarks import static_command

    gpus = static_command.parse([*(cc or []), *(more or [])])
    deliver(*static_command.run(gpus, only, {"only": only, "cc": [g.cc for g in gpus]}), json, markdown)


@app.command()
def emulated(batch: Annotated[int, typer.Option(min=1)] = 2, quick: Quick = False, json: Json = None,
    markdown: Markdown = None,
) -> None:  # fmt: skip
    """A training step of the listing on the emulated GPU, kernel by kernel: no GPU needed."""
    from benchmarks import emulated_command

    deliver(*emulated_command.run(batch, {"steps": 1 if quick else 5, "quick": quick}), json, markdown)


@app.command()
def gpu(
    emulated: Annotated[bool, typer.Option("--emulated", help="The same on the emulator, on tiny arrays: no GPU "
        "needed, and the seconds say nothing of one.")] = False,
    out: Annotated[Path | None, typer.Option(help="Draw the roofline there; .png and .svg are added.")] = None,
    only: Only = None, quick: Quick = False, threads: Threads = None, json: Json = None, markdown: Markdown = None,
) -> None:  # fmt: skip
    """On your GPU: verify every CUDA kernel, time it beside cuDNN, CuPy and the CPU, and beside what was predicted."""
    load_torch_first()
    from benchmarks import gpu_command

    effort = prepare(quick, threads)
    target = "cuda-emulated" if emulated else "cuda"
    deliver(*gpu_command.run(target, only, out, effort, {"only": only, "quick": quick}), json, markdown)


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
def compare(first: Path, second: Path, markdown: Markdown = None) -> None:
    """Two JSON files of one command: what became faster, slower, or cannot be decided."""
    from benchmarks import compare_command, results

    table = compare_command.table(results.read(first), results.read(second))
    deliver({}, [table], None, markdown)


def main() -> None:
    """Run the command line; known errors become one line on stderr."""
    from benchmarks.errors import ImpossibleError, WrongResultError

    try:
        app()
    except (WrongResultError, ImpossibleError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except (ValueError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
