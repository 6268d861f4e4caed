"""`explain` and `explain_backward` of layers and models: run a plan, take one of its numbers apart.

Explained is what the network does in use: dropout passes everything on, batch normalisation uses its kept statistics.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from convnet.engine.graph import Call, Graph, record
from convnet.engine.heads import Head
from convnet.engine.operator import Operator, Step, Value
from convnet.engine.parameter import Parameter
from convnet.engine.plan import Plan
from convnet.engine.site import Site
from convnet.losses import Bound, Loss, Objective
from convnet.nested.several import joined, sample_shape
from convnet.terms.backward import OF_INPUT, OF_WEIGHT, ROUNDINGS, own_error
from convnet.terms.forward import FORWARD, Index, at
from convnet.terms.loss import loss_draft
from convnet.terms.terms import Draft, Explanation, Part, Term, sum_terms


class Network(Protocol):
    """A model, as its explanations see it."""

    name: str

    def graph(self, shape: tuple[int, ...], training: bool = False) -> Graph:
        """Return the recorded layer calls for samples of this shape."""

    def check_batch(self, x: Any) -> Any:
        """Return x as an array that the model takes, or raise."""

    def settle(self, gives: Any) -> None:
        """Choose the losses for these outputs."""

    def require_compiled(self, where: str) -> tuple[Loss | Objective, Any]:
        """Return loss and optimizer, or raise if the model has none."""


class _Given(Loss):
    """L = sum dy * y: the loss whose gradient with respect to the output is a given dy."""

    name = "given"

    def __init__(self, dy: np.ndarray) -> None:
        super().__init__()
        self.dy = dy

    def bind(self, target: str, y: np.ndarray, yhat: np.ndarray, weights: np.ndarray | None, *, logits: bool) -> Bound:
        def forward(out: np.ndarray) -> None:
            out[...] = np.vdot(self.dy, yhat)

        def backward(out: np.ndarray) -> None:
            out[...] = self.dy

        return Bound(forward, backward)

    def draft(self, index: Index) -> Draft:
        """Take the output's own gradient apart: dy."""
        value = float(self.dy[index])
        return Draft("dy", [Term(at("dy", *index), (value,), value)], value, 0.0)


# --- a layer by itself


def explain_layer(layer: Operator, x: Any, index: Index) -> Explanation:
    """Take one output of a layer apart, for a batch x of its inputs."""
    graph, x = _layer_graph(layer, x)
    plan = _forward(graph, x)
    return _forward_parts(plan, graph.calls[-1], index)


def explain_layer_backward(layer: Operator, x: Any, dy: Any, index: Index, of: str) -> Explanation:
    """Take one number of a layer's gradient apart, for a batch x of its inputs and dy = dL/dy."""
    graph, x = _layer_graph(layer, x)
    dy = np.asarray(dy)
    expected = (len(x), *graph.output.sample_shape)
    if dy.shape != expected:
        raise ValueError(f"{layer.name}: dy must have the output's shape {expected}, got {dy.shape}")
    plan = backward_plan(graph, x, _Given(dy.astype(graph.dtype)))
    return _gradient(plan, graph.calls[-1], index, of)


def _layer_graph(layer: Operator, x: Any) -> tuple[Graph, np.ndarray]:
    if layer.inputs != 1:
        raise ValueError(f"{layer.name}: takes {layer.inputs} inputs: explain it inside a model, model.explain(...)")
    x = np.asarray(x)
    if x.ndim < 2 or x.dtype.kind not in "fiub":
        raise ValueError(f"{layer.name}: expects a batch of its inputs, (N, ...), got {x.dtype} of shape {x.shape}")
    graph = record(lambda node: layer.record(node, None), x.shape[1:], layer.dtype or np.float32, False, layer.name)
    return graph, x


# --- a layer inside a model


