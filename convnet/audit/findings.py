"""The checks of an audit. Each gives findings: how grave, what, and which images show it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from convnet.audit import hashing
from convnet.audit.reading import Collection, Image
from convnet.data.cohort.table import SPLITS

FLAT = 0.01  # standard deviation of grey values in 0..1 below which an image shows nothing
TOP = 0.25  # share of pixels at the largest value above which an image is overexposed
FEW = 30  # images of a class below which its figures say little
ORDER = ("error", "warning", "note")


@dataclass
class Finding:
    """level: error (a figure would be false), warning (look at it), note. groups: images that belong together."""

    check: str
    level: str
    text: str
    groups: list[list[int]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)  # of the table, where there is no image


def findings(c: Collection, shortcuts: Sequence[dict[str, Any]]) -> list[Finding]:
    """All findings, the gravest first."""
    found = [
        *unreadable(c),
        *copies(c),
        *near_copies(c),
        *patients(c),
        *pixels(c.images),
        *kinds(c),
        *shapes(c.images),
        *balance(c),
        *acquisition(shortcuts),
    ]
    return sorted(found, key=lambda f: ORDER.index(f.level))


def unreadable(c: Collection) -> Iterator[Finding]:
    reasons = defaultdict(list)
    for row, reason in c.unreadable:
        reasons[reason].append(row.line)
    for reason, rows in reasons.items():
        yield Finding("unreadable", "warning", f"{counted(len(rows), 'file')} cannot be used: {reason}", rows=rows)
    if c.not_listed:
        yield Finding("not listed", "note", f"{counted(c.not_listed, 'file')} of the folder: no row names it")


def copies(c: Collection) -> Iterator[Finding]:
    """Images whose pixels are the same to the last."""
    same: dict[str, list[int]] = defaultdict(list)
    for n, image in enumerate(c.images):
        if image.sd >= FLAT:
            same[image.exact].append(n)
    yield from together("duplicate", "the same pixels", [g for g in same.values() if len(g) > 1], c, within=True)


def near_copies(c: Collection) -> Iterator[Finding]:
    """Images that are nearly the same: as a rule only of two patients or splits, for frames of one are alike."""
    if not c.images:
        return
    straight: list[tuple[int, int]] = []
    mirrored: list[tuple[int, int]] = []
    for a, b, _, is_mirrored in hashing.pairs(np.stack([image.picture for image in c.images])):
        one, two = c.images[a], c.images[b]
        if one.exact != two.exact and (one.patient != two.patient or not one.patient or one.row.split != two.row.split):
            (mirrored if is_mirrored else straight).append((a, b))
    yield from together("near-duplicate", "nearly the same picture", linked(straight), c, within=True)
    yield from together("mirrored", "nearly the same picture, mirrored", linked(mirrored), c, within=False)


def linked(pairs: list[tuple[int, int]]) -> list[list[int]]:
    """Groups of images that are linked by pairs, in order."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not pairs:
        return []
    members, ends = np.unique(np.array(pairs), return_inverse=True)
    a, b = ends.reshape(-1, 2).T
    _, of = connected_components(coo_array((np.ones(len(a)), (a, b)), shape=(len(members), len(members))))
    groups = [members[of == g].tolist() for g in range(of.max() + 1)]
    return sorted(groups)


def together(check: str, what: str, groups: list[list[int]], c: Collection, within: bool) -> Iterator[Finding]:
    """Groups of alike images: across splits, under several labels, and the rest."""
    rest = []
    across, conflicts = [], []
    for g in groups:
        torn = len({c.images[i].row.label for i in g}) > 1
        leaks = len({c.images[i].row.split for i in g}) > 1
        conflicts += [g] if torn else []
        across += [g] if leaks else []
        rest += [] if torn or leaks else [g]
    if across:
        yield Finding(check, "error", f"{counted(len(across), 'group')} of {what} in several splits", across)
    if conflicts:
        yield Finding(
            "label conflict", "error", f"{counted(len(conflicts), 'group')} of {what}, several labels", conflicts
        )
    if rest and within:
        yield Finding(check, "warning", f"{counted(len(rest), 'group')} of {what} in one split, one label", rest)


