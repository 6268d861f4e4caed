"""The images that a command's arguments name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from convnet.commands.output import say
from convnet.output.progress import reading


def pipeline_of(size: int, aspect: Any, window: Any, colour: bool) -> dict[str, Any]:
    """How pixels are prepared, from a command's options, as a model file keeps it."""
    return {"size": size, "aspect": aspect.value, "window": window, "channels": 3 if colour else 1}


def load_cohort(
    folder: Path | None,
    labels: Path | None,
    npz: Path | None,
    strict: bool,
    pipeline: dict[str, Any],
    classes: tuple[str, ...] | None = None,
    limits: Sequence[str] | None = None,
    cache: bool = True,
) -> Any:
    """The cohort that the arguments name; a word on every file that was left out."""
    from convnet.data import cohort
    from convnet.data.cohort.folder import NOT_LISTED
    from convnet.data.limits import changed

    if npz is not None and folder is not None:
        raise ValueError("give either a FOLDER of DICOM files with --labels CSV, or --npz FILE.npz, not both")
    if npz is not None:
        if labels is not None:
            raise ValueError("--labels goes with a FOLDER; an .npz file holds its own labels")
        images = {name: pipeline[name] for name in ("size", "aspect", "channels")}
        data = cohort.load_npz(npz, classes=classes, **images)
    elif folder is None:
        raise ValueError("what data? Give a FOLDER of DICOM files with --labels CSV, or --npz FILE.npz")
    elif labels is None:
        raise ValueError("a FOLDER needs --labels CSV, a table with the columns path,label")
    else:
        bounds = changed(limits or ())
        with reading() as on_progress:
            data = cohort.load_folder(
                folder,
                labels,
                strict=strict,
                classes=classes,
                on_progress=on_progress,
                limits=bounds,
                cache=cache,
                **pipeline,
            )
    coloured = sum(p not in ("", "MONOCHROME1", "MONOCHROME2") for p in data.fact("photometric"))
    if coloured and pipeline["channels"] == 1:
        say(f"{coloured} of {len(data.y)} images are stored in colour and read as grey; train with --colour to keep it")
    unlisted = [s for s in data.skipped if s.reason == NOT_LISTED]
    for skipped in data.skipped:
        if skipped.reason != NOT_LISTED:
            say(f"left out: {skipped.path}: {skipped.reason}")
    if unlisted:
        say(f"{len(unlisted)} files of the folder are not in the table, for instance {unlisted[0].path}")
    return data