def explain_model(model: Network, x: Any, index: Index, layer: Operator | str | None) -> Explanation:
    """Take one output of a model's layer (by default the last) apart, for a batch of the model's inputs."""
    x = model.check_batch(x)
    graph = model.graph(sample_shape(x.shape))
    plan = _forward(graph, x)
    return _forward_parts(plan, _call(model, graph, layer), index)


def explain_model_backward(
    model: Network, x: Any, y: Any, index: Index, layer: Operator | str | None, of: str
) -> Explanation:
    """Take one number of the gradient of the model's loss apart.

    model  a compiled model
    x, y   a batch of its inputs, and their targets
    index  of the number in the gradient
    layer  a layer of the model or its name; by default the last
    of     "x", "y", "z" or a parameter's name: with respect to what
    """
    model.require_compiled("explain_backward")
    x = model.check_batch(x)
    graph = model.graph(sample_shape(x.shape))
    model.settle(graph.gives)
    loss, _ = model.require_compiled("explain_backward")
    plan = backward_plan(graph, x, loss, y)
    return _gradient(plan, _call(model, graph, layer), index, of)


def _call(model: Network, graph: Graph, layer: Operator | str | None) -> Call:
    """Return the last call of the named layer; of all calls if none is named."""
    found = [c for c in graph.calls if layer is None or layer in (c.layer, c.layer.name)]
    if not found:
        there = ", ".join(layer.name for layer in graph.layers)
        raise ValueError(f"{model.name}: there is no layer {getattr(layer, 'name', layer)!r}; there is {there}")
    return found[-1]


# --- plans


def _forward(graph: Graph, x: np.ndarray) -> Plan:
    plan = Plan(graph, len(x), rewritten=False)
    plan.x[...] = x
    plan.forward()
    return plan


def backward_plan(graph: Graph, x: Any, loss: Loss | Objective, y: Any = None) -> Plan:
    """Return a plan that has gone forward, and back from a loss with its targets y; it keeps every gradient."""
    plan = Plan(graph, len(x), loss=loss, input_gradient=True, rewritten=False)
    if y is not None:
        labels = graph.gives.take("explain_backward", "y", y)
        y = joined(map(np.asarray, labels), graph.gives.bare)
        loss.check_labels(y, graph.output_shape)
        plan.fill(y, None)
    plan.x[...] = x
    plan.forward()
    plan.backward()
    return plan


def _site(plan: Plan, step: Step) -> Site:
    """Return a step's arrays, with dy if there is one."""
    return Site(
        step,
        plan.target,
        tuple(plan.of(v) for v in step.inputs),
        plan.of(step.output),
        tuple(p.value for p in step.parameters),
        dy=plan.gradient_of(step.output) if plan.has_gradient(step.output) else None,
    )


# --- forward


def _place_in(shape: Index, index: Index, of: Index) -> Index:
    """Return where a number of an array of shape `of` stands under another shape: a step may only reshape."""
    return index if shape == of else tuple(int(i) for i in np.unravel_index(np.ravel_multi_index(index, of), shape))


def _forward_parts(plan: Plan, call: Call, index: Index) -> Explanation:
    y = plan.of(call.output)
    index = _checked(call.layer, "y", index, y.shape)
    steps = plan.low.steps_of(call.output)
    if not steps:
        value = float(y[index])
        term = Term(at("x", *index), (value,), value)
        return Explanation((Part(f"{at('y', *index)} of {call.layer.name}", "x", (term,), value, value, 0.0, "it"),))
    parts = []
    for place, step in enumerate(steps):
        site = _site(plan, step)
        here = _place_in(site.y.shape, index, y.shape)
        draft = FORWARD[step.operation](site, here)
        name = "y" if place == len(steps) - 1 else "z"
        what = f"{at(name, *here)} of {call.layer.name}"
        kernel = float(site.y[here])
        parts.append(Part(what, draft.formula, tuple(draft.terms), draft.value, kernel, draft.bound, draft.how))
    return Explanation(tuple(parts))


