"""`convnet diagnose`: what it asks for and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from convnet.commands.options import (
    Aggregate,
    Finding,
    Group,
    Json,
    Limit,
    Model,
    PathColumn,
    PatientColumn,
    Strict,
    Workers,
)
from convnet.commands.output import emit, say
from convnet.commands.preflight import check_file, check_folder
from convnet.executors import open_executor

Overlays = Annotated[Path | None, typer.Option(help="Folder for pictures: Grad-CAM and occlusion over each image.")]
Filed = Annotated[Path | None, typer.Option("--dicom", help="Folder for DICOM: a structured report, and overlays.")]
Patients = Annotated[
    Path | None, typer.Option(help="Table (CSV or .xlsx) of whose image a file or folder is: path,patient.")
]
Runs = Annotated[Path | None, typer.Option(help="File that a line for each result is added to; see the README.")]


def diagnose(
    model: Model,
    files: Annotated[list[Path], typer.Argument(help="Images; folders, a DICOMDIR, a .zip or a .tar of them.")],
    json_path: Json = None,
    overlays: Overlays = None,
    dicom: Filed = None,
    record: Runs = None,
    strict: Strict = False,
    limit: Limit = None,
    patients: Patients = None,
    path_column: PathColumn = "path",
    patient_column: PatientColumn = None,
    group: Group = None,
    aggregate: Aggregate = None,
    finding: Finding = None,
    executor: Workers = None,
) -> None:
    """Probabilities, or why the model abstains. For research and teaching. Not for clinical use."""
    check_file("--json", json_path)
    check_file("--record", record)
    check_folder(overlays, "--overlays")
    check_folder(dicom, "--dicom")
    from convnet.data.errors import DicomError
    from convnet.data.limits import parse_limits
    from convnet.data.reading.examine import digest
    from convnet.data.reading.listing import opened_files
    from convnet.diagnosis import run_log
    from convnet.diagnosis.diagnose import cases, collect, join_cases, lines
    from convnet.diagnosis.dicom_results import Filing
    from convnet.model import load
    from convnet.study.groups import override_grouping
    from convnet.study.metadata import read_classes, read_record

    trained = load(model)
    override_grouping(trained, group, aggregate, finding)
    sha256 = digest(model)
    filing = None if dicom is None else Filing(dicom, sha256, read_classes(trained))
    asked = overlays is not None or filing is not None
    found: list[Any] = []
    bounds = parse_limits(limit or ())
    whose = read_patients(patients, path_column, patient_column)
    with open_executor(executor) as workers, opened_files(files, bounds, whose) as images:
        for case in cases(trained, images, bounds, pictures=asked, filed=filing is not None, executor=workers):
            if isinstance(case, DicomError):
                found.append(case)
                continue
            try:
                found.append(forget(draw(trained, case, overlays, filing) if asked else case))
            except DicomError as error:
                found += [forget(case), error]
    joined = join_cases(found, read_record(trained))
    reports = [] if filing is None else list(filing.finish(joined))
    result = collect([*found, *(r for r in reports if isinstance(r, DicomError))], trained)
    if filing is not None:
        result["reports"] = [r for r in reports if isinstance(r, str)]
    for failed in result["failed"]:
        say(f"convnet: {failed['reason']}")
    unrecorded = None
    try:
        run_log.record(record or run_log.default(), sha256, result)
    except OSError as error:  # the results are computed: they are shown all the same
        unrecorded = error
    emit(result, json_path, [*lines(result), result["notice"]])
    if unrecorded is not None:
        raise OSError(f"the results above are not in the run log: {unrecorded}")
    if result["failed"] and (strict or not result["images"]):
        raise typer.Exit(2)


def read_patients(table: Path | None, path_column: str, patient_column: str | None) -> dict[str, str]:
    """Return the patients by path that a table states."""
    from convnet.data.cohort.table import Columns, read_table

    if table is None:
        return {}
    return {row.path: row.label for row in read_table(table, Columns(path_column, patient_column or "patient"))}


def forget(case: Any) -> Any:
    """Return the case without its arrays: a long list of files must not fill the memory."""
    from dataclasses import replace

    return replace(case, image=None, grey=None, geometry=None, reference="")


def draw(model: Any, case: Any, folder: Path | None, filing: Any) -> Any:
    """Draw the overlays of one case as pictures and as DICOM -> the case, its result naming the files."""
    from dataclasses import replace

    from convnet.diagnosis import overlay
    from convnet.output.atomic import write_atomically
    from convnet.output.drawing import save

    result, pictures = case.result, []
    if result.label is not None:
        index, spoken_for = case.output
        found = overlay.maps(model, case.image, spoken_for, index, case.geometry)
        p = (result.probabilities or {}).get(result.label)
        title = result.label if p is None else f"{result.label} {p:.3f}"
        if case.grey is not None:
            pictures = [(m.name, m.what, overlay.blend(case.grey, m.values)) for m in found]
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            stem = f"{result.input[:16]}-{result.frame}"  # no name of a file: it may name a patient
            figure = overlay.traces(case.image, found, title) if case.grey is None else None
            figure = figure or overlay.panel(case.grey, found, case.geometry, title)
            written = [save(figure, folder / f"{stem}.png").name]
            for name, _, picture in pictures:
                path = folder / f"{stem}-{name.lower()}.png"
                write_atomically(path, overlay.png(picture))
                written.append(path.name)
            result = replace(result, pictures=tuple(written))
    if filing is not None and (case.grey is None or not case.reference):
        why = "an electrocardiogram" if case.grey is None else "no DICOM file: it names no study to file a result with"
        say(f"convnet: {result.path}: no DICOM report: it is {why}")
    elif filing is not None:
        signed = [(name, what, overlay.sign_picture(picture, f"{name}: {what}")) for name, what, picture in pictures]
        result = replace(result, dicom=tuple(filing.add(case.reference, result, signed)))
    return replace(case, result=result)
