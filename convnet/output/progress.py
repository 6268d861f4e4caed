"""What `fit` shows: a bar on a terminal, plain lines elsewhere, and a word when kernels are being compiled."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


@contextmanager
def tell_of_compilation(loud: bool) -> Iterator[None]:
    """Say once, on stderr, that kernels are being compiled, so that the wait is not taken for a hang."""
    from kernels.jit import on_compile

    told: list[str] = []

    def tell(name: str) -> None:
        if not told:
            print("Compiling kernels for this machine (kept for next time) ...", file=sys.stderr, flush=True)
        told.append(name)

    if not loud:
        yield
        return
    on_compile.append(tell)
    try:
        yield
    finally:
        on_compile.remove(tell)


def format_metrics(logs: dict[str, float]) -> str:
    """Return the metrics as text: "loss 0.1234 - accuracy 0.9500"."""
    return " - ".join(f"{name} {value:.4f}" for name, value in logs.items())


@contextmanager
def reading() -> Iterator[Any]:
    """Show a bar of the files read, on a terminal; yield what `load_folder` calls with (done, all), else None."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("Reading files"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]:>6.0f} files/s"),
        TimeRemainingColumn(),
    )
    start = time.monotonic()
    with RichProgress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, speed=0.0)

        def update(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, speed=done / max(time.monotonic() - start, 1e-3))

        yield update


def tell(line: str) -> None:
    """Print a line that no work depends on: a closed pipe or a full disk at stdout silences it and ends nothing."""
    try:
        print(line, flush=True)
    except (OSError, ValueError):  # ValueError: stdout was closed
        with suppress(OSError, ValueError):  # what is still in its buffer must not fail at the end either
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Progress:
    """The display of one `fit`. verbose: 0 nothing, 1 a bar (on a terminal), 2 a line an epoch, "auto" is 1."""

    def __init__(self, verbose: Any, epochs: int, images: int | None) -> None:
        if verbose not in ("auto", 0, 1, 2):
            raise ValueError(f"fit: verbose must be 'auto', 0, 1 or 2, got {verbose!r}")
        self.epochs, self.images = epochs, images
        self.loud = verbose != 0
        self.bar: Any = self._make_bar() if verbose in (1, "auto") and sys.stdout.isatty() else None

    @staticmethod
    def _make_bar() -> Any:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        return RichProgress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]:>7.0f} images/s"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[metrics]}"),
            transient=True,
        )

    def __enter__(self) -> Progress:
        if self.bar:
            self.bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        if self.bar:
            self.bar.stop()

    def epoch_begin(self, epoch: int) -> None:
        """Start an epoch's bar and clock."""
        self.start, self.shown = time.perf_counter(), 0.0
        if self.bar:
            for task in list(self.bar.task_ids):
                self.bar.remove_task(task)
            name = f"Epoch {epoch + 1}/{self.epochs}"
            self.task = self.bar.add_task(name, total=self.images, speed=0.0, metrics="")

    def batch_end(self, images: int, logs: Any) -> None:
        """Advance the bar. `logs` returns the metrics so far; called only when shown, 10 times a second."""
        now = time.perf_counter()
        if self.bar and (now - self.shown > 0.1):
            self.shown = now
            speed = images / (now - self.start)
            self.bar.update(self.task, completed=images, speed=speed, metrics=format_metrics(logs()))

    def epoch_end(self, epoch: int, logs: dict[str, float], seconds: float, images: int) -> None:
        """Print the epoch's line. `seconds` that training on so many images took: images/s."""
        if self.loud:
            speed = images / seconds if seconds else 0.0
            width = len(str(self.epochs))
            pace = f"({seconds:.2f} s, {speed:.0f} images/s)"
            self.say(f"Epoch {epoch + 1:{width}}/{self.epochs}  {format_metrics(logs)}  {pace}")

    def say(self, line: str) -> None:
        """Print a line, above the bar if there is one."""
        if self.bar:
            with suppress(OSError):  # the terminal was closed
                self.bar.console.print(line, highlight=False, markup=False)
        elif self.loud:
            tell(line)
