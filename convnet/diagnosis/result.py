"""The result for one frame of one file, as it is shown, stored and filed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

OPTIONAL = ("pictures", "dicom", "group", "value", "interval")


@dataclass(frozen=True)
class Outlier:
    """How unlike training an image's features are (`outlier.score`); above the threshold the model abstains."""

    score: float
    threshold: float


@dataclass(frozen=True)
class Result:
    """What the model says about one frame, or why it abstains.

    path           the file's name, or its pseudonym; frame: from 0
    input          SHA-256 of the file
    label          the most probable class, the findings joined by "|", the grade or the value as text; None if the
                   model abstains
    probabilities  by class, finding or grade; None if it abstains, and for measurements
    value, interval  of a measurement: the prediction, and where nine new values of ten lie
    abstains       the reasons: the image is outside the training domain
    unchecked      what could not be compared with the training domain, because a header does not state it
    outlier        None if the model file records no training domain
    group          pseudonym of its patient, study or series, "" if unknown; None if the model joins no images
    pictures, dicom  names of the files that were written of it; None: none were asked for
    """

    path: str
    frame: int
    input: str
    label: str | None = None
    probabilities: dict[str, float] | None = None
    value: float | None = None
    interval: tuple[float, float] | None = None
    abstains: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    outlier: Outlier | None = None
    group: str | None = None
    pictures: tuple[str, ...] | None = None
    dicom: tuple[str, ...] | None = None

    def to_plain(self) -> dict[str, Any]:
        """Return plain JSON values, in this order; files are named only if there are any to name."""
        plain = {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}
        return {name: value for name, value in plain.items() if value is not None or name not in OPTIONAL}
