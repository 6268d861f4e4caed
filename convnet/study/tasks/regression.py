"""A measurement: one linear output, the mean squared error, and an interval that holds nine new values of ten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convnet.evaluation import grouping as joining
from convnet.evaluation import regression as measuring
from convnet.evaluation.intervals import format_interval
from convnet.evaluation.side_by_side import group_lines
from convnet.evaluation.subgroups import subgroup_lines, subgroups
from convnet.notice import NOTICE
from convnet.output.words import count
from convnet.study.tasks.base import Asked, Task

if TYPE_CHECKING:
    from convnet.data.cohort import Cohort
    from convnet.evaluation.grouping import Grouping
    from convnet.model import Model
    from convnet.study.metadata import ModelRecord


@dataclass(frozen=True)
class Regression(Task):
    """p (N,): the value. The network learns (y - mean) / sd, and is put into the values' own unit after."""

    mean: float = 0.0
    sd: float = 1.0

    name = "regression"
    activation = "linear"
    loss = "mean_squared_error"
    metrics = ()
    score_name = None

    def prepare(self, y: np.ndarray) -> Regression:
        """Return the task with the mean and standard deviation of the training values."""
        return Regression(float(y.mean()), float(y.std()))

    def targets(self, y: np.ndarray, classes: int) -> np.ndarray:
        """Return the standardized values (N,1)."""
        return ((y - self.mean) / self.sd).astype(np.float32)[:, None]

    def check(self, cohort: Cohort, y: np.ndarray) -> None:
        """Raise ValueError if the training values are all the same."""
        if y.std() == 0:
            raise ValueError(f"train: the training values are all {y[0]:g}: there is nothing to learn")

    def finish(self, model: Model, outputs: np.ndarray) -> np.ndarray:
        """Fold the standardization into the last layer: the model's output is in the values' own unit."""
        last: Any = model.training_graph().calls[-1].layer
        last.kernel.value[...] *= self.sd
        last.bias.value[...] = last.bias.value * self.sd + self.mean
        return outputs * self.sd + self.mean

    def read(self, outputs: np.ndarray, members: int = 1) -> np.ndarray:
        """Return the values (N,)."""
        return super().read(outputs, members)[:, 0]

    def fit(self, y: np.ndarray, p: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
        """Return the half width of a prediction's interval."""
        return {"calibration": measuring.fit(y, p, groups)}

    def calibrate(self, p: np.ndarray, record: ModelRecord) -> np.ndarray:
        """Return the values as they are: what is calibrated is their interval."""
        return p

    def measure(self, y: np.ndarray, p: np.ndarray, record: ModelRecord, asked: Asked) -> dict[str, Any]:
        """Return `regression.measure` and subgroups."""

        def of(at: np.ndarray) -> dict[str, Any]:
            found = measuring.named_metrics(y[at], p[at], None)
            return {name: found[name] for name in ("MAE", "bias")}

        found = measuring.measure(y, p, asked.groups, record.calibration, asked.wilson)
        return {"classes": list(record.classes), **found, "subgroups": subgroups(asked.groups, asked.facts, of)}

    def lines(self, result: dict[str, Any]) -> list[str]:
        """Return a line for each metric, and the calibration."""
        low, high = result["range"]
        out = [f"images {result['n']} of {count(result['patients'], 'patient')}, values from {low:g} to {high:g}"]
        out.append("95% intervals by bootstrap over patients:")
        out += [f"  {name}: {format_interval(metric)}" for name, metric in result["figures"].items()]
        fitted = result["interval"]
        if fitted is not None and fitted["half_width"] is not None:
            held = f"holds {fitted['held']:.0%} of new patients, by {fitted['patients']} validation patients"
            out.append(f"interval of a prediction: +- {fitted['half_width']:.4g}, {held}")
        elif fitted is not None:
            out.append(f"interval of a prediction: none, {fitted['patients']} validation patients are too few")
        if result["calibration"]["slope"] is not None:
            line = result["calibration"]
            out.append(f"calibration: value = {line['intercept']:.4g} + {line['slope']:.3f} * prediction")
        return [*out, *subgroup_lines(result["subgroups"]), *group_lines(result), NOTICE]

    def tell(self, p: np.ndarray, record: ModelRecord) -> dict[str, Any]:
        """Return the value and, if the model has one, its interval."""
        half = None if record.calibration is None else record.calibration["half_width"]
        value = float(p)
        around = None if half is None else (value - half, value + half)
        return {"label": f"{value:.4g}", "value": value, "interval": around}

    def output_of(self, p: np.ndarray, record: ModelRecord) -> tuple[int, str]:
        """Return the one output."""
        return 0, "a larger value"

    def untell(self, told: Any, record: ModelRecord) -> np.ndarray:
        """Return the value."""
        return np.array(told.value)

    def join(self, p: np.ndarray, of: np.ndarray, grouping: Grouping) -> np.ndarray:
        """Return the mean, the largest or the mean of the K largest values of a group's images."""
        return joining.join_columns(p[:, None], of, grouping)[:, 0]

    def join_labels(self, y: np.ndarray, of: np.ndarray, grouping: Grouping, classes: tuple[str, ...]) -> np.ndarray:
        """Return the values of the groups: their images', joined as the predictions are."""
        return joining.join_columns(y[:, None], of, grouping)[:, 0]

    def soft_loss(self, smoothing: float) -> Any:
        """Return the loss; ValueError if targets are to be smoothed."""
        if smoothing:
            raise ValueError("train: --label-smoothing spreads a class over the others; a measurement has no others")
        return self.loss

    def summary(self, y: np.ndarray, p: np.ndarray, classes: tuple[str, ...]) -> dict[str, float | None]:
        """Return the mean absolute error and R2."""
        found = self.overall(y, p, classes)
        values = {name: float(metric(np.ones((1, len(y))))[0]) for name, metric in found.items()}
        return {name: None if np.isnan(value) else value for name, value in values.items()}

    def overall(self, y: np.ndarray, p: np.ndarray, classes: tuple[str, ...]) -> dict[str, Any]:
        """Return the same as metrics of sample weights."""
        found = measuring.named_metrics(y, p, None)
        return {"MAE": found["MAE"], "R2": found["R2"]}
