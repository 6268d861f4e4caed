"""Who is in train, val and test: never a patient in two of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from convnet.data.errors import CohortError
from convnet.data.pseudonyms import shown

FRACTIONS = {"test": 0.2, "val": 0.1, "train": 0.7}  # a tie goes to the first named


def require_apart(groups: Sequence[str], splits: Sequence[str], paths: Sequence[str]) -> None:
    """Raise CohortError if a group (a patient) is in two splits: a model would be tested on what it was trained on.

    The text counts patients and names images, never patients. An empty group is unknown: it cannot overlap.
    """
    seen: dict[str, dict[str, str]] = defaultdict(dict)
    for group, split, path in zip(groups, splits, paths, strict=True):
        if group:
            seen[group].setdefault(split, path)
    overlaps = [found for found in seen.values() if len(found) > 1]
    if overlaps:
        listed = "; ".join(", ".join(f"{shown(path)} ({split})" for split, path in o.items()) for o in overlaps[:5])
        more = f"; and {len(overlaps) - 5} more" if len(overlaps) > 5 else ""
        raise CohortError(f"{len(overlaps)} patient(s) in more than one split, an image of each: {listed}{more}")


def assign(groups: Sequence[str], labels: Sequence[str], classes: Sequence[str], seed: int = 0) -> list[str]:
    """Return a split name for each image: 70 % train, 10 % val, 20 % test, whole groups only, classes in proportion.

    groups  who each image is of; "" is a group of its own
    Of up to 50 draws in random orders, fixed by `seed` and not by the rows' order, the one with the fewest
    `faults`; if none is usable, `spare_one`; if it has no val, `fill_val`.
    Raises CohortError when a class would be missing from train, or when test would be empty.
    """
    keys = [group or f"\0{i}" for i, group in enumerate(groups)]
    members: dict[str, Counter[str]] = defaultdict(Counter)
    for key, label in zip(keys, labels, strict=True):
        members[key][label] += 1
    rng, names = np.random.Generator(np.random.Philox(seed)), sorted(members)
    best: tuple[tuple[int, int], dict[str, str]] | None = None
    for _ in range(50):
        draw = deal([names[i] for i in rng.permutation(len(names))], members, Counter(labels))
        found = faults(draw, members, classes)
        if best is None or found < best[0]:
            best = found, draw
        if found == (0, 0):
            break
    assert best is not None
    (unusable, _), chosen = best
    if unusable:
        chosen = spare_one(members, classes) or chosen
    if "val" not in chosen.values():
        chosen = fill_val(chosen, members)
    trained = {label for key, label in zip(keys, labels, strict=True) if chosen[key] == "train"}
    if absent := [c for c in classes if c not in trained]:
        raise CohortError(
            f"no image of class {', '.join(absent)} would be in train: give a split column, or more images"
        )
    if "test" not in chosen.values():
        why = "each of them alone has the images of a class" if len(members) > 1 else "there is only one"
        raise CohortError(
            f"{len(members)} patient(s) cannot be split: test would be empty, as {why}. Give a split or a patient"
            " column (files that were made anonymous often share one PatientID)"
        )
    return [chosen[key] for key in keys]


def deal(order: Sequence[str], members: dict[str, Counter[str]], total: Counter[str]) -> dict[str, str]:
    """Assign each group in turn to the split that still wants most of its images: {group: split}.

    argmax over splits of sum_c n_c (fraction * total_c - have_c), n_c the group's images of class c
    """
    have: dict[str, Counter[str]] = {split: Counter() for split in FRACTIONS}
    chosen = {}
    for name in order:
        gaps = {
            split: sum(n * (fraction * total[c] - have[split][c]) for c, n in members[name].items())
            for split, fraction in FRACTIONS.items()
        }
        rounded = {split: round(gap, 9) for split, gap in gaps.items()}  # the same ties on every machine
        chosen[name] = max(FRACTIONS, key=rounded.__getitem__)
        have[chosen[name]].update(members[name])
    return chosen


def spare_one(members: dict[str, Counter[str]], classes: Sequence[str]) -> dict[str, str]:
    """Put the smallest group that train can spare into test, the rest into train; {} if none can be spared."""
    owners = Counter(c for images in members.values() for c in images)
    for name in sorted(members, key=lambda name: (members[name].total(), name)):
        if all(owners[c] > (c in members[name]) for c in classes):
            return {**dict.fromkeys(members, "train"), name: "test"}
    return {}


def fill_val(draw: dict[str, str], members: dict[str, Counter[str]]) -> dict[str, str]:
    """Move groups into an empty val until it has about its share, first from the split that has most too many.

    A split keeps a group of every class that it has. Groups of several images need this: val wants less than one of
    them in each class, so the deal may give it none.
    """
    draw, total = dict(draw), sum(images.total() for images in members.values())
    while True:
        have, owners = Counter[str](), Counter[tuple[str, str]]()
        for name, split in draw.items():
            have[split] += members[name].total()
            owners.update((split, c) for c in members[name])
        most_first = sorted(("train", "test"), key=lambda split: FRACTIONS[split] * total - have[split])
        wanted = FRACTIONS["val"] * total - have["val"]
        spared = [
            name
            for split in most_first
            for name in draw
            if draw[name] == split and all(owners[split, c] > 1 for c in members[name])
            if not have["val"] or members[name].total() / 2 <= wanted
        ]
        if not spared:
            return draw
        draw[spared[0]] = "val"


def faults(draw: dict[str, str], members: dict[str, Counter[str]], classes: Sequence[str]) -> tuple[int, int]:
    """Return (unusable, poor), the numbers of two kinds of faults.

    unusable  classes that are not in train, and an empty test
    poor      classes of 3 or more groups that are not in test, or of 10 or more that are not in val
    """
    splits: dict[str, Counter[str]] = {c: Counter() for c in classes}
    for name, split in draw.items():
        for c in members[name]:
            splits[c][split] += 1
    unusable = sum(not found["train"] for found in splits.values()) + ("test" not in draw.values())
    poor = sum((not f["test"] and f.total() >= 3) + (not f["val"] and f.total() >= 10) for f in splits.values())
    return unusable, poor
