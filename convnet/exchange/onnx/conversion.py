"""Converting a graph: one pass over its nodes, each folded to numbers or turned into layers of ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

from convnet.exchange.onnx.errors import OnnxError
from convnet.exchange.onnx.folding import FOLDABLE, fold
from convnet.exchange.onnx.layout import LayoutError
from convnet.exchange.onnx.nodes import OnnxNode, count_readers
from convnet.exchange.onnx.opsets import newest_form
from convnet.exchange.onnx.values import Constant, Label, Value

Convert = Callable[["Call"], Any]  # a node's first output, or a list of its outputs
OF_LABELS = frozenset({"Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze"})  # what may stand behind an ArgMax
ABSORBED = {"Relu": "relu", "Sigmoid": "sigmoid"}  # activations that the layer before them has as its own


@dataclass
class Conversion:
    """The graph on its way to a model.

    where      the file, as errors name it
    nodes      sorted
    outputs    the names of the graph's outputs
    opset      of its operators
    operators  how each is converted
    trials     two numbers of images to compute shapes with; equal if the file fixes the number
    values     what each name stands for so far
    options    what the caller asked for
    """

    where: str
    nodes: list[OnnxNode]
    outputs: list[str]
    opset: int
    operators: dict[str, Convert]
    trials: tuple[int, int]
    values: dict[str, Value | Constant | Label] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    absorbed: dict[int, Value] = field(default_factory=dict)
    layers: dict[tuple[Any, ...], list[Any]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.readers = count_readers(self.nodes, self.outputs)
        self._reader: dict[str, OnnxNode] = {name: node for node in self.nodes for name in node.inputs if name}

    def require_operators(self) -> None:
        """Raise OnnxError that names every operator which is not supported, before anything is converted."""
        known = self.operators.keys() | FOLDABLE
        only = ", ".join(sorted(FOLDABLE - self.operators.keys()))
        if strange := [node for node in self.nodes if node.operator not in known]:
            places: dict[str, list[str]] = {}
            for node in strange:
                places.setdefault(node.operator, []).append(repr(node.name or node.outputs[0]))
            listed = "; ".join(
                f"{name} ({', '.join(at[:3])}{', ...' if len(at) > 3 else ''})" for name, at in places.items()
            )
            raise OnnxError(
                f"{self.where}: not supported: {listed}. Supported: {', '.join(sorted(self.operators))}; and, "
                f"on numbers that the file holds, {only}. Export a model of these operators"
            )

    def run(self) -> None:
        """Convert every node."""
        for node in self.nodes:
            arguments = [self._find(node, name) for name in node.inputs]
            for name, value in zip(node.outputs, self._convert(node, arguments), strict=False):
                if name and value is not None:
                    self.values[name] = value

    def _find(self, node: OnnxNode, name: str) -> Value | Constant | Label | None:
        if name and name not in self.values:
            raise OnnxError(f"{self.where}: {node.title}: nothing makes its input {name!r}")
        return self.values[name] if name else None

    def _convert(self, node: OnnxNode, arguments: list[Any]) -> list[Any]:
        if id(node) in self.absorbed:
            return [self.absorbed[id(node)]]
        try:
            if isinstance(next(iter(arguments), None), Label) and node.operator in OF_LABELS:
                return arguments[:1]
            if node.operator in FOLDABLE and not any(isinstance(a, (Value, Label)) for a in arguments):
                return list(fold(node, arguments, self.opset))
            if node.operator not in self.operators:
                raise OnnxError(f"{node.title}: is supported on numbers that the file holds, not on computed ones")
            operator, arguments, attributes = newest_form(node.operator, arguments, node.attributes, self.opset)
            made = self.operators[operator](Call(self, node, arguments, attributes))
        except LayoutError as error:
            raise OnnxError(
                f"{self.where}: {node.title}: {error}: a transposition while the model runs is not supported. Export "
                "the model without it, or with channels where its convolutions have them"
            ) from None
        except (ValueError, TypeError) as error:
            text = str(error)
            raise OnnxError(
                text if text.startswith(self.where) else f"{self.where}: {self._naming(node, text)}"
            ) from None
        return made if isinstance(made, list) else [made]

    @staticmethod
    def _naming(node: OnnxNode, text: str) -> str:
        return text if text.startswith(node.title) else f"{node.title}: {text}"

    def sole_reader(self, name: str) -> OnnxNode | None:
        """Return the one node that reads a value, if nothing else does."""
        return self._reader.get(name) if self.readers[name] == 1 else None

    def unique_name(self, wish: str) -> str:
        """Return a layer's name like the one wished for, which no other layer has."""
        base = re.sub(r"[^A-Za-z0-9_.-]+", "_", wish).strip("_.") or "layer"
        name, n = base, 1
        while name in self.taken:
            name, n = f"{base}_{n}", n + 1
        self.taken.add(name)
        return name


