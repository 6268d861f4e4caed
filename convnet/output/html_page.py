"""What our HTML pages share: one file, no script, no font, no network; readable on a telephone and in the dark."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.figure import Figure

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a;
       background: #fff; overflow-wrap: anywhere; }
h1 { line-height: 1.2; } h2 { margin: 2.2rem 0 .4rem; font-size: 1.2rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; }
td, th { padding: .2rem 1rem .2rem 0; text-align: left; vertical-align: top; overflow-wrap: normal; }
th { color: #555; font-weight: normal; border-bottom: 1px solid #ccc; }
.notice { border-left: 4px solid #d55e00; padding: .2rem .8rem; font-weight: bold; } .good { color: #00704a; }
.bad { color: #b00020; } .muted { color: #555; }
.group { display: inline-block; vertical-align: top; border: 1px solid #bbb; border-radius: 4px; margin: .2rem;
  padding: 0 .5rem; }
figure { display: inline-block; margin: .4rem .6rem .4rem 0; } figcaption { font-size: .8rem; color: #555; }
img { max-width: 100%; image-rendering: pixelated; background: #fff; } img.plot { image-rendering: auto; }
@media (prefers-color-scheme: dark) { body { background: #16181c; color: #e6e6e6; } th, .muted, figcaption
  { color: #aaa; } .bad { color: #ff8a80; } .good { color: #6fd6a8; } }
"""


def page(title: str, body: Iterable[str]) -> str:
    """A whole page; `body` is HTML."""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{STYLE}</style></head><body>
<h1>{escape(title)}</h1>
{chr(10).join(body)}
</body></html>
"""


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table of texts, which scrolls by itself where the screen is narrow."""
    top = "".join(f"<th>{escape(h)}</th>" for h in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(c))}</td>" for c in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def image(png: bytes, words: str, style: str = "", width: int | None = None) -> str:
    """A picture within the page, with words for those who do not see it."""
    size = f' width="{width}"' if width else ""
    data = base64.b64encode(png).decode()
    return f'<img class="{style}"{size} alt="{escape(words)}" src="data:image/png;base64,{data}">'


def plot(figure: Figure, words: str) -> str:
    """A matplotlib figure within the page."""
    out = io.BytesIO()
    figure.savefig(out, dpi=110, format="png", metadata={"Software": None})
    return image(out.getvalue(), words, "plot")
