"""A result for each image: probabilities, or why the model abstains; and which files could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.data.dicom.geometry import Geometry
from convnet.data.errors import DicomError
from convnet.data.limits import Limits
from convnet.data.pseudonyms import pseudonym, shown
from convnet.data.reading.examine import examine
from convnet.data.reading.far_readers import open_readers
from convnet.data.reading.listing import ImageFile
from convnet.diagnosis.group_result import GroupResult, LostImage, describe_value, group_lines, join_results
from convnet.diagnosis.result import Outlier, Result
from convnet.notice import NOTICE
from convnet.study import outlier, training_domain
from convnet.study.answers import read_answers
from convnet.study.features import features
from convnet.study.metadata import ModelRecord, read_classes, read_preparation, read_record
from convnet.study.outputs import predict_outputs
from convnet.study.tasks import TASKS

if TYPE_CHECKING:
    from convnet.evaluation.grouping import Grouping
    from convnet.model import Model


@dataclass(frozen=True, eq=False)
class Case:
    """One frame: its result, and what was asked for to draw or file it.

    output: the network's output that maps are drawn for, and what it speaks for.
    image (H,W,C) as the network takes it; grey (rows,columns) uint8 and geometry with `pictures`; reference: DICOM
    JSON of its patient and study with `filed`, else, and for what is not DICOM, "".
    """

    result: Result
    image: np.ndarray
    grey: np.ndarray | None
    geometry: Geometry | None
    reference: str
    output: tuple[int, str] = (0, "")


def cases(
    model: Model,
    paths: Sequence[Path | ImageFile],
    limits: Limits | None = None,
    *,
    pictures: bool = False,
    filed: bool = False,
    executor: Executor | None = None,
) -> Iterator[Case | DicomError]:
    """Run each image of each file through the model's own pixel pipeline and the model.

    paths     files of any format that is read (`reading.kinds`); `listing.opened_files` makes them of folders
    pictures  also give what is needed to draw over the file's own picture
    filed     also give what is needed to file the result as DICOM
    executor  whose workers open the files, instead of this machine's processes

    Yields a file's error in its place. Raises ValueError for a model file that lacks its classes or its pixel pipeline,
    or whose record of its training is damaged.
    """
    read_classes(model)
    record, options = read_record(model), (read_preparation(model).to_plain(), pictures, filed)
    with open_readers(limits, None, executor) as readers:
        files = [path if isinstance(path, ImageFile) else ImageFile(path, str(path)) for path in paths]
        for file, read in readers.map(lambda file: list(readers.read(examine, file.locate(), *options)), files):
            level = None if record.grouping is None else record.grouping.level
            told = pseudonym("patient", file.patient) if level == "patient" else ""
            if isinstance(read, DicomError):
                yield LostImage(file.name, read.reason, told)
                continue
            about, *read_frames = read
            group = None if level is None else told or name_group(about, level, file.name)
            yield from (LostImage(file.name, reason, group or "") for reason in read_frames if isinstance(reason, str))
            frames = [frame for frame in read_frames if not isinstance(frame, str)]
            if not frames:
                continue
            pairs = zip(about["numbers"], read_frames, strict=False)
            numbers = [number for number, frame in pairs if not isinstance(frame, str)]
            x = batch([image for image, _, _ in frames])
            blank = Result(shown(file.name), 0, about["sha256"], group=group)
            results = judge(model, record, blank, x, about["facts"])
            for number, image, (result, output), (_, grey, plain) in zip(numbers, x, results, frames, strict=True):
                geometry = None if plain is None else Geometry.from_plain(plain)
                yield Case(replace(result, frame=number), image, grey, geometry, about["reference"], output)


def name_group(about: dict[str, Any], level: str, name: object) -> str:
    """Return the pseudonym of the patient, study or series that a file's header states, "" if it states none.

    A file of several images, such as a volume, that states no series is a series of its own.
    """
    if level == "patient":
        return pseudonym("header", about["patient"])
    found = pseudonym(level, about["owners"].get(level, ""))
    volume = level == "series" and len(about["numbers"]) > 1
    return found or (pseudonym("volume", str(name)) if volume else "")


def judge(
    model: Model, record: ModelRecord, blank: Result, x: np.ndarray, facts: dict[str, str]
) -> Iterator[tuple[Result, tuple[int, str]]]:
    """Yield (`blank` filled in, the output to draw maps of) for each image (N,H,W,C) of one file.

    What is filled in is what the model says, or why it abstains.
    """
    shape, scope = tuple(model.input_shape or ()), record.scope
    if x.shape[1:] != shape:
        kind = "an electrocardiogram" if x.shape[1] == 1 and shape[0] != 1 else f"of shape {x.shape[1:]}"
        yield from [(replace(blank, abstains=(f"the image is {kind}; the model takes {shape}",)), (0, ""))] * len(x)
        return
    scores = None if scope is None else outlier.score(scope["outlier"], features(model, x))
    task = TASKS[record.task]
    for n, p in enumerate(read_answers(model, predict_outputs(model, x))):
        score = None if scores is None else float(scores[n])
        if not np.isfinite(p).all() or (score is not None and not np.isfinite(score)):
            why = ["the model's result is not a finite number: is the model file damaged?"]
            yield replace(blank, abstains=tuple(why)), (0, "")
            continue
        why, unchecked = training_domain.outside(scope, facts, x[n], score)
        result = replace(blank, abstains=tuple(why), unchecked=tuple(unchecked))
        if scope is not None and score is not None:
            result = replace(result, outlier=Outlier(score, scope["outlier"]["threshold"]))
        if not why:
            result = replace(result, **task.tell(p, record))
        yield result, task.output_of(p, record)


def diagnose(
    model: Model, paths: Sequence[Path | ImageFile], limits: Limits | None = None, executor: Executor | None = None
) -> dict[str, Any]:
    """Return the results as plain JSON.

    images      `Result.to_plain` of every frame
    failed      path and reason of each file that could not be read
    calibrated  whether the model file records a temperature
    notice      what results are for
    If the model's file joins images also:
    grouping    the rule: level, aggregate, finding, calibrated (slope, biases and groups, None if it is not)
    groups      `GroupResult.to_plain` of every patient, study or series
    ungrouped   images whose group is unknown; unassigned: files that could not be read and whose group is unknown
    """
    return collect(cases(model, paths, limits, executor=executor), model)


def collect(found: Iterable[Case | DicomError], model: Model) -> dict[str, Any]:
    """Return the results as one JSON object (`diagnose`)."""
    record, found = read_record(model), list(found)
    results = [case.result for case in found if isinstance(case, Case)]
    errors = [case for case in found if isinstance(case, DicomError)]
    out: dict[str, Any] = {
        "images": [result.to_plain() for result in results],
        "failed": [{"path": error.path, "reason": str(error)} for error in errors],
        "calibrated": record.temperature is not None or record.calibration is not None,
        "notice": NOTICE,
    }
    if (rule := record.grouping) is None:
        return out
    return {
        **out,
        "grouping": {**describe(rule), "finding": None if rule.finding is None else record.classes[rule.finding]},
        "groups": [group.to_plain() for group in join_cases(found, record)],
        "ungrouped": sum(not result.group for result in results),
        "unassigned": sum(isinstance(error, LostImage) and not error.group for error in errors),
    }


def join_cases(found: Iterable[Case | DicomError], record: ModelRecord) -> list[GroupResult]:
    """Return the result of each patient, study or series; none if the model joins no images."""
    if record.grouping is None:
        return []
    found = list(found)
    results = [case.result for case in found if isinstance(case, Case)]
    lost = [error for error in found if isinstance(error, LostImage)]
    return join_results(results, lost, record)


def describe(rule: Grouping) -> dict[str, Any]:
    """Return a rule's level, aggregate and calibration as plain JSON."""
    return {"level": rule.level, "aggregate": rule.aggregate, "calibrated": rule.describe_fit()}