@dataclass
class Call:
    """One node that is being converted: what came in, and what its conversion needs."""

    conversion: Conversion
    node: OnnxNode
    arguments: list[Any]
    attributes: dict[str, Any]
    absorbed: list[OnnxNode] = field(default_factory=list)  # nodes after it that its layer computes as well

    def refuse(self, reason: str) -> NoReturn:
        """Raise OnnxError that names the file, the operator and the node."""
        raise OnnxError(f"{self.conversion.where}: {self.node.title}: {reason}")

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute, or its default."""
        return self.attributes.get(name, default)

    def argument(self, place: int) -> Value | Constant | Label | None:
        """Return an input, None if it is not given."""
        return self.arguments[place] if place < len(self.arguments) else None

    def value(self, place: int = 0) -> Value:
        """Return an input that a layer makes."""
        return self.computed(self.argument(place))

    def computed(self, found: Any) -> Value:
        """Return an input that a layer makes; refuse any other."""
        if isinstance(found, Label):
            self.refuse("an input is the place of a largest score, which only the model's output may be")
        if not isinstance(found, Value):
            self.refuse("an input that must be computed from the model's input is numbers in the file, or not given")
        return found

    def numbers(self, place: int) -> np.ndarray | None:
        """Return an input's numbers, None if it is not given; refuse any that is not known when the file is read."""
        found = self.argument(place)
        if found is None:
            return None
        if not isinstance(found, Constant):
            self.refuse(f"its input {place + 1} must be numbers in the file, not computed from the model's input")
        return self.fixed(found)

    def fixed(self, found: Constant) -> np.ndarray:
        """Return numbers; refuse those that depend on the number of images."""
        if not found.fixed:
            self.refuse("an input depends on the number of images")
        return found.array

    def integers(self, place: int) -> tuple[int, ...] | None:
        """Return an input's whole numbers, None if it is not given."""
        found = self.numbers(place)
        return None if found is None else tuple(int(n) for n in found.reshape(-1))

    def bias(self, place: int) -> np.ndarray | None:
        """Return a bias; None if it is not given, or is zeros that the graph makes, which are no parameter."""
        found, array = self.argument(place), self.numbers(place)
        made = isinstance(found, Constant) and not found.name
        return None if array is None or (made and not array.any()) else array

    def axis(self, axis: int, rank: int) -> int:
        """Return a sample's axis for one of ONNX's, which may count from the end; refuse the axis of the images."""
        found = axis + rank + 1 if axis < 0 else axis
        if not 0 < found <= rank:
            self.refuse(
                f"axis {axis} of a value with {rank + 1} axes: the first is that of the images, and is not taken"
            )
        return found - 1

    def used(self, output: int) -> bool:
        """Return True if something reads this output."""
        names = self.node.outputs
        return output < len(names) and self.conversion.readers[names[output]] > 0

    def absorb_activation(self, output: str | None = None) -> str | None:
        """Return the name of the activation that alone reads the output, and let it be part of the layer here."""
        reader = self.conversion.sole_reader(output or self.node.outputs[0])
        if reader is None or reader.operator not in ABSORBED or self.shares():
            return None
        self.absorbed.append(reader)
        return ABSORBED[reader.operator]

    def shares(self) -> bool:
        """Return True if other nodes read the same parameters: all of them are one layer, without what follows one."""
        named = (a.name for a in self.arguments if isinstance(a, Constant) and a.name)
        return any(self.conversion.readers[name] > 1 for name in named)

    def absorb(self, reader: OnnxNode) -> None:
        """Let the layer that is made here compute what `reader` does."""
        self.absorbed.append(reader)

    def done(self, value: Value) -> Value:
        """Return the value, which is also what the absorbed nodes make."""
        for reader in self.absorbed:
            self.conversion.absorbed[id(reader)] = value
        return value

    def name(self, weight: int = 1) -> str:
        """Return a layer's name: what its parameters are called in the file, or else the node."""
        found = self.argument(weight)
        stored = found.name if isinstance(found, Constant) else ""
        stem = re.sub(r"[._/](weight|kernel|gamma|scale|W|w|ReadVariableOp(:0)?)$", "", stored)
        return stem if stem != stored else self.node.name or self.node.outputs[0]

    def kind(self, name: str) -> Any:
        """Return a layer's class by its name; refuse what this engine has no layer for."""
        from convnet.layers import BUILT_IN

        if name not in BUILT_IN:
            self.refuse(f"would be a layer {name}, which this engine has not")
        return BUILT_IN[name]

    def layer(
        self, kind: type, inputs: Any, parameters: dict[str, np.ndarray] | None = None, /, **settings: Any
    ) -> Any:
        """Return the node of a layer on these inputs; one that has the same parameters is used again."""
        names = tuple(a.name for a in self.arguments if isinstance(a, Constant) and a.name) if parameters else ()
        key = (kind, names, repr(settings))
        for known in self.conversion.layers.get(key, []) if names else []:
            if all(np.array_equal(getattr(known, k).value, v) for k, v in (parameters or {}).items()):
                return known(inputs)
        made = kind(**settings, name=self.conversion.unique_name(self.name() if parameters else self._plain_name()))
        node = made(inputs)
        for name, array in (parameters or {}).items():
            target = getattr(made, name).value
            if target.shape != array.shape:
                self.refuse(f"its {name} has shape {array.shape}, and the layer needs {target.shape}")
            target[...] = array
        self.conversion.layers.setdefault(key, []).append(made)
        return node

    def _plain_name(self) -> str:
        return self.node.name or self.node.outputs[0]
