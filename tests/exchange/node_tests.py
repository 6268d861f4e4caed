"""ONNX's own backend node tests, run through the import: python -m tests.exchange.node_tests [--write]

--write also writes the list of what is refused, and the page of the documentation.

A node test gives weights, axes and shapes as inputs of the graph. A network has them in the file, so all inputs but the
data become initializers here; sums and products of two values take both as data where both have the same axes.
"""

from __future__ import annotations

import copy
import json
import sys
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
REFUSED = HERE / "node_tests_refused.json"
DOCS = HERE.parents[1] / "docs" / "reference" / "onnx.md"
OPERATORS = [
    *(
        "Conv",
        "ConvTranspose",
        "BatchNormalization",
        "InstanceNormalization",
        "LayerNormalization",
        "GroupNormalization",
    ),
    *("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceMax", "ReduceSum", "Gemm"),
    *(
        "MatMul",
        "Add",
        "Sub",
        "Mul",
        "Div",
        "Relu",
        "LeakyRelu",
        "PRelu",
        "Elu",
        "Selu",
        "Gelu",
        "Sigmoid",
        "HardSigmoid",
    ),
    *(
        "HardSwish",
        "Tanh",
        "Softplus",
        "Clip",
        "Softmax",
        "LogSoftmax",
        "Neg",
        "Concat",
        "Split",
        "Slice",
        "Pad",
        "Resize",
    ),
    *("Upsample", "Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Identity", "Dropout", "Cast", "Constant"),
    *("ConstantOfShape", "Shape", "Gather", "Expand", "ArgMax", "Max", "Min", "Sum", "Mean"),
]
FOLDED = {"Cast", "Constant", "ConstantOfShape", "Expand", "Gather", "Shape"}  # on numbers: shapes and their like
FIRST_ALONE = {"LayerNormalization"}  # its tests want mean and deviation too, which no network reads
SEVERAL = {"Add", "Sub", "Mul", "Div", "Concat", "Max", "Min", "Sum", "Mean"}


@dataclass
class Outcome:
    name: str
    operator: str
    result: str  # passed, refused, failed
    text: str = ""


def node_tests() -> list:
    """Return the tests of one node whose operator is in the list."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [t for t in load_model_tests(kind="node") if t.model is not None]
    return [t for t in found if len(t.model.graph.node) == 1 and t.model.graph.node[0].op_type in OPERATORS]


def plain(value):
    """Return a tensor of the test's as an array; sequences and optional values stay what they are."""
    from onnx import TensorProto, numpy_helper

    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else value


def bound(model, given):
    """Return the model with all inputs but the data as initializers, and the data."""
    from onnx import numpy_helper

    model = copy.deepcopy(model)
    graph, names = model.graph, [i.name for i in model.graph.input]
    arrays = dict(zip(names, given, strict=False))
    operator = graph.node[0].op_type
    together = operator in SEVERAL and len({np.ndim(a) for a in given}) == 1
    data = [n for k, n in enumerate(names) if k == 0 or together]
    for name in names:
        if name not in data and name in arrays:
            graph.initializer.append(numpy_helper.from_array(np.asarray(arrays[name]), name))
    if operator in FIRST_ALONE:
        del graph.output[1:], graph.node[0].output[1:]
    kept = [i for i in graph.input if i.name in data]
    del graph.input[:]
    graph.input.extend(kept)
    return model, [arrays[n] for n in data]


def run(test) -> Outcome:
    """Return what came of one node test; its own tolerances decide whether outputs agree."""
    name, operator = test.name, test.model.graph.node[0].op_type
    for given, wanted in test.data_sets:
        given, wanted = [plain(a) for a in given], [plain(a) for a in wanted]
        try:
            outputs = fold_alone(test.model, given) if operator in FOLDED else import_and_run(*bound(test.model, given))
        except ValueError as error:
            return Outcome(name, operator, "refused", shortened(str(error)))
        for found, exact in zip(outputs, wanted[:1] if operator in FIRST_ALONE else wanted, strict=True):
            if found.shape != exact.shape or not np.allclose(found, exact, test.rtol, test.atol, equal_nan=True):
                gap = np.abs(found - exact).max() if found.shape == exact.shape else f"{found.shape}, not {exact.shape}"
                return Outcome(name, operator, "failed", f"differs by {gap}")
    return Outcome(name, operator, "passed")