def batch(images: list[np.ndarray]) -> np.ndarray:
    """Return images (H,W), (H,W,3) or (1,T,leads) as the network takes them: (N,H,W,C) or (N,1,T,leads)."""
    x = np.stack(images)
    return x[..., None] if x.ndim == 3 else x


def lines(result: dict[str, Any]) -> list[str]:
    """Return the result as text, a line for each image; it names the frame if a file has several."""
    paths = [r["path"] for r in result["images"]]
    told = [r["unchecked"] for r in result["images"] if r["label"] is not None]
    common = told[0] if len(told) > 1 and all(one == told[0] for one in told) else []
    out = []
    for r in result["images"]:
        where = f"{r['path']}, frame {r['frame']}" if paths.count(r["path"]) > 1 else r["path"]
        if r["label"] is None:
            out.append(f"{where}: the model abstains: {'; '.join(r['abstains'])}")
            continue
        shares = describe_value(r)
        unchecked = f"; not checked: {', '.join(r['unchecked'])}" if r["unchecked"] and not common else ""
        out.append(f"{where}: {r['label']} ({shares}{unchecked})")
    if common:
        out.append(f"not checked in any image: {', '.join(common)}")
    out += group_lines(result)
    if result["images"] and not result["calibrated"]:
        out.append("The probabilities are the network's own, not calibrated: the model file records no temperature.")
    return out