def patients(c: Collection) -> Iterator[Finding]:
    people: dict[str, list[int]] = defaultdict(list)
    for n, image in enumerate(c.images):
        if image.patient:
            people[image.patient].append(n)
    unknown = sum(not image.patient for image in c.images)
    if unknown:
        text = f"{counted(unknown, 'image')} of an unknown patient: splits by patient cannot be checked for them"
        yield Finding("patients", "warning", text)
    torn = [g for g in people.values() if len({c.images[i].row.split for i in g}) > 1]
    if torn:
        text = f"{counted(len(torn), 'patient')} in several splits: tested on whom it was trained on"
        yield Finding("patients", "error", text, torn)
    mixed = [g for g in people.values() if len({c.images[i].row.label for i in g}) > 1]
    if mixed:
        text = f"{counted(len(mixed), 'patient')} with several labels: right where labels are of images"
        yield Finding("patients", "note", text, mixed)
    if not c.has_splits:
        yield Finding("splits", "note", "The table has no split column: nothing was checked across splits")


def pixels(images: Sequence[Image]) -> Iterator[Finding]:
    flat = [n for n, image in enumerate(images) if image.sd < FLAT]
    if flat:
        text = f"{counted(len(flat), 'image')} (almost) constant: nothing to see"
        yield Finding("constant", "error", text, [[n] for n in flat])
    burnt = [n for n, image in enumerate(images) if image.sd >= FLAT and image.top > TOP]
    if burnt:
        text = f"{counted(len(burnt), 'image')} with more than {TOP:.0%} of pixels at the largest value: overexposed?"
        yield Finding("saturated", "warning", text, [[n] for n in burnt])


def kinds(c: Collection) -> Iterator[Finding]:
    """Images whose modality or body part is not that of most."""
    for name in ("modality", "body_part"):
        values = Counter(image.facts[name] for image in c.images if image.facts[name])
        if len(values) < 2:
            continue
        usual = values.most_common(1)[0][0]
        odd = [n for n, image in enumerate(c.images) if image.facts[name] not in ("", usual)]
        others = ", ".join(f"{v} ({n})" for v, n in values.most_common()[1:6])
        text = f"{name.replace('_', ' ')}: {usual} in most, but {others}"
        yield Finding(f"wrong {name.replace('_', ' ')}", "warning", text, [[n] for n in odd])
    if c.waveforms and c.images:
        yield Finding("wrong modality", "error", f"{counted(c.waveforms, 'electrocardiogram')} among the images")


def shapes(images: Sequence[Image]) -> Iterator[Finding]:
    for name in ("size", "window"):
        values = Counter(image.facts[name] or "not stated" for image in images)
        if len(values) > 1:
            most = ", ".join(f"{v} ({n})" for v, n in values.most_common(6)) + (", ..." if len(values) > 6 else "")
            yield Finding(f"mixed {name}s", "note", f"{len(values)} {name}s: {most}")


def balance(c: Collection) -> Iterator[Finding]:
    totals = Counter(image.row.label for image in c.images)
    if len(totals) < 2:
        names = ", ".join(totals) or "none"
        yield Finding("classes", "error", f"fewer than two classes among the readable images: {names}")
        return
    few = {label: n for label, n in totals.items() if n < FEW}
    if few:
        text = ", ".join(f"{label} ({n})" for label, n in few.items())
        yield Finding("classes", "warning", f"fewer than {FEW} images: {text}; figures for them say little")
    largest, smallest = max(totals.values()), min(totals.values())
    if largest > 3 * smallest:
        text = f"the largest class has {largest / smallest:.1f} times the images of the smallest: accuracy misleads"
        yield Finding("classes", "warning", text)
    if c.has_splits:
        for split in SPLITS:
            present = {image.row.label for image in c.images if image.row.split == split}
            if absent := sorted(set(totals) - present):
                yield Finding("classes", "error", f"split {split} lacks {', '.join(absent)}")


def acquisition(shortcuts: Iterable[dict[str, Any]]) -> Iterator[Finding]:
    for s in shortcuts:
        if s["suspicious"]:
            text = (
                f"the label follows {s['fact'].replace('_', ' ')}: Cramer's V {s['v']:.2f}, p {s['p_all']:.4f}; it "
                f"alone would guess {s['guess']:.0%} of patients' labels, the commonest label {s['baseline']:.0%}"
            )
            yield Finding("shortcut", "warning", text)


def counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