def import_and_run(proto, data) -> list[np.ndarray]:
    """Return the outputs of the imported model, with the file's axes."""
    from convnet.exchange.onnx.importing import convert
    from convnet.exchange.onnx.reading import prepare

    model = convert(prepare(proto, Path("test.onnx")), "test.onnx")
    record = model.metadata["onnx"]
    inputs = [engine_axes(np.asarray(a), one["axes"]) for a, one in zip(data, record["inputs"], strict=True)]
    found = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
    found = list(found) if isinstance(found, (list, tuple)) else [found]
    return [file_axes(labelled(a, one), one) for a, one in zip(found, record["outputs"], strict=True)]


def fold_alone(proto, given) -> list[np.ndarray]:
    """Return the outputs of the one node, computed while a file is read."""
    from convnet.exchange.onnx.folding import fold
    from convnet.exchange.onnx.nodes import read_nodes
    from convnet.exchange.onnx.reading import opset_of
    from convnet.exchange.onnx.values import constant

    (node,) = read_nodes(proto)
    return [c.array for c in fold(node, [constant(np.asarray(a)) for a in given], opset_of(proto))]


def engine_axes(array: np.ndarray, axes: list[int]) -> np.ndarray:
    array = np.ascontiguousarray(array.transpose(axes))
    return array[:, None] if array.ndim == 1 else array


def labelled(array: np.ndarray, one: dict) -> np.ndarray:
    """The place of the largest score, where the file's output is that."""
    return array.argmax(one["argmax"], keepdims=True) if "argmax" in one else array


def file_axes(array: np.ndarray, one: dict) -> np.ndarray:
    """The array with the file's axes."""
    array = array[:, 0] if len(one["axes"]) == 1 else array
    array = array.transpose(np.argsort(one["axes"]))
    return array if one.get("keepdims", True) else array.squeeze(one["axes"][one["argmax"]])


def shortened(text: str) -> str:
    """Return what is said of the node, without the names of the file and of the node."""
    text = text.removeprefix("test.onnx: ")
    return text[:220]


def table(outcomes: list[Outcome]) -> str:
    """The counts of every operator, as Markdown."""
    count = Counter((o.operator, o.result) for o in outcomes)
    lines = ["| operator | passed | refused by name | failed |", "|---|---|---|---|"]
    for operator in OPERATORS:
        counts = (str(count[operator, r]) for r in ("passed", "refused", "failed"))
        lines.append(f"| {operator} | {' | '.join(counts)} |")
    total = Counter(o.result for o in outcomes)
    return "\n".join([*lines, f"| all | {total['passed']} | {total['refused']} | {total['failed']} |"])


def page(outcomes: list[Outcome]) -> str:
    """The page of the documentation: the counts, and how often each reason is given."""
    refused = [o for o in outcomes if o.result == "refused"]
    reasons = Counter(kind(o.text) for o in refused)
    why = "\n".join(f"| {reason} | {n} |" for reason, n in reasons.most_common())
    return PAGE.format(table=table(outcomes), why=why)


PAGE = """# ONNX operators

[Import and export ONNX](../howto/onnx.md) says how a file is read. This page is written by
`python -m tests.exchange.node_tests --write`, which runs ONNX's own tests of each operator through the import. A test
passes if all outputs agree within the test's own tolerance. It is refused if the import says, by name, what is not
supported; the reason of each is in `tests/exchange/node_tests_refused.json`. Cast, Constant, ConstantOfShape, Expand,
Gather and Shape are computed while a file is read, on numbers that it holds. Of LayerNormalization's outputs the first
alone is tested.

{table}

## Why tests are refused

| reason | tests |
|---|---|
{why}
"""

KINDS = (
    ("float32 or float64", "the input is not float32 or float64"),
    ("the first is that of the images", "an operation along the images' axis"),
    ("images' axis", "an operation along the images' axis"),
    ("keep the images apart", "an operation along the images' axis"),
    ("depend on the input", "the output does not depend on the input"),
    ("windows of", "three spatial axes"),
    ("no image (N, C, H, W)", "three spatial axes"),
    ("cannot be computed from its inputs", "a number type that NumPy has not"),
)


def kind(text: str) -> str:
    """The reason of a refusal in general."""
    return next((name for part, name in KINDS if part in text), "a setting that is not supported")


def main() -> None:
    outcomes = [run(test) for test in node_tests()]
    print(table(outcomes))
    for o in outcomes:
        if o.result == "failed":
            print("FAILED", o.name, o.text)
    if "--write" in sys.argv:
        REFUSED.write_text(json.dumps({o.name: o.text for o in outcomes if o.result == "refused"}, indent=1) + "\n")
        DOCS.write_text(page(outcomes))


if __name__ == "__main__":
    main()
