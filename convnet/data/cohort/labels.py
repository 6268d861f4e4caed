"""What labels look like, where that is not what one class an image needs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

SEPARATORS = "|;,"
MARKS = "|;"  # those that separate the findings of one image
MANY = 20  # distinct numbers from which labels are taken for measurements, if they are half of the images or more


def describe_labels(labels: Sequence[str], task: str = "auto") -> Iterator[str]:
    """Yield a sentence for each thing about the labels that is probably not meant, or that a task recognised in them.

    task  what the labels are, by the user's word; "auto" if it is recognised
    """
    for group in alike(labels) if task != "regression" else ():
        counts = Counter(labels)
        listed = ", ".join(f"{label!r} ({counts[label]})" for label in group)
        yield f"labels that differ only in case, spaces or number format are probably the same class: {listed}"
    if several := multiple(labels):
        if task == "auto" and any(mark in several[0] for mark in MARKS):
            how = "are read as several findings of one image (multilabel); --task classes takes each cell as a class"
            yield f"cells such as {several[0]!r} {how}"
        elif task in ("auto", "classes"):
            yield (
                f"cells that name several findings, such as {several[0]!r}, count as classes of their own: separate "
                "findings by '|' for --task multilabel"
            )
    if measured(labels) and task in ("auto", "classes"):
        read = (
            "are read as a measurement (regression); --task classes takes"
            if task == "auto"
            else "look like measurements, not like classes;"
        )
        rest = "each as a class" if task == "auto" else "--task regression takes them so"
        yield f"{len(set(labels))} different numbers for {len(labels)} images {read} {rest}"


def alike(labels: Sequence[str]) -> list[list[str]]:
    """Return the groups of labels that differ only in case, spaces, or as 0 and 0.0 do."""
    found = defaultdict(set)
    for label in labels:
        found[normal(label)].add(label)
    return [sorted(group) for _, group in sorted(found.items()) if len(group) > 1]


def normal(label: str) -> str:
    """Return a label as it is compared: without case, and with spaces, '_' and '-' as one; numbers by value."""
    text = " ".join(label.replace("_", " ").replace("-", " ").casefold().split())
    value = number(label)
    return text if value is None else f"{value:.12g}"


def number(label: str) -> float | None:
    """Return a label's value if it is a finite number."""
    try:
        value = float(label.replace(",", "."))
    except ValueError:
        return None
    return value if abs(value) < float("inf") and "_" not in label else None


def measured(labels: Sequence[str]) -> bool:
    """Return True if the labels are so many different numbers that they look like a measurement."""
    names = set(labels)
    few = len(names) < max(MANY, len(labels) / 2)
    return not few and all(number(name) is not None for name in names)


def multiple(labels: Sequence[str]) -> list[str]:
    """Return the labels that join several others, the most frequent first: 'Effusion|Mass' beside 'Mass'."""
    counts = Counter(labels)
    found = []
    for mark in SEPARATORS:
        parts = {label: [part.strip() for part in label.split(mark)] for label in counts}
        joined = [label for label, of in parts.items() if len(of) > 1 and all(of)]
        single = {of[0] for of in parts.values() if len(of) == 1}
        shared = Counter(part for label in joined for part in set(parts[label]))
        found += [label for label in joined if any(p in single or shared[p] > 1 for p in parts[label])]
    return sorted(found, key=lambda label: -counts[label])
