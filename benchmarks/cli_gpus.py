"""Commands about GPUs, with one and without."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.cli_options import Capability, Json, Markdown, More, Only, Quick, Threads, app, deliver, prepare
from benchmarks.errors import load_torch_first


@app.command()
def static(
    more: More = None, cc: Capability = None, only: Only = None, json: Json = None, markdown: Markdown = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep the passes that the file of --json has from a run that "
        "was stopped, or that had another --only.")] = False,
) -> None:  # fmt: skip
    """Every CUDA kernel without a GPU: registers, spills, occupancy, hot loops, memory traffic, predicted times."""
    from benchmarks import static_command

    gpus = static_command.parse([*(cc or []), *(more or [])])
    options = {"only": only, "cc": [g.cc for g in gpus]}
    deliver(*static_command.run(gpus, only, options, json, resume), json, markdown)


@app.command()
def emulated(batch: Annotated[int, typer.Option(min=1)] = 2, quick: Quick = False, json: Json = None,
    markdown: Markdown = None,
    beside: Annotated[Path | None, typer.Option(help="Instead: the emulator's speed beside that of another checkout in "
        "this folder.")] = None,
) -> None:  # fmt: skip
    """A training step of the listing on the emulated GPU, kernel by kernel: no GPU needed."""
    from benchmarks import emulated_beside, emulated_command

    if beside is not None:
        calls = 1 if quick else 5
        deliver(*emulated_beside.run(beside, calls, {"calls": calls, "quick": quick}), json, markdown)
        return
    deliver(*emulated_command.run(batch, {"steps": 1 if quick else 5, "quick": quick}), json, markdown)


@app.command()
def gpu(
    emulated: Annotated[bool, typer.Option("--emulated", help="The same on the emulator, on tiny arrays: no GPU "
        "needed, and the seconds say nothing of one.")] = False,
    out: Annotated[Path | None, typer.Option(help="Draw the roofline there; .png and .svg are added.")] = None,
    sanitizer: Annotated[bool, typer.Option(help="Let compute-sanitizer, where it is installed, look at a quick "
        "verification first.")] = True,
    sanitizer_limit: Annotated[float, typer.Option(min=1, help="Seconds for each of its four tools.")] = 300,
    only: Only = None, quick: Quick = False, threads: Threads = None, json: Json = None, markdown: Markdown = None,
) -> None:  # fmt: skip
    """On your GPU: verify every CUDA kernel, time it beside cuDNN, CuPy and the CPU, and beside what was predicted."""
    load_torch_first()
    from benchmarks import gpu_command

    effort = prepare(quick, threads)
    target = "cuda-emulated" if emulated else "cuda"
    wishes = gpu_command.Wishes(target, only, out, json, sanitizer_limit if sanitizer else 0)
    deliver(*gpu_command.run(wishes, effort, {"only": only, "quick": quick}), json, markdown)
