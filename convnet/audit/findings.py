"""The checks of an audit. Each yields findings: how severe, what, and which images show it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from convnet.audit import hashing
from convnet.audit.outcomes import name_outcomes
from convnet.audit.reading import Collection, Image
from convnet.data.cohort.labels import describe_labels
from convnet.data.cohort.table import SPLITS, Row
from convnet.output.words import count

FLAT = 0.01  # standard deviation of grey values in 0..1 below which an image shows nothing
TOP = 0.25  # share of pixels at the largest value above which an image is overexposed
FEW = 30  # images of a class below which its metrics mean little
ORDER = ("error", "warning", "note")


@dataclass
class Finding:
    """One problem. level: error (metrics would be wrong), warning (look at it) or note; groups: of similar images."""

    check: str
    level: str
    text: str
    groups: list[list[int]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)  # of the table, where there is no image


def findings(c: Collection, shortcuts: Sequence[dict[str, Any]]) -> list[Finding]:
    """Return all findings, the most severe first."""
    found = [
        *unreadable(c),
        *headers(c),
        *labels(c),
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
    """Report the files that cannot be used, by reason, and those that no row names."""
    reasons = defaultdict(list)
    for row, reason in c.unreadable:
        reasons[reason].append(row)
    for reason, rows in reasons.items():
        yield Finding("unreadable", "warning", f"{count(len(rows), 'file')} cannot be used: {reason}", rows=rows)
    if c.not_listed:
        yield Finding("not listed", "note", f"{count(c.not_listed, 'file')} of the folder: no row names it")


def headers(c: Collection) -> Iterator[Finding]:
    """Report what was ignored in headers so that the images could be read."""
    found = defaultdict(list)
    for row, text in c.remarks:
        found[text].append(row)
    for text, rows in found.items():
        yield Finding("header", "warning", f"{count(len(rows), 'file')}: {text}", rows=rows)


def labels(c: Collection) -> Iterator[Finding]:
    """Report labels that are probably not meant as they are written."""
    for text in describe_labels([image.row.label for image in c.images]):
        yield Finding("labels", "warning", text)


def copies(c: Collection) -> Iterator[Finding]:
    """Report images whose pixels are all identical."""
    same: dict[str, list[int]] = defaultdict(list)
    for n, image in enumerate(c.images):
        if image.sd >= FLAT:
            same[image.exact].append(n)
    yield from together("duplicate", "identical images", [g for g in same.values() if len(g) > 1], c, within=True)


def near_copies(c: Collection) -> Iterator[Finding]:
    """Report images that are nearly identical, unless one patient's images in one split: frames resemble each other."""
    if not c.images:
        return
    straight: list[tuple[int, int]] = []
    mirrored: list[tuple[int, int]] = []
    for a, b, _, is_mirrored in hashing.pairs(np.stack([image.picture for image in c.images])):
        one, two = c.images[a], c.images[b]
        if one.exact != two.exact and (one.patient != two.patient or not one.patient or one.row.split != two.row.split):
            (mirrored if is_mirrored else straight).append((a, b))
    yield from together("near-duplicate", "nearly identical images", linked(straight), c, within=True)
    yield from together("mirrored", "nearly identical images, one mirrored", linked(mirrored), c, within=False)


def linked(pairs: list[tuple[int, int]]) -> list[list[int]]:
    """Return the groups of images that are linked by pairs, in order."""
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
    """Report groups of similar images: those across splits, those with several labels, and the rest if `within`."""
    rest = []
    across, conflicts = [], []
    for g in groups:
        torn = len({c.images[i].row.label for i in g}) > 1
        leaks = len({c.images[i].row.split for i in g}) > 1
        conflicts += [g] if torn else []
        across += [g] if leaks else []
        rest += [] if torn or leaks else [g]
    if across:
        yield Finding(check, "error", f"{count(len(across), 'group')} of {what} in several splits", across)
    if conflicts:
        yield Finding(
            "label conflict", "error", f"{count(len(conflicts), 'group')} of {what}, several labels", conflicts
        )
    if rest and within:
        yield Finding(check, "warning", f"{count(len(rest), 'group')} of {what} in one split, one label", rest)


