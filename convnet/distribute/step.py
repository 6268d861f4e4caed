"""One step of training, shard by shard."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import numpy as np

from convnet.distribute.shards import Shards
from convnet.engine.lowering import lower
from convnet.engine.plan import Plan
from convnet.nested.several import joined, parts

_DRAWING = ("dropout", "drawn", "warped")  # operations that take the next of their layer's random numbers


class ShardedStep:
    """The steps of a model's training whose batches are cut into shards.

    A shard's numbers are one flat array: its gradients, then what its forward pass made of the kept statistics, all
    times n_s / B. So the sum over the shards is the batch's gradient, and the mean of the statistics.
    """

    def __init__(self, model: Any, shards: Shards) -> None:
        wrong = [loss for loss, _ in model.loss.of_outputs if loss is not None and not loss.is_mean]
        if wrong:
            raise ValueError(
                f"{model.name}: with compile(distribute=...) a loss must be a mean over samples, so that parts of a "
                f"batch can be computed apart; {type(wrong[0]).__name__} with {wrong[0].get_config()} is not"
            )
        graph, arena = model.training_graph(), model.arena()
        layers = graph.layers
        self._shards, self._bare, self._graph = shards, graph.gives.bare, graph
        self.made_for = shards, graph, arena
        self._kept = [p for layer in layers if layer.trainable for p in layer.parameters if not p.trainable]
        self._drawn: Counter[Any] = Counter(s.layer for s in lower(graph, True).steps if s.operation in _DRAWING)
        self._arrays = [g for _, g in arena.slabs] + [p.value.reshape(-1) for p in self._kept]
        length = sum(a.size for a in self._arrays)
        self._numbers = {s: np.empty(length, self._arrays[0].dtype) for s in shards.mine}  # kept: new memory is slow

    def compute(self, data: Any, part: Any, with_outputs: bool) -> tuple[int, Any, Any, Any]:
        """Leave a batch's gradients and statistics in the model; return its size, loss, targets and outputs.

        data          Batches or a Stream, and `part` a batch of it
        with_outputs  False where nobody reads them: they are None
        """
        count = data.count_of(part)
        bounds = self._shards.bounds(count)
        calls, kept = {layer: layer.calls for layer in self._drawn}, [p.value.copy() for p in self._kept]
        sums: dict[tuple[int, int], np.ndarray] = {}
        losses, outputs = [], []
        for s in self._shards.mine:
            first, last = bounds[s], bounds[s + 1]
            share = (last - first) / count
            loss = np.zeros(len(data.loss_names))
            ys = [np.empty((0, *node.sample_shape), self._graph.dtype) for node in self._graph.outputs]
            if share:
                self._continue_at(calls, kept, first)
                plan = self._run(data, part, first, last)
                loss, ys = share * np.atleast_1d(np.asarray(plan.measured(), float)), [y.copy() for y in parts(plan.y)]
            sums[s, s + 1] = self._collect(s, share)
            losses.append(loss)
            outputs.append(ys)
        self._spread(self._shards.add_up(sums))
        self._continue_at(calls, [], count)
        whole = np.sum(self._shards.gather(losses, [losses[0].shape] * self._shards.shards), axis=0)
        return (
            count,
            float(whole[0]) if self._bare else whole,
            data.labels_of(part),
            self._gather(outputs, bounds) if with_outputs else None,
        )

    def _run(self, data: Any, part: Any, first: int, last: int) -> Plan:
        some, of_it = data.shard(part, first, last)
        plan: Plan = some.load(of_it)[0]
        plan.forward()
        plan.backward()
        return plan

    def _continue_at(self, calls: dict[Any, int], kept: list[np.ndarray], sample: int) -> None:
        """Put the random numbers where this sample of the batch has them, and the statistics to before the batch."""
        for layer, before in calls.items():
            layer.calls = before + self._drawn[layer] * sample
        for p, value in zip(self._kept, kept, strict=False):
            p.value[...] = value

    def _collect(self, shard: int, share: float) -> np.ndarray:
        """Return a shard's numbers: its share of what is in the model now."""
        numbers, start = self._numbers[shard], 0
        for array in self._arrays:
            np.multiply(array, numbers.dtype.type(share), out=numbers[start : start + array.size])
            start += array.size
        return numbers

    def _spread(self, numbers: np.ndarray) -> None:
        """Copy the sum to the gradients and the statistics."""
        start = 0
        for array in self._arrays:
            array[...] = numbers[start : start + array.size]
            start += array.size

    def _gather(self, own: list[list[np.ndarray]], bounds: list[int]) -> Any:
        """Return the outputs for the whole batch."""
        counts = [b - a for a, b in itertools.pairwise(bounds)]
        found = []
        for place, node in enumerate(self._graph.outputs):
            shapes = [(n, *node.sample_shape) for n in counts]
            found.append(np.concatenate(self._shards.gather([ys[place] for ys in own], shapes)))
        return joined(found, self._bare)
