"""Slides: a text in Markdown becomes one HTML file that moves, without a network, and pages of a PDF to print.

Slides are parted by `---`. A picture's address says how it is drawn: `animation://forward,stride=2` is one of `convnet
animate`, `picture://edges` a function of pictures.py. A quotation (`>`) is what the teacher says; the key N shows it.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from convnet.course.teacher import pictures
from convnet.course.teacher.formulas import draw_formula
from convnet.course.teacher.paper import SLIDE, make_pdf

HERE = Path(__file__).parent
SLIDES = HERE / "slides"
QUOTED = re.compile(r"^> ?(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Slide:
    """What is shown, and what is said, both in Markdown."""

    shown: str
    said: str

    @property
    def title(self) -> str:
        """The slide's heading."""
        return self.shown.splitlines()[0].lstrip("# ")


def read_deck(text: str) -> list[Slide]:
    """Return the slides of a text."""
    made = []
    for part in re.split(r"^---$", text, flags=re.MULTILINE):
        made.append(Slide(QUOTED.sub("", part).strip(), "\n".join(QUOTED.findall(part))))
    return made


def make_html(slides: Sequence[Slide]) -> str:
    """Return the deck as one HTML file."""
    show = MarkdownIt("commonmark").enable("table")
    show.add_render_rule("image", _render_image)
    show.add_render_rule("fence", _render_fence)
    body = []
    for number, slide in enumerate(slides, 1):
        said = f'<aside aria-label="what to say">{show.render(slide.said)}</aside>' if slide.said else ""
        place = f'<p class="place">{number} / {len(slides)}</p>'
        body.append(f'<section id="s{number}" tabindex="-1">{show.render(slide.shown)}{said}{place}</section>')
    style, script = ((HERE / name).read_text(encoding="utf-8") for name in ("deck.css", "deck.js"))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(slides[0].title)}</title><style>{style}</style></head><body>
<main>
{chr(10).join(body)}
</main>
<p class="keys">→ next · ← back · N what to say · print for paper</p>
<script>{script}</script></body></html>
"""


def make_slides_pdf(title: str, decks: Sequence[Sequence[Slide]]) -> bytes:
    """Return the slides of all decks as pages to print; an animation stands at its last frame."""
    return make_pdf(title, [slide.shown for deck in decks for slide in deck], SLIDE, draw_png)


def draw_png(address: str) -> bytes:
    """Return a slide's picture as a PNG file."""
    kind, name, settings = _read_address(address)
    if kind == "picture":
        return pictures.draw(name, "png")
    from convnet.explain.animation.animate import animate
    from convnet.explain.animation.gif import render_last_frame

    return render_last_frame(animate(name, **settings))


def draw_svg(address: str) -> bytes:
    """Return a slide's picture as an SVG file; animations move."""
    kind, name, settings = _read_address(address)
    if kind == "picture":
        return pictures.draw(name, "svg")
    from convnet.explain.animation.animate import animate

    return animate(name, **settings).svg().encode()


def _read_address(address: str) -> tuple[str, str, dict[str, int]]:
    """Return (kind, name, settings) of an address such as animation://forward,stride=2."""
    kind, _, rest = address.partition("://")
    name, *settings = rest.split(",")
    if kind not in ("animation", "picture"):
        raise ValueError(f"slides: a picture's address begins with animation:// or picture://, got {address!r}")
    return kind, name, {key: int(value) for key, value in (s.split("=") for s in settings)}


def _render_image(renderer: Any, tokens: Any, place: int, *_: Any) -> str:
    token = tokens[place]
    return _embed(draw_svg(token.attrs["src"]), token.content)


def _render_fence(renderer: Any, tokens: Any, place: int, *_: Any) -> str:
    token = tokens[place]
    if token.info == "math":
        return f'<p class="formula">{_embed(draw_formula(token.content, "svg", 20), token.content)}</p>'
    return f"<pre><code>{escape(token.content)}</code></pre>"


def _embed(svg: bytes, words: str) -> str:
    data = b64encode(svg).decode()
    return f'<img alt="{escape(words, quote=True)}" src="data:image/svg+xml;base64,{data}">'
