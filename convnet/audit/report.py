"""An audit as JSON values, as text, and as one HTML page with pictures."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np

from convnet.audit.findings import Finding
from convnet.audit.outcomes import name_outcomes
from convnet.audit.reading import Collection, Image, name_row, shown_path
from convnet.data.cohort.table import SPLITS
from convnet.data.pseudonyms import shown
from convnet.notice import NOTICE
from convnet.output import html_page
from convnet.output.words import count

STYLES = {"error": "bad", "warning": "warn", "note": ""}
MOST = 12  # groups, and pictures of a group, that the page shows


def to_json(c: Collection, found: list[Finding], shortcuts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return counts, findings with the rows of the table that show them, and every test for a shortcut."""
    return {
        "images": len(c.images),
        "patients": len({image.patient for image in c.images} - {""}),
        "counts": counts(c),
        "findings": [
            {
                "check": f.check,
                "level": f.level,
                "text": f.text,
                "rows": [row.line for row in f.rows],
                "files": [shown(row.path) for row in f.rows],
                "groups": [[describe_image(c.images[i]) for i in g] for g in f.groups],
            }
            for f in found
        ],
        "shortcuts": shortcuts,
        "notice": NOTICE,
    }


def describe_image(image: Image) -> dict[str, Any]:
    """Return how the result names an image."""
    row = image.row
    return {"row": row.line, "frame": image.frame, "path": shown_path(image), "label": row.label, "split": row.split}


def counts(c: Collection) -> dict[str, dict[str, int]]:
    """Return {split: {class, finding or fifth of the measurements: images}}; "all" if the table has no splits."""
    named = name_outcomes([image.row.label for image in c.images])
    pairs = zip(c.images, named, strict=True)
    found = Counter((image.row.split or "all", name) for image, names in pairs for name in names)
    labels = sorted({label for _, label in found})
    splits = [s for s in (*SPLITS, "all") if any(split == s for split, _ in found)]
    return {s: {label: found[s, label] for label in labels} for s in splits}


def lines(result: dict[str, Any]) -> list[str]:
    """Return the audit as text for a terminal."""
    out = [f"{count(result['images'], 'image')} of {count(result['patients'], 'known patient')}"]
    out += [f"  {split}: " + ", ".join(f"{k} {n}" for k, n in of.items()) for split, of in result["counts"].items()]
    for f in result["findings"]:
        out.append(f"{f['level'].upper()}: {f['check']}: {f['text']}")
        rows = [", ".join(map(named, g[:6])) + (", ..." if len(g) > 6 else "") for g in f["groups"]]
        rows += [f"row {line} ({file})" for line, file in zip(f["rows"], f["files"], strict=True)]
        out += [f"    {text}" for text in rows[:5]] + ([f"    and {len(rows) - 5} more"] if len(rows) > 5 else [])
    if not result["findings"]:
        out.append("nothing was found; a clean audit does not prove clean data")
    return [*out, result["notice"]]


def named(image: dict[str, Any]) -> str:
    """Return the row and file of one image of the result."""
    return f"row {image['row']} ({image['path']})" + (f", frame {image['frame']}" if image["frame"] else "")


def verdict(found: list[Finding]) -> tuple[str, str]:
    """Return (the style of the page's verdict, the verdict): green for nothing but notes."""
    tally = Counter(f.level for f in found)
    counted = ", ".join(count(tally[level], level) for level in ("error", "warning", "note"))
    if tally["error"]:
        return "bad", f"{counted}: metrics would be wrong until the errors are mended."
    if tally["warning"]:
        return "warn", f"{counted}: look at each warning before you train."
    return "good", f"{counted}. A clean audit does not prove clean data."


def page(c: Collection, result: dict[str, Any], found: list[Finding]) -> str:
    """Return the audit as HTML: the findings first. Images are named by their row and file, patients are not named."""
    labels = list(next(iter(result["counts"].values()), {}))
    rows = [[split, *of.values()] for split, of in result["counts"].items()]
    style, says = verdict(found)
    body = [
        f'<p class="notice">{escape(NOTICE)}</p>',
        f'<p class="verdict {style}">{escape(says)}</p>',
        f"<p>{count(result['images'], 'image')} of {count(result['patients'], 'known patient')}. Files are named as "
        "the table names them, with the table's line. Pictures are at most 96 pixels wide, but check that no picture "
        "and no file's name shows a patient's before you share this page.</p>",
        *index(found),
        *(part for number, f in enumerate(found, 1) for part in section(c, f, number)),
        "<h2>Images by split and label</h2>" + html_page.table(["split", *labels], rows),
        *shortcut_section(result["shortcuts"]),
        "<h2>All labels</h2><p>A sample of each label, taken evenly over the table.</p>",
        *(samples(c, label) for label in labels),
    ]
    return html_page.page("Audit of images and labels", body)


