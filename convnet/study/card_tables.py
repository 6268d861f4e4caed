"""The tables and plots of a model card's validation: by image, by finding, by group, by subgroup."""

from __future__ import annotations

from html import escape
from typing import Any

from convnet.evaluation import plots, side_by_side
from convnet.evaluation.intervals import format_interval
from convnet.output import html_page

HEADS = {"auc": "AUC"}


def validation_tables(val: dict[str, Any], temperature: float | None) -> list[str]:
    """Return the confusion, each finding's metrics, and the calibration, as far as the task has them."""
    out: list[str] = []
    if "confusion" in val:
        out += ["<h3>Confusion matrix</h3>", *confusion_table(val)]
    if "findings" in val:
        names = list(next(iter(val["findings"].values()))["figures"])
        rows = [
            [c, of["images"], f"{of['threshold']:.3f}", *(format_interval(of["figures"][n]) for n in names)]
            for c, of in val["findings"].items()
        ]
        out.append("<h3>Each finding</h3>" + html_page.table(["finding", "images", "threshold", *names], rows))
    out.append("<h3>Calibration</h3>")
    if temperature is not None:
        out.append(f"<p>Temperature {temperature:.3f}, fitted on validation.</p>")
    if val.get("task") == "regression":
        line, fitted = val["calibration"], val["interval"] or {}
        rows = [
            [
                b["n"],
                f"{b['said']:.4g}",
                f"{b['was']:.4g}",
                "" if b["low"] is None else f"{b['low']:.4g} to {b['high']:.4g}",
            ]
            for b in line["bins"]
        ]
        out.append(html_page.table(["images", "mean prediction", "mean value", "95% interval"], rows))
        half = fitted.get("half_width")
        if half is not None:
            out.append(
                f"<p>Interval of a prediction: &plusmn; {half:.4g}; it holds {fitted['held']:.0%} of new patients, by "
                f"{fitted['patients']} validation patients.</p>"
            )
        return out
    words = "Reliability diagram: predicted probability against observed frequency"
    return [*out, html_page.plot(plots.reliability(val), words)]


def group_tables(val: dict[str, Any]) -> list[str]:
    """Return the metrics by image and by group beside each other; nothing if images are not joined."""
    if (of := val.get("by_group")) is None:
        return []
    level = of["level"]
    return [
        f"<h3>By image and by {level}</h3><p>{escape(side_by_side.describe_rule(of))}. "
        f"{escape(side_by_side.describe_intervals(of))}.</p>",
        html_page.table(side_by_side.heads(val), side_by_side.rows(val)),
        *(f"<p>{escape(text)}.</p>" for text in side_by_side.describe_gaps(of)),
        *confusion_table(of, f", by {level}"),
        *(
            [html_page.plot(plots.reliability({**of, "task": val.get("task", "")}), f"Reliability diagram by {level}")]
            if "ece" in of["calibration"]
            else []
        ),
    ]


def confusion_table(of: dict[str, Any], by: str = "") -> list[str]:
    """Return the confusion as a table, if the task has one."""
    if "confusion" not in of:
        return []
    rows = [[c, *row] for c, row in zip(of["classes"], of["confusion"], strict=True)]
    return [html_page.table([f"truth \\ prediction{by}", *of["classes"]], rows)]


def subgroup_tables(found: dict[str, dict[str, Any]]) -> list[str]:
    """Return a table for each fact whose values differ."""
    out = []
    for name, values in found.items():
        names = [
            m for m in next((e["figures"] for e in values.values() if "figures" in e), {}) if "sensitivity" not in m
        ]
        rows = [
            [value, entry["n"], entry["patients"], *(format_metric(entry, metric) for metric in names)]
            for value, entry in values.items()
        ]
        head = [name.replace("_", " "), "images", "patients", *(HEADS.get(metric, metric) for metric in names)]
        out.append(f"<h3>By {escape(name.replace('_', ' '))}</h3>" + html_page.table(head, rows))
    return out


def format_metric(entry: dict[str, Any], name: str) -> str:
    """Return a subgroup's metric with its interval as text."""
    return format_interval(entry["figures"][name]) if "figures" in entry else "too few images"
