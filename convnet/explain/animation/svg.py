"""An animation as SVG: one group a frame, shown in its turn by CSS."""

from __future__ import annotations

from html import escape

from convnet.explain.animation.frames import SECONDS, Motion
from convnet.explain.animation.scene import FAINT, INK, MULTIPLIED, RESULT, SIDE, Box, Label, Shape, scene


def svg(a: Motion) -> str:
    """The file's text. Without motion (print, or a reader who wants none) the last frame and all results stand."""
    s = scene(a)
    count = len(s.frames)
    rules, body = [], ["".join(map(_shape, s.still))]
    for t, (frame, result) in enumerate(zip(s.frames, s.results, strict=True)):
        start, end = (f"{100 * n / (count + 1):.4g}%" for n in (t, t + 1))  # the last frame stays twice as long
        until = "" if t == count - 1 else f"{end},100%{{visibility:hidden}}"
        hidden = "" if t == 0 else "0%{visibility:hidden}"
        rules.append(f"@keyframes f{t}{{{hidden}{start}{{visibility:visible}}{until}}}")
        rules.append(f"@keyframes r{t}{{{hidden}{start},100%{{visibility:visible}}}}")
        body.append(_group(f"f{t}", frame, "hidden" if until else "visible"))
        body.append(_group(f"r{t}", result, "visible"))
    rules.append(f"g{{animation:{SECONDS * (count + 1):.4g}s step-end infinite}}")
    rules.append("@media(prefers-reduced-motion:reduce){g{animation:none!important}}")
    style = f"rect{{stroke:#888}}{''.join(rules)}"
    size = f'viewBox="0 0 {s.width} {s.height}" width="{s.width}" height="{s.height}"'
    look = f'font-family="sans-serif" font-size="14" text-anchor="middle" fill="{INK}"'
    title = f"<title>{escape(a.title)}</title><desc>{escape('; '.join(map(a.text, a.frames)))}</desc>"
    background = f'<rect width="{s.width}" height="{s.height}" fill="white" style="stroke:none"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {look} role="img">{title}<style>{style}</style>'
    return f"{head}{_definitions()}{background}{''.join(body)}</svg>\n"


def _group(name: str, shapes: list[Shape], visibility: str) -> str:
    return f'<g style="animation-name:{name};visibility:{visibility}">{"".join(map(_shape, shapes))}</g>\n'


def _shape(shape: Shape) -> str:
    return _box(shape) if isinstance(shape, Box) else _label(shape)


_BOXES = {FAINT: "n", MULTIPLIED: "m", RESULT: "r", "none": "p"}  # each kind is defined once


def _definitions() -> str:
    one = '<rect id="{}" width="{side}" height="{side}" fill="{}"{}/>'
    dashes = ' stroke-dasharray="3 3"'
    kinds = (one.format(name, fill, dashes if name == "p" else "", side=SIDE) for fill, name in _BOXES.items())
    return f"<defs>{''.join(kinds)}</defs>"


def _box(b: Box) -> str:
    return f'<use href="#{_BOXES[b.fill]}" x="{b.x:g}" y="{b.y:g}"/>'


def _label(t: Label) -> str:
    size = "" if t.size == 14 else f' font-size="{t.size}"'
    left = "" if t.middle else ' text-anchor="start"'
    return f'<text x="{t.x:g}" y="{t.y:g}"{size}{left}>{escape(t.text)}</text>'
