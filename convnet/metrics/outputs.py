"""Metrics of models with several outputs: which output each is of."""

from __future__ import annotations

from itertools import count
from typing import Any

from convnet.metrics.base import Metric
from convnet.nested.several import Several
from convnet.nested.structure import Structure, leaves


class OutputMetric(Metric):
    """A metric of one of several outputs, reported as "output_metric"; `metric` is a metric or the name of one."""

    kind = "output"
    settings = ("output", "place", "metric")

    def __init__(self, output: str, place: int, metric: Any, name: str | None = None) -> None:
        self.output, self.place, self.metric = output, place, metric
        own = metric if isinstance(metric, str) else getattr(metric, "name", getattr(metric, "__name__", "metric"))
        super().__init__(name or f"{output}_{own}")

    @property
    def direction(self) -> str | None:  # type: ignore[override]
        """The metric's own; of a name, see `convnet.metrics.direction`."""
        return self.metric.direction if isinstance(self.metric, Metric) else None

    def reset(self) -> None:
        """Forget what was seen."""
        if isinstance(self.metric, Metric):
            self.metric.reset_state()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in one batch of all outputs; TypeError before the metric was chosen."""
        weight = sample_weight.arrays[self.place] if isinstance(sample_weight, Several) else sample_weight
        labels = y_true.arrays[self.place]
        if labels is None:
            raise ValueError(f"metric {self.name!r}: there are no targets for the output {self.output!r}")
        given = (labels, y_pred.arrays[self.place])
        self.metric.update_state(*given) if weight is None else self.metric.update_state(*given, weight)

    def result(self) -> Any:
        """Return the metric over all that was seen."""
        return self.metric.result()

    def get_config(self) -> dict[str, Any]:
        """Return the settings as plain JSON."""
        inner = self.metric if isinstance(self.metric, str) else self.metric.get_config()
        return {"name": self.kind, "label": self.name, "output": self.output, "place": self.place, "metric": inner}


def reported_names(plain: list[Any], weighted: list[Any]) -> list[str]:
    """Return the names under which metrics are reported, each once, as Keras makes them.

    A weighted metric whose name is taken is called weighted_NAME, and any other NAME_1, NAME_2 ...
    """
    names: list[str] = []
    for metric in (*plain, *weighted):
        name = metric if isinstance(metric, str) else metric.name
        if name in names and len(names) >= len(plain):
            before = f"{metric.output}_" if isinstance(metric, OutputMetric) else ""
            name = f"{before}weighted_{name.removeprefix(before)}"
        others = (f"{name}_{k}" for k in count(1))
        names.append(name if name not in names else next(n for n in others if n not in names))
    return names


def per_output(what: str, given: Any, gives: Structure) -> list[Any]:
    """Return compile's metrics: as they are for one output, and for several each with the output that it is of.

    A list with one entry (a metric, or a list of them) for each output, or a dict of them by name.
    """
    if given is None:
        return []
    if isinstance(given, str) or (isinstance(given, dict) and not set(given) <= set(gives.names)):
        raise TypeError(
            f"compile: {what} must be a list, like ['accuracy'], or a dict by output ({', '.join(gives.names)}), "
            f"got {given!r}"
        )
    if gives.bare:
        return [metric for metric in leaves(given) if metric is not None]
    names = gives.names
    if isinstance(given, dict):
        lists = [given.get(name) for name in names]
    elif isinstance(given, (list, tuple)) and len(given) == len(names):
        lists = list(given)
    else:
        raise ValueError(
            f"compile: {what} must be a list with an entry for each output, or a dict by name, of {', '.join(names)}; "
            f"got {given!r}"
        )
    return [
        OutputMetric(name, place, metric)
        for place, (name, some) in enumerate(zip(names, lists, strict=True))
        for metric in leaves(some)
        if metric is not None
    ]