def patients(c: Collection) -> Iterator[Finding]:
    """Report unknown patients, patients in several splits, and patients with several labels."""
    people: dict[str, list[int]] = defaultdict(list)
    for n, image in enumerate(c.images):
        if image.patient:
            people[image.patient].append(n)
    unknown = sum(not image.patient for image in c.images)
    if unknown:
        text = f"{count(unknown, 'image')} of an unknown patient: splits are checked by study, series and file"
        yield Finding("patients", "warning", text)
    alone = defaultdict(list)
    for n, (image, group) in enumerate(zip(c.images, c.groups, strict=True)):
        if not image.patient:
            alone[group].append(n)
    leaks = [g for g in alone.values() if len({c.images[i].row.split for i in g}) > 1]
    if leaks:
        text = f"{count(len(leaks), 'group')} of one study, series or file in several splits: a leak"
        yield Finding("patients", "error", text, leaks)
    torn = [g for g in people.values() if len({c.images[i].row.split for i in g}) > 1]
    if torn:
        text = f"{count(len(torn), 'patient')} in several splits: their test images resemble training images"
        yield Finding("patients", "error", text, torn)
    mixed = [g for g in people.values() if len({c.images[i].row.label for i in g}) > 1]
    if mixed:
        text = f"{count(len(mixed), 'patient')} with several labels: correct if labels describe images"
        yield Finding("patients", "note", text, mixed)
    if not c.has_splits:
        yield Finding("splits", "note", "The table has no split column: nothing was checked across splits")


def pixels(images: Sequence[Image]) -> Iterator[Finding]:
    """Report images that are constant or overexposed, and those of which a window cuts much off."""
    flat = [n for n, image in enumerate(images) if image.sd < FLAT]
    if flat:
        text = f"{count(len(flat), 'image')} (almost) constant: they show nothing"
        yield Finding("constant", "error", text, [[n] for n in flat])
    white = [n for n, image in enumerate(images) if image.sd >= FLAT and image.top > TOP]
    burnt = [n for n in white if not images[n].windowed]
    if cut := [n for n in white if images[n].windowed]:
        seen = f"{count(len(cut), 'image')} whose window shows more than {TOP:.0%} of the pixels white"
        text = f"{seen}, as a lung window does: is it the window that you want?"
        yield Finding("window", "note", text, [[n] for n in cut])
    if burnt:
        text = f"{count(len(burnt), 'image')} with more than {TOP:.0%} of pixels at the largest value: overexposed?"
        yield Finding("saturated", "warning", text, [[n] for n in burnt])


def kinds(c: Collection) -> Iterator[Finding]:
    """Report images whose modality or body part differs from that of most images."""
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
        yield Finding("wrong modality", "error", f"{count(c.waveforms, 'electrocardiogram')} among the images")


def shapes(images: Sequence[Image]) -> Iterator[Finding]:
    """Report several sizes, windows or convolution kernels among the images."""
    for name in ("size", "window", "kernel"):
        values = Counter(image.facts[name] or "not stated" for image in images)
        if len(values) > 1:
            most = ", ".join(f"{v} ({n})" for v, n in values.most_common(6)) + (", ..." if len(values) > 6 else "")
            yield Finding(f"mixed {name}s", "note", f"{len(values)} {name}s: {most}")


def balance(c: Collection) -> Iterator[Finding]:
    """Report rare classes, unequal classes, and splits that lack a class."""
    named = name_outcomes([image.row.label for image in c.images])
    totals = Counter(name for names in named for name in names)
    if len(totals) < 2:
        names = ", ".join(totals) or "none"
        yield Finding("classes", "error", f"fewer than two classes among the readable images: {names}")
        return
    few = {label: n for label, n in totals.items() if n < FEW}
    if few:
        text = ", ".join(f"{label} ({n})" for label, n in few.items())
        yield Finding("classes", "warning", f"fewer than {FEW} images: {text}; metrics for them mean little")
    largest, smallest = max(totals.values()), min(totals.values())
    if largest > 3 * smallest:
        text = f"the largest class has {largest / smallest:.1f} times the images of the smallest: accuracy misleads"
        yield Finding("classes", "warning", text)
    if c.has_splits:
        for split in SPLITS:
            here = [names for image, names in zip(c.images, named, strict=True) if image.row.split == split]
            present = {name for names in here for name in names}
            if absent := sorted(set(totals) - present):
                yield Finding("classes", "error", f"split {split} lacks {', '.join(absent)}")


def acquisition(shortcuts: Iterable[dict[str, Any]]) -> Iterator[Finding]:
    """Report labels that follow how the image was made (`shortcuts.shortcuts`)."""
    for s in shortcuts:
        if s["suspicious"]:
            text = (
                f"the label follows {s['fact'].replace('_', ' ')}: Cramer's V {s['v']:.2f}, p {s['p_all']:.4f}; it "
                f"alone would predict {s['guess']:.0%} of patients' labels, the most frequent label {s['baseline']:.0%}"
            )
            yield Finding("shortcut", "warning", text)
