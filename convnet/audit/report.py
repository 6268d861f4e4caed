"""An audit as JSON values, as text, and as one HTML page with pictures."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np

from convnet.audit.findings import Finding, counted
from convnet.audit.reading import Collection, Image, shown_path
from convnet.data.cohort.table import SPLITS
from convnet.notice import NOTICE
from convnet.output import html_page

MOST = 12  # groups, and pictures of a group, that the page shows


def to_json(c: Collection, found: list[Finding], shortcuts: list[dict[str, Any]]) -> dict[str, Any]:
    """counts, findings with the rows of the table that show them, and every test for a shortcut."""
    return {
        "images": len(c.images),
        "patients": len({image.patient for image in c.images} - {""}),
        "counts": counts(c),
        "findings": [
            {
                "check": f.check,
                "level": f.level,
                "text": f.text,
                "rows": f.rows,
                "groups": [[described(c.images[i]) for i in g] for g in f.groups],
            }
            for f in found
        ],
        "shortcuts": shortcuts,
        "notice": NOTICE,
    }


def described(image: Image) -> dict[str, Any]:
    row = image.row
    return {"row": row.line, "frame": image.frame, "path": shown_path(image), "label": row.label, "split": row.split}


def counts(c: Collection) -> dict[str, dict[str, int]]:
    """{split: {label: images}}; the split is "all" where the table has none."""
    found = Counter((image.row.split or "all", image.row.label) for image in c.images)
    labels = sorted({label for _, label in found})
    splits = [s for s in (*SPLITS, "all") if any(split == s for split, _ in found)]
    return {s: {label: found[s, label] for label in labels} for s in splits}


def lines(result: dict[str, Any]) -> list[str]:
    """The audit as text for a terminal."""
    out = [f"{counted(result['images'], 'image')} of {counted(result['patients'], 'known patient')}"]
    out += [f"  {split}: " + ", ".join(f"{k} {n}" for k, n in of.items()) for split, of in result["counts"].items()]
    for f in result["findings"]:
        out.append(f"{f['level'].upper()}: {f['check']}: {f['text']}")
        rows = [", ".join(f"row {i['row']}" for i in g[:6]) + (", ..." if len(g) > 6 else "") for g in f["groups"]]
        rows += [f"row {line}" for line in f["rows"]]
        out += [f"    {text}" for text in rows[:5]] + ([f"    and {len(rows) - 5} more"] if len(rows) > 5 else [])
    if not result["findings"]:
        out.append("nothing was found; that does not mean that there is nothing")
    return [*out, result["notice"]]


def page(c: Collection, result: dict[str, Any], found: list[Finding]) -> str:
    """The audit as HTML: images are named by their row in the table, patients and files not at all."""
    labels = list(next(iter(result["counts"].values()), {}))
    rows = [[split, *of.values()] for split, of in result["counts"].items()]
    tally = Counter(f.level for f in found)
    style = "bad" if tally["error"] else "good"
    body = [
        f'<p class="notice">{escape(NOTICE)}</p>',
        f'<p class="{style}">{counted(tally["error"], "error")}, {counted(tally["warning"], "warning")}, '
        f"{counted(tally['note'], 'note')}.</p>",
        f"<p>{counted(result['images'], 'image')} of {counted(result['patients'], 'known patient')}. Rows are lines of "
        "the table of labels. Pictures are at most 96 pixels wide; still, look whether one shows a name before you "
        "pass this page on.</p>",
        "<h2>Images by split and label</h2>" + html_page.table(["split", *labels], rows),
        *(part for f in found for part in section(c, f)),
        *shortcut_section(result["shortcuts"]),
        "<h2>All labels</h2><p>Images drawn evenly from each label.</p>",
        *(samples(c, label) for label in labels),
    ]
    return html_page.page("Audit of images and labels", body)


def section(c: Collection, f: Finding) -> Iterator[str]:
    style = "bad" if f.level == "error" else ""
    yield f'<h2 class="{style}">{escape(f.level.capitalize())}: {escape(f.check)}</h2><p>{escape(f.text)}.</p>'
    if f.rows:
        more = f" and {len(f.rows) - 40} more" if len(f.rows) > 40 else ""
        yield f"<p>Rows {', '.join(map(str, f.rows[:40]))}{more}.</p>"
    single = all(len(g) == 1 for g in f.groups)
    for g in f.groups[: 3 * MOST if single else MOST]:
        pictures = "".join(picture(c.images[i]) for i in g[:MOST])
        rest = f'<p class="muted">and {len(g) - MOST} more</p>' if len(g) > MOST else ""
        yield pictures + rest if single else f'<div class="group">{pictures}{rest}</div>'
    left = len(f.groups) - (3 * MOST if single else MOST)
    if left > 0:
        yield f'<p class="muted">and {left} more</p>'


def picture(image: Image) -> str:
    words = f"{image.name}: {image.row.label}" + (f", {image.row.split}" if image.row.split else "")
    return (
        f"<figure>{html_page.image(png(image.thumb), words, width=96)}<figcaption>{escape(words)}</figcaption></figure>"
    )


def png(grey: np.ndarray) -> bytes:
    """A picture (H,W) in 0..1."""
    from matplotlib.image import imsave

    out = io.BytesIO()
    imsave(out, np.clip(grey, 0, 1), cmap="gray", vmin=0, vmax=1, format="png")
    return out.getvalue()


def shortcut_section(shortcuts: list[dict[str, Any]]) -> Iterator[str]:
    yield (
        "<h2>Does the label follow how the image was made?</h2><p>Patients by what their images' headers say. p: share "
        "of random permutations of the labels that fit the header as well, by Holm's rule for all tests; V: Cramer's, "
        "0 for nothing in common, 1 for all.</p>"
    )
    if not shortcuts:
        yield "<p>No header differs between images, or there is one label: nothing to test.</p>"
    for s in shortcuts:
        style, name = ("bad" if s["suspicious"] else ""), s["fact"].replace("_", " ")
        yield f'<h3 class="{style}">{escape(name)}: V {s["v"]:.2f}, p {s["p_all"]:.4f}</h3>'
        order = np.argsort([-sum(row) for row in s["patients"]], kind="stable")[:MOST]
        yield html_page.table([name, *s["labels"]], [[s["values"][i], *s["patients"][i]] for i in order])
        if len(s["values"]) > MOST:
            yield f'<p class="muted">and {len(s["values"]) - MOST} more values</p>'


def samples(c: Collection, label: str) -> str:
    """Up to twelve pictures of a label, evenly over the table."""
    at = [n for n, image in enumerate(c.images) if image.row.label == label]
    chosen = sorted({at[int(i)] for i in np.linspace(0, len(at) - 1, MOST)}) if at else []
    return f"<h3>{escape(label)}</h3>" + "".join(picture(c.images[n]) for n in chosen)
