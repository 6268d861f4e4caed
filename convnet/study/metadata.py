"""What a model file records of its training, as one record: `ModelRecord`."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.data.cohort.targets import TASKS
from convnet.data.preparation import Preparation
from convnet.evaluation import multilabel, regression, threshold
from convnet.evaluation.grouping import Grouping
from convnet.notice import NOTICE
from convnet.study import training_domain

if TYPE_CHECKING:
    from collections.abc import Callable

    from convnet.model import Model


@dataclass(frozen=True)
class Run:
    """One training run: its seed, how long it ran, which epoch was kept by which validation metric, if it was ended."""

    seed: int
    epochs_run: int
    best_epoch: int
    chosen_by: str
    chosen_value: float
    interrupted: bool = False


@dataclass(frozen=True)
class ModelRecord:
    """What a model file records; a field is empty where a file does not record it.

    classes           the class names, in the order of the outputs
    network, recipe   how it was built and trained (`recipe.Recipe.to_json`)
    mirrored          {"done": whether training images were mirrored, "why"}
    images            how many it was trained with: {split: {class: n}}
    seen              `fingerprint` of every image that it was fitted or chosen on
    labels            a hash of their labels (`resume.hash_labels`)
    runs              one, or one for each member of an ensemble
    preparation       how pixels are prepared
    scope             what it was trained on (`training_domain.learn`)
    temperature       of its probabilities (`calibration.temperature`)
    operating_points  thresholds and what they gave on validation (`threshold.curve`)
    task              "classes", "multilabel", "ordinal" or "regression" (`tasks`)
    calibration       of the other tasks than classes, as each of them fits it
    grouping          how images of one patient, study or series are joined; None: not at all

    The stored form is that of the first model files: a single run's fields stand beside the others, those of an
    ensemble in `members`; `preparation` is called `pipeline`.
    """

    classes: tuple[str, ...] = ()
    network: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)
    mirrored: dict[str, Any] = field(default_factory=dict)
    images: dict[str, dict[str, int]] = field(default_factory=dict)
    seen: tuple[str, ...] = ()
    labels: str = ""
    runs: tuple[Run, ...] = ()
    notice: str = NOTICE
    preparation: Preparation | None = None
    scope: dict[str, Any] | None = None
    temperature: float | None = None
    operating_points: dict[str, list[float]] | None = None
    grouping: Grouping | None = None
    task: str = "classes"
    calibration: Any = None

    def to_plain(self) -> dict[str, Any]:
        """Return the record as the JSON values that a model file stores."""
        runs = [asdict(run) for run in self.runs]
        plain = {
            "classes": list(self.classes),
            "network": self.network,
            "recipe": self.recipe,
            "mirrored": self.mirrored,
            "images": self.images,
            "seen": list(self.seen),
            "labels": self.labels,
            **(runs[0] if len(runs) == 1 else {"members": runs} if runs else {}),
            "notice": self.notice,
            "pipeline": None if self.preparation is None else self.preparation.to_plain(),
            "scope": self.scope,
            "temperature": self.temperature,
            "grouping": None if self.grouping is None else self.grouping.to_plain(),
            "task": None if self.task == "classes" else self.task,
            "calibration": self.calibration,
        }
        kept = {name: value for name, value in plain.items() if value not in (None, "", [], {})}
        if self.temperature is not None:  # a curve may be None: more than two classes have none
            kept["operating_points"] = self.operating_points
        return kept

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> ModelRecord:
        """Return the record that a model file stores, of this version or an older one.

        Raises ValueError that names the first field that cannot be used.
        """
        runs = plain.get("members") or ([plain] if "best_epoch" in plain else [])
        training_domain.check(plain.get("scope"))
        task = _read(plain, "task", "classes", _task, "task is unknown")
        outputs = len(plain.get("classes") or ()) - (task == "ordinal")
        check = regression.check if task == "regression" else lambda found: multilabel.check(found, outputs)
        return cls(
            task=task,
            calibration=_read(plain, "calibration", None, check, "calibration cannot be used"),
            classes=_read(plain, "classes", (), _texts, "names no classes"),
            network=_read(plain, "network", "", str, "network is damaged"),
            recipe=_read(plain, "recipe", {}, dict, "recipe is damaged"),
            mirrored=_read(plain, "mirrored", {}, dict, "record of mirroring is damaged"),
            images=_read(plain, "images", {}, dict, "image counts are damaged"),
            seen=_read(plain, "seen", (), _texts, "list of training images is damaged"),
            labels=_read(plain, "labels", "", str, "hash of its labels is damaged"),
            runs=_read({"runs": runs}, "runs", (), _runs, "record of its training runs is damaged"),
            notice=_read(plain, "notice", NOTICE, str, "notice is damaged"),
            preparation=_read(plain, "pipeline", None, Preparation.from_plain, "pixel preparation cannot be used"),
            scope=plain.get("scope"),
            temperature=_read(plain, "temperature", None, _positive, "temperature cannot be used"),
            operating_points=threshold.check(plain.get("operating_points")),
            grouping=_read(plain, "grouping", None, lambda found: _grouping(found, check), "grouping cannot be used"),
        )


def _read(plain: dict[str, Any], name: str, absent: Any, convert: Callable[[Any], Any], fault: str) -> Any:
    """Return one field, converted; `absent` if it is not recorded. Raises ValueError."""
    if (found := plain.get(name)) is None:
        return absent
    try:
        return convert(found)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise ValueError(f"the model file's {fault}: {error or type(error).__name__}") from None


def _task(found: Any) -> str:
    if found not in TASKS:
        raise ValueError(f"expected one of {', '.join(TASKS)}, got {found!r}")
    return str(found)


def _grouping(found: Any, check: Callable[[Any], Any]) -> Grouping:
    grouping = Grouping.from_plain(found)
    return grouping if grouping.fitted is None else replace(grouping, fitted=check(grouping.fitted))


def _texts(found: Any) -> tuple[str, ...]:
    if not isinstance(found, list | tuple) or not all(isinstance(text, str) for text in found):
        raise ValueError("expected a list of texts")
    return tuple(found)


def _positive(found: Any) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 < found < float("inf"):
        raise ValueError(f"expected a number above 0, got {found!r}")
    return float(found)


def _runs(found: Any) -> tuple[Run, ...]:
    names = Run.__dataclass_fields__
    return tuple(Run(**{name: one[name] for name in names if name in one}) for one in found)


def read_record(model: Model) -> ModelRecord:
    """Return what the model's file records. Raises ValueError that names the model and the damaged field."""
    try:
        return ModelRecord.from_plain(model.metadata)
    except ValueError as error:
        raise ValueError(f"{model.name}: {error}") from None


