"""Results as tables: for the terminal, or as Markdown for a README."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.quiet import NOISY


class Table:
    """A title, columns and rows of text; columns after the first `words` hold numbers."""

    def __init__(self, title: str, columns: Sequence[str], words: int = 1) -> None:
        self.title, self.columns, self.words = title, list(columns), words
        self.rows: list[list[str]] = []
        self.notes: list[str] = []

    def add(self, *cells: Any) -> None:
        self.rows.append([str(c) for c in cells])

    def show(self) -> None:
        from rich.console import Console
        from rich.table import Table as Rich

        console = Console()
        if not console.is_terminal:  # a log file has no edge to wrap at
            console = Console(width=200)
        table = Rich(title=self.title, title_justify="left", header_style="bold")
        for index, column in enumerate(self.columns):
            table.add_column(column, justify="left" if index < self.words else "right", no_wrap=True)
        for row in self.rows:
            table.add_row(*row)
        console.print(table)
        for note in self.notes:
            console.print(note, highlight=False)

    def markdown(self) -> str:
        line = ["---"] * self.words + ["---:"] * (len(self.columns) - self.words)
        lines = [f"**{self.title}**", "", *("| " + " | ".join(r) + " |" for r in (self.columns, line, *self.rows))]
        return "\n".join([*lines, "", *(f"{note}\n" for note in self.notes)])


def tell(text: str) -> None:
    """Progress for people: stderr, so that stdout stays clean for the tables."""
    print(text, file=sys.stderr, flush=True)


def seconds(value: float) -> str:
    """A time with three digits and its unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}" if value / size < 1000 else f"{value / size:.0f} {unit}"
    return f"{value / 1e-9:.0f} ns"


def shape(case: Any) -> str:
    """x and k of a convolution."""
    return f"{'×'.join(map(str, case.x))} * {'×'.join(map(str, case.k))}"


def machine_line(document: dict[str, Any]) -> str:
    """One line that says where the numbers come from."""
    m, peak = document["machine"], document["peak"]
    parts = [m["model"] or "unknown processor", f"{m['threads']} threads", f"{m['vector_bits']}-bit vectors"]
    if peak:
        last = list(peak["bandwidths"].values())[-1]
        parts.append(f"peak {peak['gflops']:.0f} GFLOP/s, memory {last:.0f} GB/s")
    if m.get("rejected") is not None:  # documents made before rounds were watched have none
        parts.append(f"{m['rejected']:.0%} of rounds rejected")
    names = [f"{n} {v}" for n, v in m["versions"].items() if n in ("numba", "torch", "tensorflow", "jax")]
    return "; ".join([*parts, f"Python {m['python']}", *names, f"commit {m['commit']}", m["date"]])


def is_disturbed(entry: dict[str, Any]) -> bool:
    """Did other programs take more than 5 % of the processors while it was measured?"""
    return (entry.get("others") or 0) > NOISY


def disturbed(document: dict[str, Any]) -> list[str]:
    """A warning that names how many measurements other programs disturbed, if any."""
    noisy = [e for e in document["records"] if is_disturbed(e)]
    if not noisy:
        return []
    worst = max(e["others"] for e in noisy)
    return [f"{len(noisy)} of {len(document['records'])} disturbed: others took up to {worst:.0%} of the processors"]