def index(found: list[Finding]) -> Iterator[str]:
    """Yield the HTML of a list of all findings, each a link to its section."""
    if found:
        yield "<h2>Findings</h2><ol>"
        for number, f in enumerate(found, 1):
            style, level = STYLES[f.level], f"{f.level.capitalize()}: {f.check}"
            link = f'<a href="#finding-{number}"><span class="{style}">{escape(level)}</span></a>'
            yield f"<li>{link}: {escape(f.text)}.</li>"
        yield "</ol>"


def section(c: Collection, f: Finding, number: int) -> Iterator[str]:
    """Yield the HTML of one finding, with the images and files that show it."""
    name = escape(f"{f.level.capitalize()}: {f.check}")
    yield f'<h3 id="finding-{number}" class="{STYLES[f.level]}">{name}</h3><p>{escape(f.text)}.</p>'
    if f.rows:
        more = f"<li>and {len(f.rows) - 40} more</li>" if len(f.rows) > 40 else ""
        yield f"<ul>{''.join(f'<li>{escape(name_row(row))}</li>' for row in f.rows[:40])}{more}</ul>"
    single = all(len(g) == 1 for g in f.groups)
    for g in f.groups[: 3 * MOST if single else MOST]:
        pictures = "".join(picture(c.images[i]) for i in g[:MOST])
        rest = f'<p class="muted">and {len(g) - MOST} more</p>' if len(g) > MOST else ""
        yield pictures + rest if single else f'<div class="group">{pictures}{rest}</div>'
    left = len(f.groups) - (3 * MOST if single else MOST)
    if left > 0:
        yield f'<p class="muted">and {left} more</p>'


def picture(image: Image) -> str:
    """Return the HTML of one image and its caption."""
    words = f"{image.name}: {image.row.label}" + (f", {image.row.split}" if image.row.split else "")
    return (
        f"<figure>{html_page.image(png(image.thumb), words, width=96)}<figcaption>{escape(words)}</figcaption></figure>"
    )


def png(grey: np.ndarray) -> bytes:
    """Return a picture (H,W) in 0..1 as PNG."""
    from matplotlib.image import imsave

    out = io.BytesIO()
    imsave(out, np.clip(grey, 0, 1), cmap="gray", vmin=0, vmax=1, format="png")
    return out.getvalue()


def shortcut_section(shortcuts: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the HTML of the tests for shortcuts."""
    yield (
        "<h2>Does the label follow how the image was made?</h2><p>Number of patients by header value and label. p is "
        "the share of random permutations of the labels that fit the header equally well, corrected for the number of "
        "tests (Holm); V is Cramer's: 0 for no association, 1 for a perfect one.</p>"
    )
    if not shortcuts:
        yield "<p>Nothing to test: no header differs between images, or all images have one label.</p>"
    for s in shortcuts:
        style, name = ("bad" if s["suspicious"] else ""), s["fact"].replace("_", " ")
        yield f'<h3 class="{style}">{escape(name)}: V {s["v"]:.2f}, p {s["p_all"]:.4f}</h3>'
        order = np.argsort([-sum(row) for row in s["patients"]], kind="stable")[:MOST]
        yield html_page.table([name, *s["labels"]], [[s["values"][i], *s["patients"][i]] for i in order])
        if len(s["values"]) > MOST:
            yield f'<p class="muted">and {len(s["values"]) - MOST} more values</p>'


def samples(c: Collection, label: str) -> str:
    """Return the HTML of up to twelve pictures of a label, evenly over the table."""
    named = name_outcomes([image.row.label for image in c.images])
    at = [n for n, names in enumerate(named) if label in names]
    chosen = sorted({at[int(i)] for i in np.linspace(0, len(at) - 1, MOST)}) if at else []
    return f"<h3>{escape(label)}</h3>" + "".join(picture(c.images[n]) for n in chosen)
