"""The commands. Exit codes: 0 done, 1 a fault of ours (a wrong or impossible result), 2 a user's error."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

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
    allocate: Annotated[bool, typer.Option("--allocate", help="Ours make new arrays each time, as PyTorch does.")] = False,
    json: Json = None, markdown: Markdown = None,
) -> None:  # fmt: skip
    """The same against PyTorch, in turn in one process: ratios with their intervals."""
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


def main() -> None:
    """Run the command line; known errors become one line on stderr."""
    from benchmarks.results import ImpossibleError
    from benchmarks.tasks import WrongResultError

    try:
        app()
    except (WrongResultError, ImpossibleError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except (ValueError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
