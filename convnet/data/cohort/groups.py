"""Which images belong together: they stand in one split, and are drawn together where intervals are measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

PATIENT, HEADER, STUDY, FILE = (
    "patient of the table",
    "PatientID",
    "study, series, frame of reference or folder",
    "file",
)


@dataclass(frozen=True)
class Owner:
    """What is known of whom one image is of.

    path     its file; patient: the table's word for the patient, "" for none
    header   pseudonym of the PatientID in its header, "" for none
    study    pseudonyms of its study, series and frame of reference, and the folder that a row names; each "" for none
    """

    path: str
    patient: str = ""
    header: str = ""
    study: dict[str, str] = field(default_factory=dict)


def group_images(owners: Sequence[Owner]) -> tuple[list[str], dict[str, int]]:
    """Return (the name of each image's group, how many images were grouped by what).

    By the table's patient; without one by the file's PatientID, for an empty cell must not hide an overlap; without
    that by study, series and frame of reference, with all images that share one of them, whoever their patient is;
    without any by the file. A group is named by the first of its paths or the table's word, so that a drawn split does
    not depend on the key of the pseudonyms.
    """
    how = [PATIENT if o.patient else HEADER if o.header else STUDY if any(o.study.values()) else FILE for o in owners]
    parents: dict[tuple[str, str], tuple[str, str]] = {}
    nodes = [node_of(o, h) for o, h in zip(owners, how, strict=True)]
    shared = {(kind, uid) for o, h in zip(owners, how, strict=True) if h == STUDY for kind, uid in o.study.items()}
    for owner, node in zip(owners, nodes, strict=True):
        for kind, uid in owner.study.items():
            if uid and (kind, uid) in shared:
                join(parents, node, (kind, uid))
    roots = [find(parents, node) for node in nodes]
    first: dict[tuple[str, str], str] = {}
    for root, owner in zip(roots, owners, strict=True):
        name = owner.patient or f"file {owner.path}"
        first[root] = min(first.get(root, name), name)
    return [first[root] for root in roots], dict(Counter(how))


def node_of(owner: Owner, how: str) -> tuple[str, str]:
    """Return what an image belongs to by itself."""
    if how == STUDY:
        return next((kind, uid) for kind, uid in owner.study.items() if uid)
    return how, {PATIENT: owner.patient, HEADER: owner.header, FILE: owner.path}[how]


def find(parents: dict[tuple[str, str], tuple[str, str]], node: tuple[str, str]) -> tuple[str, str]:
    """Return the root of a node, and shorten the way to it."""
    root = node
    while (up := parents.get(root, root)) != root:
        root = up
    while (up := parents.get(node, node)) != root:
        parents[node], node = root, up
    return root


def join(parents: dict[tuple[str, str], tuple[str, str]], one: tuple[str, str], two: tuple[str, str]) -> None:
    """Make two nodes one group."""
    a, b = find(parents, one), find(parents, two)
    if a != b:
        parents[b] = a


def describe_grouping(how: dict[str, int]) -> str:
    """Return one line on what images were grouped by."""
    parts = [f"{n} by {name}" for name in (PATIENT, HEADER, STUDY, FILE) if (n := how.get(name, 0))]
    return f"images that stay in one split: {', '.join(parts)}"
