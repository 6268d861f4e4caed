"""All metrics of one evaluation: with intervals by patient, at operating points, calibrated, by subgroup."""

from __future__ import annotations

from typing import Any

import numpy as np

from convnet.evaluation import calibration, threshold
from convnet.evaluation.intervals import Metric, Share, format_interval, intervals, mean, ranking_metrics
from convnet.evaluation.subgroups import subgroup_lines, subgroups
from convnet.output.words import count


def report(
    y: np.ndarray,
    p: np.ndarray,
    classes: tuple[str, ...],
    *,
    groups: np.ndarray,
    positive: int | None = None,
    points: dict[str, list[float]] | None = None,
    least: float | None = None,
    facts: dict[str, list[str]] | None = None,
    wilson: bool = False,
) -> dict[str, Any]:
    """Return the metrics of labels y (N,) and probabilities p (N,C) as plain JSON.

    groups    a number for each image's patient
    positive  the index of the positive class
    points    operating points that were chosen on validation (`threshold.curve`)
    least     the sensitivity that the operating point is to reach
    facts     what headers say of the images: {name: a text for each}
    wilson    proportions have Wilson's interval (`intervals`): each patient has one result

    The result holds:

    figures           metric -> {value, low, high}: accuracy, auc, pr_auc (of the positive class, else of the second;
                      more classes: the mean of one against the rest), brier, each class's sensitivity and PPV
    operating_points  with `positive`: sensitivity, specificity, PPV, NPV when the most probable class is taken, and at
                      the threshold that `points` give
    calibration       `calibration.reliability`
    subgroups         fact -> value -> n, patients and metrics
    patients          how many `groups`
    """
    all_metrics, operating = named_metrics(y, p, classes, positive), operating_points(y, p, positive, points, least)
    flat = dict(all_metrics)
    for number, point in enumerate(operating):
        flat |= {f"{number} {name}": metric for name, metric in point["figures"].items()}
    found = intervals(flat, groups, wilson=wilson)
    for number, point in enumerate(operating):
        point["figures"] = {name: found[f"{number} {name}"] for name in point["figures"]}
    return {
        "patients": len(np.unique(groups)),
        "figures": {name: found[name] for name in all_metrics},
        "operating_points": operating,
        "calibration": calibration.reliability(y, p, positive),
        "subgroups": subgroups(groups, facts or {}, lambda at: subgroup_metrics(y[at], p[at], classes)),
    }


def named_metrics(y: np.ndarray, p: np.ndarray, classes: tuple[str, ...], positive: int | None) -> dict[str, Metric]:
    """Return the metrics that need no threshold, and each class's sensitivity and PPV for the most probable."""
    turned = positive == 0 and len(classes) == 2
    out = ranking_metrics(1 - y, p[:, ::-1]) if turned else ranking_metrics(y, p)
    predicted = p.argmax(axis=1)
    out["accuracy"] = Share(predicted == y)
    out["brier"] = mean(calibration.brier(y, p))
    for i, c in enumerate(classes):
        out[f"sensitivity for '{c}'"] = Share(predicted == i, y == i)
        out[f"PPV for '{c}'"] = Share(y == i, predicted == i)
    return out


def operating_points(
    y: np.ndarray, p: np.ndarray, one: int | None, points: dict[str, list[float]] | None, least: float | None
) -> list[dict[str, Any]]:
    """Return two ways of calling an image positive, with the four metrics of each; none without a positive class."""
    if one is None:
        if least is not None:
            raise ValueError("--sensitivity needs --positive: the class whose sensitivity is meant")
        return []
    ways: list[tuple[str, float | None, np.ndarray]] = [("most probable class", None, p.argmax(axis=1) == one)]
    if points is not None:
        t, rule = threshold.choose(points, one, least)
        ways.append((f"{rule} on validation", t if one == 1 else 1 - t, threshold.called(p, one, t)))
    elif least is not None:
        raise ValueError("--sensitivity: the model file records no operating points: train it again")
    truth = y == one
    return [
        {
            "rule": rule,
            "threshold": t,
            "figures": {
                "sensitivity": Share(called, truth),
                "specificity": Share(~called, ~truth),
                "PPV": Share(truth, called),
                "NPV": Share(~truth, ~called),
            },
        }
        for rule, t, called in ways
    ]


def subgroup_metrics(y: np.ndarray, p: np.ndarray, classes: tuple[str, ...]) -> dict[str, Metric]:
    """Return the metrics that subgroups have: accuracy, auc and each class's sensitivity."""
    found = named_metrics(y, p, classes, None)
    return {k: v for k, v in found.items() if k in ("accuracy", "auc") or k.startswith("sensitivity")}


def format_point(point: dict[str, Any], positive: str) -> list[str]:
    """Return an operating point as two lines of text."""
    at = "" if point["threshold"] is None else f" (threshold {point['threshold']:.3f})"
    figures = ", ".join(f"{name} {format_interval(metric)}" for name, metric in point["figures"].items())
    return [f"positive '{positive}', {point['rule']}{at}:", f"  {figures}"]


def lines(found: dict[str, Any]) -> list[str]:
    """Return the report as text for a terminal."""
    head = f"95% intervals by bootstrap over {count(found['patients'], 'patient')}:"
    out = [head, *(f"  {name}: {format_interval(metric)}" for name, metric in found["figures"].items())]
    for point in found["operating_points"]:
        out += format_point(point, found["positive"])
    T = found.get("temperature")
    how = "no temperature" if T is None else f"temperature {T:.2f}, fitted on validation"
    out.append(f"calibration ({how}): expected calibration error {found['calibration']['ece']:.3f}")
    return [*out, *subgroup_lines(found["subgroups"])]
