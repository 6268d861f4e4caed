"""Metrics with Keras's names, gathered over the batches of an epoch."""

from __future__ import annotations

from typing import Any

from convnet.metrics.base import Metric
from convnet.metrics.counts import AUC, F1Score, Precision, Recall
from convnet.metrics.functions import FunctionMetric
from convnet.metrics.means import (
    BinaryAccuracy,
    CategoricalAccuracy,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from convnet.metrics.outputs import OutputMetric, per_output, reported_names
from convnet.metrics.overlap import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from convnet.utils import name_what_exists

_CLASSES: tuple[type[Metric], ...] = (
    SparseCategoricalAccuracy,
    CategoricalAccuracy,
    BinaryAccuracy,
    MeanSquaredError,
    MeanAbsoluteError,
    AUC,
    Precision,
    Recall,
    F1Score,
    TopKCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    IoU,
    BinaryIoU,
    MeanIoU,
    OneHotIoU,
    OneHotMeanIoU,
)
BY_NAME: dict[str, type[Metric]] = {cls.kind: cls for cls in _CLASSES} | {
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "AUC": AUC,
}
_ALIASES = {cls.__name__: cls for cls in _CLASSES} | {"MSE": MeanSquaredError, "MAE": MeanAbsoluteError}
__all__ = [
    "FunctionMetric",
    "Metric",
    "OutputMetric",
    "per_output",
    "reported_names",
    *(cls.__name__ for cls in _CLASSES),
]
__getattr__ = name_what_exists("convnet.metrics", [cls.__name__ for cls in _CLASSES])


def get(metric: Any, target_shape: tuple[Any, ...], output_shape: tuple[Any, ...]) -> Metric:
    """Return a metric object, from one or from its name.

    "accuracy" means the one that fits the shapes of the targets and of the outputs, by Keras's rule: one output is a
    yes or a no; targets with an axis less, or one number where there are several outputs, are class numbers.
    """
    if isinstance(metric, OutputMetric):
        shapes = target_shape[metric.place], output_shape[metric.place]
        if shapes[0] is None:
            raise ValueError(f"metric {metric.name!r}: there are no targets for the output {metric.output!r}")
        return OutputMetric(metric.output, metric.place, get(metric.metric, *shapes), metric.name)
    if isinstance(metric, Metric):
        return metric
    if metric in ("accuracy", "acc"):
        if output_shape[-1] == 1:
            return BinaryAccuracy(metric)
        sparse = len(target_shape) < len(output_shape) or target_shape[-1] == 1
        return SparseCategoricalAccuracy(metric) if sparse else CategoricalAccuracy(metric)
    return _from_name(metric)


def _from_name(metric: str) -> Metric:
    return (BY_NAME | _ALIASES)[metric](name=metric)


def from_config(config: dict[str, Any]) -> Metric:
    """Return the metric that `get_config` described."""
    settings = dict(config)
    if settings["name"] == OutputMetric.kind:
        inner = settings["metric"]
        found = inner if isinstance(inner, str) else from_config(inner)
        return OutputMetric(settings["output"], int(settings["place"]), found, settings["label"])
    return BY_NAME[settings.pop("name")](name=settings.pop("label"), **settings)


def check(metric: Any) -> Any:
    """Return a metric object or a supported name, as it is; ValueError lists the names."""
    if isinstance(metric, OutputMetric):
        inner = check(metric.metric)
        return metric if inner is metric.metric else OutputMetric(metric.output, metric.place, inner, metric.name)
    if isinstance(metric, F1Score) and metric.average is None:
        raise ValueError(
            f"metric {metric.name!r}: F1Score(average=None) gives one number a class, and training reports one number: "
            "choose average='macro', 'micro' or 'weighted'"
        )
    if isinstance(metric, str) and metric in ("F1Score", "f1_score"):
        raise ValueError(
            "metric 'f1_score': give F1Score(average='macro'): by its name alone it gives one number a class"
        )
    if isinstance(metric, Metric) or (isinstance(metric, str) and metric in ("accuracy", "acc", *BY_NAME, *_ALIASES)):
        return metric
    if callable(metric) and not isinstance(metric, type):
        return FunctionMetric(metric)
    raise ValueError(f"metric {metric!r} is not supported; choose one of: accuracy, {', '.join(BY_NAME)}")


def direction(name: str, plain: list[Any], weighted: list[Any]) -> str | None:
    """Return "up" or "down" for the compiled metric that `fit` reports under a name; None if there is none."""
    for reported, metric in zip(reported_names(plain, weighted), (*plain, *weighted), strict=True):
        if reported == name:
            return _direction(metric)
    return None


def _direction(metric: Any) -> str | None:
    if isinstance(metric, OutputMetric) and isinstance(metric.metric, str):
        return _direction(metric.metric)
    if isinstance(metric, Metric):
        return metric.direction
    return "up" if metric in ("accuracy", "acc") else (BY_NAME | _ALIASES)[metric].direction
