"""Tables as text and as HTML: a header, rows of strings, a title above and a note below."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Any


@dataclass(frozen=True)
class Table:
    """`str()` gives it for a terminal, `_repr_html_()` for a notebook. The first `left` columns are words."""

    header: list[str]
    rows: list[list[str]]
    title: str = ""
    note: str = ""
    left: int = 1
    marked: frozenset[int] = field(default_factory=frozenset)  # rows to be seen first, drawn in bold in HTML

    def __str__(self) -> str:
        widths = [max(len(row[i]) for row in [self.header, *self.rows]) for i in range(len(self.header))]

        def line(row: list[str]) -> str:
            padded = enumerate(zip(row, widths, strict=True))
            cells = [c.ljust(w) if i < self.left else c.rjust(w) for i, (c, w) in padded]
            return "  ".join(cells).rstrip()

        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        body = [rule, line(self.header), rule, *map(line, self.rows), rule]
        return "\n".join([*([self.title] if self.title else []), *body, *([self.note] if self.note else [])])

    def __rich__(self) -> Any:
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(title=Text(self.title), caption=Text(self.note))
        for i, name in enumerate(self.header):
            table.add_column(name, justify="left" if i < self.left else "right")
        for n, row in enumerate(self.rows):
            table.add_row(*map(Text, row), style="bold" if n in self.marked else None)
        return table

    def _repr_html_(self) -> str:
        def cells(row: list[str], tag: str, weight: str = "") -> str:
            style = [f"text-align:{'left' if i < self.left else 'right'}{weight}" for i in range(len(row))]
            return "".join(f'<{tag} style="{s}">{escape(c)}</{tag}>' for s, c in zip(style, row, strict=True))

        body = "".join(
            f"<tr>{cells(row, 'td', ';font-weight:bold' if n in self.marked else '')}</tr>"
            for n, row in enumerate(self.rows)
        )
        title = f"<div>{escape(self.title)}</div>" if self.title else ""
        note = f"<div>{escape(self.note)}</div>" if self.note else ""
        return f"{title}<table><tr>{cells(self.header, 'th')}</tr>{body}</table>{note}"
