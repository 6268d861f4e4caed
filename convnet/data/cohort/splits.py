"""Who is in train, val and test: never a patient in two of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from convnet.data.errors import CohortError
from convnet.data.pseudonyms import shown

FRACTIONS = {"test": 0.2, "val": 0.1, "train": 0.7}  # a tie goes to the first named


def require_apart(groups: Sequence[str], splits: Sequence[str], paths: Sequence[str]) -> None:
    """Raise CohortError when a group (a patient) is in two splits: it would be tested on what it was trained
    on.

    The text counts patients and names images, never patients. An empty group is nobody: it cannot overlap.
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
    """A split name for each image: 70 % train, 10 % val, 20 % test, whole groups only, classes in proportion.

    groups  who each image is of; "" is a group of its own
    Of up to 50 draws in random orders, fixed by `seed` and not by the rows' order, the one with the fewest
    `faults`; if none is usable, `spare_one`.
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
    trained = {label for key, label in zip(keys, labels, strict=True) if chosen[key] == "train"}
    if absent := [c for c in classes if c not in trained]:
        raise CohortError(
            f"no image of class {', '.join(absent)} would be in train: give a split column, or more images"
        )
    if "test" not in chosen.values():
        raise CohortError(
            f"{len(members)} patient(s) cannot be split: test would be empty. Give a split or a patient"
            " column (files that were made anonymous often share one PatientID)"
        )
    return [chosen[key] for key in keys]


def deal(order: Sequence[str], members: dict[str, Counter[str]], total: Counter[str]) -> dict[str, str]:
    """Each group in turn goes where most is still wanted: {group: split}.

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
    """With very few groups: test is the smallest that train can spare, train the rest; {} if none can be."""
    owners = Counter(c for images in members.values() for c in images)
    for name in sorted(members, key=lambda name: (members[name].total(), name)):
        if all(owners[c] > (c in members[name]) for c in classes):
            return {**dict.fromkeys(members, "train"), name: "test"}
    return {}


def faults(draw: dict[str, str], members: dict[str, Counter[str]], classes: Sequence[str]) -> tuple[int, int]:
    """(unusable, poor): classes not in train, and an empty test; classes of 3 groups or more not in test, or
    of 10 or more not in val.
    """
    splits: dict[str, Counter[str]] = {c: Counter() for c in classes}
    for name, split in draw.items():
        for c in members[name]:
            splits[c][split] += 1
    unusable = sum(not found["train"] for found in splits.values()) + ("test" not in draw.values())
    poor = sum((not f["test"] and f.total() >= 3) + (not f["val"] and f.total() >= 10) for f in splits.values())
    return unusable, poor