def read_classes(model: Model) -> tuple[str, ...]:
    """Return the class names in the model's file. Raises ValueError unless there is one for each output."""
    classes = read_record(model).classes
    if not classes:
        raise ValueError(f"{model.name}: the model file names no classes: it was not made by `convnet train`")
    shape = model.training_graph().output.sample_shape
    if shape != (len(classes) - (read_record(model).task == "ordinal"),):
        raise ValueError(f"{model.name}: the model file names {len(classes)} classes for outputs of shape {shape}")
    return classes


def read_preparation(model: Model) -> Preparation:
    """Return how the training images' pixels were prepared. Raises ValueError unless it fits the model's input."""
    found = read_record(model).preparation
    if found is None:
        raise ValueError(
            f"{model.name}: the model file does not record how its pixels were prepared: "
            "it was not made by `convnet train`"
        )
    shape = tuple(model.input_shape or ())
    wave = shape[:1] == (1,)  # an electrocardiogram's images are one pixel high, its channels are leads
    if found.size not in shape[:2] or not (wave or shape[2:] == (found.channels,)):
        prepared = f"{found.size!r} pixels, {found.channels!r} channel(s)"
        raise ValueError(f"{model.name}: the model file prepares {prepared}, for {model.input_shape}")
    return found


def fingerprint(image: np.ndarray) -> str:
    """Return 64 bits of a hash of the prepared pixels: it recognises an image whatever its file's name."""
    return hashlib.sha256(image.tobytes()).hexdigest()[:16]


def count_seen(record: ModelRecord, x: Any) -> int:
    """Return how many of these images the model was fitted or chosen on."""
    seen = set(record.seen)
    return sum(fingerprint(image) in seen for image in x)
