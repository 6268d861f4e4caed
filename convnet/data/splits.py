"""Who is in train, val and test: never a patient in two of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from convnet.data.errors import CohortError

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
        shown = "; ".join(", ".join(f"{path} ({split})" for split, path in o.items()) for o in overlaps[:5])
        more = f"; and {len(overlaps) - 5} more" if len(overlaps) > 5 else ""
        raise CohortError(
            f"{len(overlaps)} patient(s) in more than one split, an image of each: {shown}{more}"
        )


def assign(groups: Sequence[str], labels: Sequence[str], classes: Sequence[str], seed: int = 0) -> list[str]:
    """A split name for every image: 70 % train, 10 % val, 20 % test, whole groups only, classes in
    proportion.

    Groups are taken in a random order fixed by `seed` (not by the rows' order); each goes where most is still
    wanted: argmax over splits of sum_c n_c (fraction * total_c - have_c), n_c its images of class c. Each ""
    is a group of its own.
    Raises CohortError when a class would be missing from train, or when test would be empty.
    """
    keys = [group or f"\0{i}" for i, group in enumerate(groups)]
    total = Counter(labels)
    members: dict[str, Counter[str]] = defaultdict(Counter)
    for key, label in zip(keys, labels, strict=True):
        members[key][label] += 1
    have: dict[str, Counter[str]] = {split: Counter() for split in FRACTIONS}
    chosen: dict[str, str] = {}
    names = sorted(members)
    for i in np.random.Generator(np.random.Philox(seed)).permutation(len(names)):
        images = members[names[i]]

        def wanted(split: str, images: Counter[str] = images) -> float:
            gap = sum(n * (FRACTIONS[split] * total[c] - have[split][c]) for c, n in images.items())
            return round(gap, 9)  # so that equal gaps are ties on every machine

        chosen[names[i]] = max(FRACTIONS, key=wanted)
        have[chosen[names[i]]].update(images)
    absent = [c for c in classes if not have["train"][c]]
    if absent:
        raise CohortError(
            f"no image of class {', '.join(absent)} would be in train: give a split column, or more images"
        )
    if not have["test"]:
        raise CohortError(
            f"{len(members)} patient(s) cannot be split: test would be empty. Give a split or a patient"
            " column (files that were made anonymous often share one PatientID)"
        )
    return [chosen[key] for key in keys]
