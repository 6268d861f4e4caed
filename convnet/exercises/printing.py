"""What a student's file prints: the beginning is kept and shown apart, the rest is counted."""

from __future__ import annotations

import io

LINES, LETTERS = 10, 2_000


class Printed(io.TextIOBase):
    """A stream that keeps its first LETTERS characters."""

    def __init__(self) -> None:
        self.kept, self.count = "", 0

    def writable(self) -> bool:
        """Return True: it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Keep what fits, and count everything."""
        self.kept += text[: LETTERS - len(self.kept)]
        self.count += len(text)
        return len(text)

    def lines(self) -> list[str]:
        """Return what was printed, for the end of a verdict: nothing if nothing was."""
        if not self.count:
            return []
        shown = self.kept.splitlines()[:LINES]
        more = self.count - sum(len(line) + 1 for line in shown)
        rest = [f"  ... and {more} characters more"] if more > 0 else []
        return ["", "Your file printed:", *(f"  {line}" for line in shown), *rest]
