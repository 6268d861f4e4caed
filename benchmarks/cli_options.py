"""The command line: its options, and what every command begins and ends with."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.util import find_spec
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
Winograd = Annotated[bool, typer.Option("--winograd", help="Only cpu_winograd beside cpu, every pass of 3x3 layers.")]
MatrixUnit = Annotated[bool, typer.Option("--matrix-unit", help="The rungs on Intel's AMX beside cpu and PyTorch.")]
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
    """The effort, with a watch on the neighbours unless it is a quick one; Numba's threads are set."""
    import numba

    from benchmarks import neighbours, sampling

    if threads:
        if threads > numba.config.NUMBA_NUM_THREADS:
            raise ValueError(f"--threads {threads}: this machine has {numba.config.NUMBA_NUM_THREADS}")
        numba.set_num_threads(threads)
    return sampling.QUICK if quick else replace(sampling.FULL, watch=neighbours.watch_cache())


def find_peers(given: dict[str, str | None]) -> dict[str, str]:
    """Return a Python for every peer: the given one, or this one if it has the peer; the others are left out."""
    there = {name: python or find_spec(name.lower().replace(" ", "")) for name, python in given.items()}
    return {name: given[name] or sys.executable for name, found in there.items() if found}
