"""HTML pages in the project's one look: a single file without script, font or network access."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING, Any

from kernels.verify.look import HEAD, read_document_style

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.figure import Figure


def page(title: str, body: Iterable[str]) -> str:
    """Return a whole page. `body` is HTML."""
    return f"""<!doctype html>
<html lang="en"><head>{HEAD}
<title>{escape(title)}</title><style>{read_document_style()}</style></head><body><main>
<h1>{escape(title)}</h1>
{chr(10).join(body)}
</main></body></html>
"""


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table of texts that scrolls sideways on a narrow screen, by keys as well."""
    top = "".join(f"<th>{escape(h)}</th>" for h in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(c))}</td>" for c in row) + "</tr>" for row in rows)
    return f'<div class="wide" tabindex="0"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def image(png: bytes, words: str, style: str = "", width: int | None = None) -> str:
    """Return a PNG picture embedded in the page; `words` is its text alternative."""
    size = f' width="{width}"' if width else ""
    data = base64.b64encode(png).decode()
    return f'<img class="{style}"{size} alt="{escape(words)}" src="data:image/png;base64,{data}">'


def row(plots: Sequence[str]) -> str:
    """Return plots beside each other, as many as the screen is wide."""
    return f'<div class="plots">{"".join(plots)}</div>'


def plot(figure: Figure, words: str) -> str:
    """Return a matplotlib figure embedded in the page; `words` is its text alternative."""
    out = io.BytesIO()
    figure.savefig(out, dpi=110, format="png", metadata={"Software": None})
    return image(out.getvalue(), words, "plot")
