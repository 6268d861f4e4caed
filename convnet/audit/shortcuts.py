"""Does the label follow how the image was made? Then a network may learn the scanner instead of the disease."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from convnet.audit.outcomes import name_one
from convnet.audit.reading import Image

FACTS = ("manufacturer", "modality", "body_part", "laterality", "size", "window", "kernel", "sex", "age")
DRAWS = 9999
P, V = 0.01, 0.1  # reported where p (Holm's) is below the first and Cramer's V at least the second


def shortcuts(images: Sequence[Image]) -> list[dict[str, Any]]:
    """Return, for each fact with two or more values, counts of patients by value and label, chi-square, p and V.

    Patients are counted, not images, by their most frequent label and value (an image without a patient for itself). p
    is the share of random permutations of the labels among the patients whose chi-square is as large: no cell is too
    small for it. `p_all` is Holm's over all facts. V is corrected for its bias (Bergsma, J. Korean Stat. Soc. 42:323,
    2013). Measurements are compared by fifths.
    `guess` is how many patients' labels the fact alone would tell, `baseline` those the commonest label would.
    """
    people: dict[str, list[Image]] = {}
    named: dict[str, list[str]] = {}
    for n, (image, name) in enumerate(zip(images, name_one([image.row.label for image in images]), strict=True)):
        people.setdefault(image.patient or f"\0{n}", []).append(image)
        named.setdefault(image.patient or f"\0{n}", []).append(name)
    labels = [commonest(names) for names in named.values()]
    out = []
    for name in FACTS:
        values = [commonest([i.facts[name] for i in of]) or "not stated" for of in people.values()]
        if len(set(values)) > 1 and len(set(labels)) > 1:
            out.append({"fact": name, **association(values, labels)})
    for rank, found in enumerate(sorted(out, key=lambda f: f["p"])):
        found["p_all"] = min(1.0, found["p"] * (len(out) - rank))
    largest = 0.0
    for found in sorted(out, key=lambda f: f["p"]):
        found["p_all"] = largest = max(largest, found["p_all"])
        found["suspicious"] = found["p_all"] < P and found["v"] >= V
    return out


def commonest(texts: list[str]) -> str:
    """Return the most frequent text, the first in order of those that are equally frequent."""
    return Counter(sorted(texts)).most_common(1)[0][0]


def association(values: Sequence[str], labels: Sequence[str], seed: int = 0) -> dict[str, Any]:
    """Return the table of values by labels, its chi-square, permutation p, Cramer's V and predictions."""
    rows, r = np.unique(values, return_inverse=True)
    columns, c = np.unique(labels, return_inverse=True)
    counts = table(r, c, len(rows), len(columns))
    n, expected = len(r), np.outer(counts.sum(axis=1), counts.sum(axis=0)) / len(r)
    chi = float(np.sum((counts - expected) ** 2 / expected))
    rng, larger = np.random.Generator(np.random.Philox(seed)), 0
    for _ in range(DRAWS):
        drawn = table(r, rng.permutation(c), len(rows), len(columns))
        larger += float(np.sum((drawn - expected) ** 2 / expected)) >= chi * (1 - 1e-9)
    return {
        "values": rows.tolist(),
        "labels": columns.tolist(),
        "patients": counts.astype(int).tolist(),
        "chi2": chi,
        "p": (larger + 1) / (DRAWS + 1),
        "v": cramer(chi, n, *counts.shape),
        "guess": float(counts.max(axis=1).sum() / n),
        "baseline": float(counts.sum(axis=0).max() / n),
    }


def table(r: np.ndarray, c: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Return how often each pair of a row index and a column index occurs, (rows,columns)."""
    return np.bincount(r * columns + c, minlength=rows * columns).reshape(rows, columns)


def cramer(chi: float, n: int, rows: int, columns: int) -> float:
    """Return Cramer's V, corrected for its bias; 0 if undefined.

    sqrt(max(0, chi/n - (R-1)(C-1)/(n-1)) / min(R', C')), R' = R - (R-1)^2/(n-1) - 1 and C' alike
    """
    if n < 2:
        return 0.0
    phi = max(0.0, chi / n - (rows - 1) * (columns - 1) / (n - 1))
    least = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return float(min(1.0, np.sqrt(phi / least))) if least > 0 else 0.0
