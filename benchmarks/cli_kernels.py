"""Commands that time kernels: ours, rung by rung, and beside PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.cli_options import (
    Allocate,
    Json,
    Kernel,
    LadderOps,
    Markdown,
    MatrixUnit,
    Only,
    Ops,
    Picture,
    Quick,
    Threads,
    Winograd,
    app,
    deliver,
    prepare,
)
from benchmarks.errors import load_torch_first


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
def ladder(
    kernel: Kernel = None, only: Only = None, ops: LadderOps = False, winograd: Winograd = False,
    matrix_unit: MatrixUnit = False, quick: Quick = False, threads: Threads = None, json: Json = None,
    markdown: Markdown = None,
) -> None:  # fmt: skip
    """Every variant of conv2d, rung by rung, and your own; or of maxpool2d and dense."""
    if (kernel is not None) + ops + winograd + matrix_unit > 1:
        raise ValueError(
            "ladder: --kernel, --ops, --winograd and --matrix-unit are different ladders: give one of them"
        )
    if matrix_unit:
        _ladder_of_the_matrix_unit(only, quick, threads, json, markdown)
        return
    from benchmarks import cases, ladder_command, winograd_command

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


def _ladder_of_the_matrix_unit(
    only: str | None, quick: bool, threads: int | None, json: Path | None, markdown: Path | None
) -> None:
    load_torch_first()
    from importlib.util import find_spec

    from benchmarks import cases, matrix_unit_command, torch_conv

    effort, todo = prepare(quick, threads), cases.chosen(matrix_unit_command.CASES, only)
    torch = torch_conv.load() if find_spec("torch") else None
    options = {"only": only, "matrix_unit": True, "quick": quick}
    deliver(*matrix_unit_command.run(todo, effort, options, torch), json, markdown)


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
