"""The commands. Exit codes: 0 done, 1 a fault of ours (a wrong or impossible result), 2 a user's error."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks import cli_gpus, cli_kernels, cli_networks  # noqa: F401  (each adds its commands)
from benchmarks.cli_options import Markdown, app, deliver


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