def _checked(layer: Operator, name: str, index: Index, shape: tuple[int, ...]) -> Index:
    """Return the index as ints; ValueError unless it is inside of the array."""
    whole = all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) for v in index)
    if len(index) != len(shape) or not whole or any(not 0 <= v < n for v, n in zip(index, shape, strict=True)):
        raise ValueError(
            f"{layer.name}: {name} has shape {shape}; the index must be {len(shape)} numbers in it, got {index}"
        )
    return tuple(int(v) for v in index)


# --- backward


def _gradient(plan: Plan, call: Call, index: Index, of: str) -> Explanation:
    parameters = {p.name.rsplit("/", 1)[-1]: p for p in call.layer.own_parameters if p.trainable}
    if of in parameters:
        return _of_weight(plan, call.layer, parameters[of], index, of)
    values = _values(plan, call)
    if of not in values:
        there = ", ".join(map(repr, (*values, *parameters)))
        raise ValueError(f"{call.layer.name}: there is no gradient of {of!r}; choose one of: {there}")
    return _of_value(plan, call.layer, values[of], index, of)


def _values(plan: Plan, call: Call) -> dict[str, Value]:
    """Return a call's numbers by name: x (and x2) that it reads, z of its activation, y if it has a gradient."""
    found = {f"x{n + 1 if n else ''}": plan.low.values[id(node)] for n, node in enumerate(call.inputs)}
    steps = plan.low.steps_of(call.output)
    if len(steps) > 1:
        found["z"] = steps[0].output
    if plan.has_gradient(call.output):
        found["y"] = plan.low.values[id(call.output)]
    return found


def _of_weight(plan: Plan, layer: Operator, parameter: Parameter, index: Index, of: str) -> Explanation:
    if parameter not in plan.gradients:
        raise ValueError(f"{layer.name}: its weights are frozen (trainable is False), so they have no gradient")
    gradient = plan.gradients[parameter]
    index = _checked(layer, of, index, gradient.shape)
    uses = [s for s in plan.low.steps if parameter in s.parameters]
    found = [OF_WEIGHT[s.operation](_site(plan, s), s.parameters.index(parameter), index) for s in uses]
    return _add_up(f"{at(f'd{of}', *index)} of {layer.name}", found, float(gradient[index]), gradient.dtype)


def _of_value(plan: Plan, layer: Operator, value: Value, index: Index, of: str) -> Explanation:
    gradient = plan.gradient_of(value)
    index = _checked(layer, of, index, gradient.shape)
    swallowed = [head.swallowed for head in plan.heads]
    readers = [s for s in plan.low.steps if s not in swallowed]
    places = [(s, place) for s in readers for place, read in enumerate(s.inputs) if read is value]
    found = [OF_INPUT[s.operation](_site(plan, s), place, index) for s, place in places]
    extra = sum(own_error(_site(plan, s), index) for s, _ in places)
    for head in plan.heads:
        if value is head.reads:
            draft = _of_loss(plan, head, index)
            found.append((draft.formula, draft.terms))
            extra += draft.bound
    what = f"{at(f'd{of}', *index)} of {layer.name}"
    return _add_up(what, found, float(gradient[index]), gradient.dtype, extra)


def _of_loss(plan: Plan, head: Head, index: Index) -> Draft:
    """Take the loss's own gradient at what it reads apart."""
    if isinstance(head.loss, _Given):
        return head.loss.draft(index)
    if head.weight != 1:
        raise ValueError(f"explain_backward: loss_weights other than 1 cannot be explained, got {head.weight}")
    return loss_draft(head.loss, head.target, plan.of(head.reads), index, head.swallowed is not None)


def _add_up(
    what: str, found: list[tuple[str, list[Term]]], kernel: float, dtype: Any, extra: float = 0.0
) -> Explanation:
    """Return the sum of what the uses of a parameter, or the readers of a value, contribute."""
    formula = "  +  ".join(formula for formula, _ in found)
    draft = sum_terms(formula, [term for _, terms in found for term in terms], dtype, ROUNDINGS, extra)
    return Explanation((Part(what, formula, tuple(draft.terms), draft.value, kernel, draft.bound),))
