"""The result for all images of one patient, study or series, and what it lacks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.data.errors import DicomError
from convnet.evaluation.side_by_side import PLURAL
from convnet.output.words import count
from convnet.study.tasks import TASKS

if TYPE_CHECKING:
    from convnet.diagnosis.result import Result
    from convnet.study.metadata import ModelRecord

LEAST_USED = 0.5  # of a group's images; with fewer the group has no result


class LostImage(DicomError):
    """An image or a file that cannot be used; `group` is its patient's, study's or series' pseudonym, "" if unknown."""

    def __init__(self, path: object, reason: str, group: str) -> None:
        self.group = group
        super().__init__(path, reason)


@dataclass(frozen=True)
class GroupResult:
    """What the model says about all images of one patient, study or series, or why it abstains.

    label, probabilities, value, interval  as in `Result`
    level, group   "patient", "study" or "series", and its pseudonym
    images, used   how many images were given, and how many the result is made of
    left_out       the others: {path, frame, reason}; frame is None where the reason names it
    members        what it is made of: {path, frame, input} of each image
    """

    level: str
    group: str
    images: int
    used: int
    label: str | None = None
    probabilities: dict[str, float] | None = None
    value: float | None = None
    interval: tuple[float, float] | None = None
    abstains: tuple[str, ...] = ()
    left_out: tuple[dict[str, Any], ...] = ()
    members: tuple[dict[str, Any], ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """Return plain JSON values."""
        plain = {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}
        return {name: v for name, v in plain.items() if v is not None or name not in ("value", "interval")}


def join_results(
    results: Sequence[Result],
    lost: Iterable[LostImage],
    record: ModelRecord,
) -> list[GroupResult]:
    """Return a result for each group, in the order in which their images were given.

    results  of images; those whose `group` is "" belong to no known group
    lost     each image or file that could not be read
    record   the model's, with the rule in it

    An image on which the model abstains, or that could not be read, is left out of its group, which says so. With fewer
    than half of its images a group abstains.
    """
    found: dict[str, tuple[list[Result], list[LostImage]]] = {}
    for result in results:
        if result.group:
            found.setdefault(result.group, ([], []))[0].append(result)
    for error in lost:
        if error.group:
            found.setdefault(error.group, ([], []))[1].append(error)
    return [join_one(name, images, errors, record) for name, (images, errors) in found.items()]


def join_one(name: str, results: list[Result], errors: list[LostImage], record: ModelRecord) -> GroupResult:
    """Return the result for one group."""
    grouping, task = record.grouping, TASKS[record.task]
    assert grouping is not None
    used = [r for r in results if r.label is not None]
    left_out = [
        {"path": r.path, "frame": r.frame, "reason": f"the model abstains: {'; '.join(r.abstains)}"}
        for r in results
        if r.label is None
    ]
    left_out += [{"path": e.path, "frame": None, "reason": e.reason} for e in errors]
    about: dict[str, Any] = {
        "level": grouping.level,
        "group": name,
        "images": len(results) + len(errors),
        "used": len(used),
        "left_out": tuple(left_out),
        "members": tuple({"path": r.path, "frame": r.frame, "input": r.input} for r in used),
    }
    if not used or len(used) < LEAST_USED * about["images"]:
        why = f"only {len(used)} of its {about['images']} images can be used: at least half are needed"
        return GroupResult(**about, abstains=(why,))
    p = np.stack([task.untell(r, record) for r in used])
    joined = task.calibrate_groups(task.join(p, np.zeros(len(used), int), grouping), record, grouping)[0]
    return GroupResult(**about, **task.tell_group(joined, record, grouping))


def group_lines(found: dict[str, Any]) -> list[str]:
    """Return the groups of `diagnose.collect`'s result as text."""
    if (rule := found.get("grouping")) is None:
        return []
    level = rule["level"]
    finding = f" of '{rule['finding']}'" if rule["finding"] is not None else ""
    fitted = rule["calibrated"]
    how = f"calibrated on {fitted['groups']} validation {PLURAL[level]}" if fitted else "not calibrated"
    out = [f"by {level} ({rule['aggregate']}{finding}, {how}):"] if found["groups"] else []
    for group in found["groups"]:
        where = f"{level} {group['group']} ({count(group['images'], 'image')}, {example(group)})"
        if group["label"] is None:
            out.append(f"{where}: the model abstains: {'; '.join(group['abstains'])}")
        else:
            out.append(f"{where}: {group['label']} ({describe_value(group)})")
        if group["left_out"]:
            names = ", ".join(place(one, group) for one in group["left_out"][:3])
            more = f" and {len(group['left_out']) - 3} more" if len(group["left_out"]) > 3 else ""
            out.append(f"  made of {group['used']} of its {count(group['images'], 'image')}; left out: {names}{more}")
    if found["ungrouped"]:
        remedy = "; --patients TABLE says whose they are" if level == "patient" else ""
        out.append(f"no {level} is stated by {count(found['ungrouped'], 'image')}, in no result by {level}{remedy}")
    if found["unassigned"]:
        out.append(
            f"{count(found['unassigned'], 'file')} of an unknown {level} could not be read: any {level} may lack images"
        )
    return out


def describe_value(r: dict[str, Any]) -> str:
    """Return an image's or a group's probabilities, or its measurement's interval, as text."""
    if r["probabilities"] is not None:
        return ", ".join(f"{c} {v:.3f}" for c, v in r["probabilities"].items())
    around = r.get("interval")
    return "no interval" if around is None else f"{around[0]:.4g} to {around[1]:.4g}"


def place(one: dict[str, Any], group: dict[str, Any]) -> str:
    """Return the name of an image's file, with the frame if several of the group's images are in it."""
    paths = [image["path"] for image in (*group["members"], *group["left_out"])]
    return f"{one['path']}, frame {one['frame']}" if paths.count(one["path"]) > 1 else str(one["path"])


def example(group: dict[str, Any]) -> str:
    """Return the name of one of the group's files."""
    return str((group["members"] or group["left_out"])[0]["path"])
