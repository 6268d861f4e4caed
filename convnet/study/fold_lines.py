"""Cross-validation's result as text for a terminal."""

from __future__ import annotations

from typing import Any

from convnet.evaluation import intervals
from convnet.output.words import count


def line(row: dict[str, Any]) -> str:
    """Return one fold as text."""
    where = f"repeat {row['repeat'] + 1} fold {row['fold'] + 1}: {row['cases']} cases"
    text = f"{where}, {row['images']} held out: {format_both(row['ensemble'])}"
    if (of := row.get("by_group")) is not None:
        text += f"; their {count(of['groups'], 'group')}: {format_both(of)}"
    return text


def format_both(found: dict[str, Any]) -> str:
    """Return one fold's two metrics as text."""
    shown = {"auc": "AUC"}
    values = {name: v for name, v in found.items() if name != "groups"}
    return ", ".join(f"{shown.get(n, n)} " + ("not defined" if v is None else f"{v:.4f}") for n, v in values.items())


def lines(result: dict[str, Any]) -> list[str]:
    """Return the result as a table for a terminal."""
    parts = (count(result[f"{what}s"], what) for what in ("fold", "repeat", "image"))
    out = [f"{', '.join(parts)} of train and val"]
    for of in result["by_share"]:
        for kind in ("single", "ensemble"):
            if kind == "ensemble" and result["recipe"]["runs"] == 1:
                continue
            out.append(f"{of['cases']:>6} cases, {kind:>8}: " + ", ".join(map(format_summary, of[kind].items())))
        for repeat, found in enumerate(of["together"], 1):
            shown = ", ".join(f"{name} {intervals.format_interval(v)}" for name, v in found.items())
            out.append(f"{'':>6} all held out images together, repeat {repeat}: {shown}")
        out += group_lines(of)
    if "more" in result:
        out.append(f"Would more cases help? {result['more']['answer']}")
    return [*out, result["notice"]]


def group_lines(of: dict[str, Any]) -> list[str]:
    """Return the metrics of groups as text, a line for the folds and one for each repeat."""
    if (found := of.get("by_group")) is None:
        return []
    out = [f"{'':>6} by {found['level']}, folds: " + ", ".join(map(format_summary, found["ensemble"].items()))]
    for repeat, one in enumerate(found["together"], 1):
        shown = ", ".join(f"{name} {intervals.format_interval(one[name])}" for name in one if name != "groups")
        out.append(f"{'':>6} by {found['level']}, all {one['groups']} held out together, repeat {repeat}: {shown}")
    return out


def format_summary(item: tuple[str, dict[str, float | None]]) -> str:
    """Return one metric's mean and standard deviation as text."""
    name, found = item
    if found["mean"] is None:
        return f"{name} not defined"
    return f"{name} {found['mean']:.4f}" + ("" if found["sd"] is None else f" (sd {found['sd']:.4f})")
