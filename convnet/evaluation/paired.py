"""Two models on the same images: DeLong's test of the areas, and the paired bootstrap of the other metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.evaluation import delong
from convnet.evaluation.intervals import format_interval, intervals, ranking_metrics
from convnet.evaluation.multilabel import mean_metrics
from convnet.output.words import count


def paired(y: np.ndarray, a: np.ndarray, b: np.ndarray, classes: tuple[str, ...], groups: np.ndarray) -> dict[str, Any]:
    """Return the metrics of two models and of their difference, with intervals on the same resamples of patients.

    y       labels (N,), or findings (N,C) of 0 and 1; groups: a number for each patient (N,)
    a, b    the models' probabilities (N,C)
    The result holds `first`, `second`, `difference`, and `delong`: for each class against the rest (two classes: once),
    or for each finding.
    """
    if y.ndim == 2:
        halves = np.full(len(classes), 0.5)
        found = differences(mean_metrics(y, a, halves), mean_metrics(y, b, halves), groups, len(y))
        truths = {name: (y[:, c] == 1, c) for c, name in enumerate(classes)}
    else:
        found = differences(ranking_metrics(y, a), ranking_metrics(y, b), groups, len(y))
        tested = (1,) if len(classes) == 2 else range(len(classes))
        truths = {classes[c]: (y == c, c) for c in tested}
    tests = {
        name: delong.compare(truth, a[:, c], b[:, c], groups)
        for name, (truth, c) in truths.items()
        if 0 < truth.sum() < len(y)
    }
    return {**found, "delong": tests}


def differences(one: dict[str, Any], two: dict[str, Any], groups: np.ndarray, n: int) -> dict[str, Any]:
    """Return `first`, `second` and `difference` of two models' metrics of sample weights, on n images."""
    flat = {f"first {n}": f for n, f in one.items()} | {f"second {n}": f for n, f in two.items()}
    flat |= {f"difference {n}": _minus(one[n], two[n]) for n in one}
    found = intervals(flat, groups)
    out: dict[str, Any] = {kind: {n: found[f"{kind} {n}"] for n in one} for kind in ("first", "second", "difference")}
    return {"n": n, "patients": len(np.unique(groups)), **out, "delong": {}}


def _minus(f: Any, g: Any) -> Any:
    return lambda w: f(w) - g(w)


def lines(found: dict[str, Any]) -> list[str]:
    """Return the comparison as text for a terminal."""
    of = f"{count(found['n'], 'image')} of {count(found['patients'], 'patient')}"
    out = [f"{of}; 95% intervals by bootstrap over patients"]
    for name in found["first"]:
        out.append(
            f"{name}: first {format_interval(found['first'][name])}, second {format_interval(found['second'][name])}, "
            f"difference {format_interval(found['difference'][name])}"
        )
    for name, test in found["delong"].items():
        if test["p"] is None:
            out.append(f"AUC for '{name}': both models rank all images identically; there is nothing to test")
            continue
        out.append(
            f"AUC for '{name}': {test['auc'][0]:.4f} and {test['auc'][1]:.4f}, difference {test['difference']:.4f} "
            f"({test['low']:.4f} to {test['high']:.4f}), DeLong's z {test['z']:.3f}, p {test['p']:.4f}"
        )
    return out
