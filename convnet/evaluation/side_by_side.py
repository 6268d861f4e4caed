"""Metrics by image and by patient, study or series, beside each other: two columns that are never mixed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convnet.evaluation.intervals import format_interval
from convnet.evaluation.report import format_point
from convnet.output.words import count

PLURAL = {"patient": "patients", "study": "studies", "series": "series"}


def heads(result: dict[str, Any]) -> tuple[str, ...]:
    """Return the heads of the table's columns."""
    of = result["by_group"]
    return "metric", f"by image (n {result['n']})", f"by {of['level']} (n {of['n']})"


def rows(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return each metric by image and by group as text."""
    images, groups = result["figures"], result["by_group"]["figures"]
    out: list[tuple[str, ...]] = [
        (name, format_interval(images[name]), format_interval(groups[name])) for name in images if name in groups
    ]
    if "ece" not in result["calibration"]:
        return out
    errors = [f"{of['calibration']['ece']:.3f}" for of in (result, result["by_group"])]
    return [*out, ("expected calibration error", *errors)]


def describe_rule(of: dict[str, Any]) -> str:
    """Return how images are joined, in words."""
    n = of["images_per_group"]
    count = f"{n['least']}" if n["least"] == n["most"] else f"{n['least']} to {n['most']} (median {n['median']:g})"
    finding = f" of '{of['finding']}'" if of["finding"] is not None else ""
    fitted = of["calibrated"]
    text = f"calibrated on {fitted['groups']} validation {PLURAL[of['level']]}" if fitted else "not calibrated"
    return f"{of['aggregate']}{finding} over the {count} images of each {of['level']}, {text}"


def describe_gaps(of: dict[str, Any]) -> Iterator[str]:
    """Yield what is missing from the groups, in sentences."""
    level = of["level"]
    if of["incomplete"]["groups"]:
        yield (
            f"{of['incomplete']['groups']} of the {PLURAL[level]} lack images ({of['incomplete']['images']} in all "
            "could not be used): their results are of the images left"
        )
    if of["lost"]:
        yield f"{PLURAL[level]} without any usable image, so without a result in these metrics: {of['lost']}"
    if of["unassigned"]:
        lost = count(of["unassigned"], "image")
        yield f"{lost} of an unknown {level} could not be read: any {level} may lack some of its images"


def describe_intervals(of: dict[str, Any]) -> str:
    """Return where the groups' intervals come from."""
    if of["patients"] == of["n"]:
        over = count(of["n"], "patient")
        return f"95% intervals by {of['level']}: shares by Wilson, the others by bootstrap over {over}"
    return f"95% intervals by {of['level']}: bootstrap over {count(of['patients'], 'patient')}"


def group_lines(result: dict[str, Any]) -> list[str]:
    """Return `lines` if the result holds groups, else none."""
    return lines(result) if "by_group" in result else []


def lines(result: dict[str, Any]) -> list[str]:
    """Return the table and what belongs to it as text for a terminal."""
    of = result["by_group"]
    table = [heads(result), *rows(result)]
    widths = [max(len(row[i]) for row in table) for i in (0, 1)]
    out = [f"{PLURAL[of['level']]}: {describe_rule(of)}"]
    out += [f"  {a.ljust(widths[0])}  {b.ljust(widths[1])}  {c}" for a, b, c in table]
    out.append(describe_intervals(of))
    for point in of.get("operating_points", ()):
        out += [f"by {of['level']}, " + line for line in format_point(point, of["positive"])[:1]]
        out += format_point(point, of["positive"])[1:]
    if "confusion" not in of:
        return [*out, *describe_gaps(of)]
    cells = "; ".join(
        f"'{name}': " + ", ".join(f"{n} as '{c}'" for c, n in zip(of["classes"], row, strict=True))
        for name, row in zip(of["classes"], of["confusion"], strict=True)
    )
    return [*out, f"by {of['level']}, true and predicted: {cells}", *describe_gaps(of)]
