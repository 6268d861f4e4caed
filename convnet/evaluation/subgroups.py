"""Metrics for every value of what headers say: sex, age band, manufacturer and so on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from convnet.evaluation.intervals import Metric, format_interval, intervals
from convnet.output.words import count

SUBGROUPS = ("sex", "age", "manufacturer", "modality", "body_part", "laterality")
FEWEST = 10  # images of a subgroup for metrics to be given
BROAD = 12  # values of one fact that are listed


def subgroups(
    groups: np.ndarray, facts: dict[str, list[str]], metrics_of: Callable[[np.ndarray], dict[str, Metric]]
) -> dict[str, dict[str, Any]]:
    """Return n, patients and figures for every value of a fact that has two or more.

    groups      a number for each image's patient (N,)
    facts       what headers say of the images: {name: a text for each}
    metrics_of  the metrics of the images where a mask (N,) is true
    """
    out: dict[str, dict[str, Any]] = {}
    for name in SUBGROUPS:
        values = np.array(facts.get(name, [""] * len(groups)), dtype=object)
        names, counts = np.unique(values.astype(str), return_counts=True)
        if len(names) < 2:
            continue
        out[name] = {}
        for value in names[np.argsort(-counts, kind="stable")][:BROAD]:
            at = values == value
            entry: dict[str, Any] = {"n": int(at.sum()), "patients": len(np.unique(groups[at]))}
            if entry["n"] >= FEWEST:
                entry["figures"] = intervals(metrics_of(at), groups[at])
            out[name][str(value) or "not stated"] = entry
    return out


def subgroup_lines(found: dict[str, dict[str, Any]]) -> list[str]:
    """Return a line for each subgroup, with the metrics that are no single class's."""
    out = []
    for name, values in found.items():
        for value, entry in values.items():
            metrics = entry.get("figures")
            text = "too few for metrics"
            if metrics:
                shown = {n: m for n, m in metrics.items() if not n.startswith("sensitivity")}
                text = ", ".join(f"{n} {format_interval(m)}" for n, m in shown.items())
            out.append(f"{name} {value}: {count(entry['n'], 'image')} of {count(entry['patients'], 'patient')}: {text}")
    return out
