"""A model from an ONNX file is a model like any other."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto
from onnx.defs import onnx_opset_version
from onnx.version_converter import convert_version
from scipy.special import softmax

import convnet
from convnet.exchange import load_onnx
from convnet.exchange.onnx.errors import OnnxError
from convnet.exchange.onnx.importing import convert
from convnet.exchange.onnx.reading import prepare
from tests.exchange.onnx_files import model as proto_of
from tests.exchange.onnx_files import save

RNG = np.random.default_rng(5)
WEIGHTS = {
    "c1.weight": RNG.standard_normal((4, 2, 3, 3)).astype(np.float32),
    "c1.bias": RNG.standard_normal(4).astype(np.float32),
    "f1.weight": RNG.standard_normal((3, 4 * 3 * 2)).astype(np.float32),
    "f1.bias": RNG.standard_normal(3).astype(np.float32),
}
NET = [
    ("Conv", "x c1.weight c1.bias", "a", {"kernel_shape": [3, 3], "pads": [1, 0, 1, 0]}),
    ("Relu", "a", "b", {}),
    ("MaxPool", "b", "c", {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ("Flatten", "c", "d", {}),
    ("Gemm", "d f1.weight f1.bias", "e", {"transB": 1}),
    ("Softmax", "e", "y", {"axis": 1}),
]
ENDS = ({"x": ["N", 2, 6, 6]}, {"y": ["N", 3]})
X = RNG.standard_normal((3, 2, 6, 6)).astype(np.float32)


def oracle(proto, *arrays):
    from onnx.reference import ReferenceEvaluator

    return ReferenceEvaluator(proto).run(None, dict(zip([i.name for i in proto.graph.input], arrays, strict=True)))


def load(nodes, inputs, outputs, weights=None, opset=20):
    proto = proto_of(nodes, inputs, outputs, weights, opset=opset)
    return convert(prepare(proto, Path("net.onnx")), "net.onnx"), proto


@pytest.fixture(scope="module")
def net():
    return load(NET, *ENDS, WEIGHTS)


def channels_last(x):
    return np.ascontiguousarray(np.moveaxis(x, 1, -1))


def test_it_predicts_what_onnx_s_reference_computes_for_any_number_of_images(net):
    loaded, proto = net
    assert np.allclose(loaded.predict(channels_last(X), verbose=0), oracle(proto, X)[0], atol=1e-6)
    assert np.array_equal(
        loaded.predict(channels_last(X[:1]), verbose=0), loaded.predict(channels_last(X), verbose=0)[:1]
    )


def test_no_transposition_and_no_layer_for_one_is_in_it(net):
    assert [type(layer).__name__ for layer in net[0].layers] == ["Conv2D", "MaxPooling2D", "Flatten", "Dense"]
    assert [layer.name for layer in net[0].layers][::3] == ["c1", "f1"]
    assert net[0].metadata["onnx"]["inputs"] == [{"name": "x", "axes": [0, 2, 3, 1]}]


def test_it_is_saved_and_loaded(net, tmp_path):
    net[0].save(tmp_path / "m.safetensors")
    again = convnet.load(tmp_path / "m.safetensors")
    x = channels_last(X)
    assert np.array_equal(again.predict(x, verbose=0), net[0].predict(x, verbose=0))
    assert again.metadata == net[0].metadata


def test_every_number_of_it_is_explained(net):
    x = channels_last(X)
    for layer, index in (("c1", (1, 2, 3, 1)), ("f1", (2, 1))):
        assert net[0].explain(x, *index, layer=layer).holds


def test_it_trains(net):
    loaded, _ = load(NET, *ENDS, WEIGHTS)
    loaded.compile(optimizer=convnet.optimizers.SGD(0.1), loss="sparse_categorical_crossentropy")
    y = np.array([0, 1, 2])
    first = loaded.train_on_batch(channels_last(X), y)
    for _ in range(20):
        last = loaded.train_on_batch(channels_last(X), y)
    assert np.ravel(last)[0] < np.ravel(first)[0]


def test_a_nan_pixel_is_visible_in_the_result(net):
    x = channels_last(X).copy()
    x[1, 0, 0, 0] = np.nan
    y = net[0].predict(x, verbose=0)
    assert np.isnan(y[1]).all()
    assert not np.isnan(y[[0, 2]]).any()


def test_a_fixed_number_of_images_in_the_file_is_no_limit():
    nodes = [("Reshape", "x s", "a", {}), ("Gemm", "a w", "y", {})]
    weights = {"s": np.array([2, 8], np.int64), "w": np.ones((8, 1), np.float32)}
    loaded, proto = load(nodes, {"x": [2, 2, 4]}, {"y": [2, 1]}, weights)
    x = RNG.standard_normal((5, 2, 4)).astype(np.float32)
    assert np.allclose(loaded.predict(x, verbose=0)[:2], oracle(proto, x[:2])[0], atol=1e-6)


def test_a_parameter_that_two_nodes_read_is_one_layer_used_twice():
    nodes = [("Gemm", "x w", "a", {}), ("Relu", "a", "b", {}), ("Gemm", "b w", "y", {})]
    loaded, _ = load(nodes, {"x": ["N", 3]}, {"y": ["N", 3]}, {"w": np.eye(3, dtype=np.float32)})
    assert [type(layer).__name__ for layer in loaded.layers] == ["Dense", "Activation"]
    assert loaded.count_params() == 9


def test_shape_arithmetic_is_folded_for_any_number_of_images():
    nodes = [
        ("Shape", "x", "s", {}),
        ("Gather", "s zero", "n", {"axis": 0}),
        ("Unsqueeze", "n zeros", "u", {}),
        ("Concat", "u minus", "t", {"axis": 0}),
        ("Reshape", "x t", "y", {}),
    ]
    weights = {"zero": np.int64(0), "zeros": np.zeros(1, np.int64), "minus": np.full(1, -1, np.int64)}
    loaded, proto = load(nodes, {"x": ["N", 2, 3]}, {"y": ["N", 6]}, weights)
    x = RNG.standard_normal((7, 2, 3)).astype(np.float32)
    assert np.array_equal(loaded.predict(x, verbose=0), oracle(proto, x)[0])


def test_numbers_that_depend_on_the_number_of_images_are_refused():
    nodes = [("Shape", "x", "s", {}), ("Cast", "s", "f", {"to": TensorProto.FLOAT}), ("Mul", "x f", "y", {})]
    with pytest.raises(OnnxError, match=r"Mul \(node 'Mul_2'\): an input depends on the number of images"):
        load(nodes, {"x": ["N", 2]}, {"y": ["N", 2]})


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [
        ([("Transpose", "x", "y", {"perm": [1, 0, 2, 3]})], "the images' axis must stay the first"),
        ([("Flatten", "x", "y", {"axis": 2})], "flatten with axis=1"),
        ([("Softmax", "x", "y", {"axis": 0})], "the first is that of the images"),
        ([("Conv", "x k", "y", {"auto_pad": "SAME"})], "auto_pad must be"),
        (
            [("MaxPool", "x", "a i", {"kernel_shape": [2, 2]}), ("Cast", "i", "z", {"to": 1}), ("Add", "a z", "y", {})],
            "maxima",
        ),
        ([("Gemm", "x w", "y", {"transA": 1})], "transA=1"),
    ],
)
def test_what_is_not_supported_is_refused_with_its_node(nodes, reason):
    outputs = {"y": None}
    proto = proto_of(nodes, {"x": ["N", 2, 6, 6]}, outputs, {"k": np.ones((2, 2, 3, 3), np.float32), "w": np.eye(2)})
    with pytest.raises(OnnxError, match=reason) as found:
        convert(proto, "net.onnx")
    assert f"net.onnx: {nodes[0][0]} (node '{nodes[0][0]}_0')" in str(found.value)


@pytest.mark.parametrize(
    ("old", "opset", "new", "weights"),
    [
        (("Squeeze", "x", "y", {"axes": [2]}), 11, ("Squeeze", "x w", "y", {}), {"w": np.array([2])}),
        (("Unsqueeze", "x", "y", {"axes": [1]}), 11, ("Unsqueeze", "x w", "y", {}), {"w": np.array([1])}),
        (("Dropout", "x", "y", {"ratio": 0.25}), 10, ("Dropout", "x w", "y", {}), {"w": np.float32(0.25)}),
        (("ReduceMean", "x", "y", {"axes": [2]}), 13, ("ReduceMean", "x w", "y", {}), {"w": np.array([2])}),
    ],
)
def test_the_forms_of_older_opsets_mean_the_same(old, opset, new, weights):
    x = RNG.standard_normal((2, 3, 1)).astype(np.float32)
    one = convert(proto_of([old], {"x": ["N", 3, 1]}, {"y": None}, opset=opset), "old.onnx")
    other = convert(proto_of([new], {"x": ["N", 3, 1]}, {"y": None}, weights), "new.onnx")
    assert np.array_equal(one.predict(x, verbose=0), other.predict(x, verbose=0))
    names = [[type(layer).__name__ for layer in m.layers] for m in (one, other)]
    assert names[0] == names[1]


def test_softmax_before_opset_13_is_over_all_axes_from_its_axis_on():
    x = RNG.standard_normal((2, 3, 4)).astype(np.float32)
    for opset, axis, over in ((12, 1, (1, 2)), (12, 2, 2), (13, 2, 2), (13, -1, 2)):
        node = [("Softmax", "x", "y", {"axis": axis})]
        loaded = convert(proto_of(node, {"x": ["N", 3, 4]}, {"y": ["N", 3, 4]}, opset=opset), "net.onnx")
        assert np.allclose(loaded.predict(x, verbose=0), softmax(x, over), atol=1e-6)
        logarithm = [("LogSoftmax", "x", "y", {"axis": axis})]
        loaded = convert(proto_of(logarithm, {"x": ["N", 3, 4]}, {"y": ["N", 3, 4]}, opset=opset), "net.onnx")
        assert np.allclose(loaded.predict(x, verbose=0), np.log(softmax(x, over)), atol=1e-6)
    with pytest.raises(OnnxError, match="is not the last"):
        convert(proto_of([("Softmax", "x", "y", {"axis": 1})], {"x": ["N", 3, 4]}, {"y": None}), "net.onnx")


def test_inputs_with_open_sizes_are_given_them(tmp_path):
    nodes = [("GlobalAveragePool", "x", "y", {})]
    path = save(tmp_path / "net.onnx", nodes, {"x": ["N", 3, "H", "W"]}, {"y": ["N", 3, 1, 1]})
    with pytest.raises(OnnxError, match=r"Export the model with them, or give input_shapes=\{'x': \(...\)\}"):
        load_onnx(path)
    assert load_onnx(path, input_shapes={"x": (None, 3, 8, 8)}).input_shape == (8, 8, 3)
    with pytest.raises(OnnxError, match=r"which \(None, 4, 8, 8\) does not fit"):
        load_onnx(path, input_shapes={"x": (None, 4, 8, 8)})
    with pytest.raises(OnnxError, match=r"input_shapes names \['z'\]"):
        load_onnx(path, input_shapes={"x": (None, 3, 8, 8), "z": (1, 2)})


def test_the_axes_of_a_file_with_channels_last_stay_as_they_are():
    nodes = [
        ("Transpose", "x", "a", {"perm": [0, 3, 1, 2]}),
        ("Conv", "a k", "b", {}),
        ("Transpose", "b", "y", {"perm": [0, 2, 3, 1]}),
    ]
    weights = {"k": RNG.standard_normal((3, 2, 3, 3)).astype(np.float32)}
    loaded, proto = load(nodes, {"x": ["N", 6, 5, 2]}, {"y": ["N", 4, 3, 3]}, weights)
    x = RNG.standard_normal((2, 6, 5, 2)).astype(np.float32)
    assert [type(layer).__name__ for layer in loaded.layers] == ["Conv2D"]
    assert np.allclose(loaded.predict(x, verbose=0), oracle(proto, x)[0], atol=1e-5)


def test_signals_are_images_one_pixel_high():
    nodes = [("Conv", "x k", "a", {"strides": [2], "pads": [1, 2]}), ("MaxPool", "a", "y", {"kernel_shape": [2]})]
    weights = {"k": RNG.standard_normal((3, 2, 3)).astype(np.float32)}
    loaded, proto = load(nodes, {"x": ["N", 2, 9]}, {"y": ["N", 3, 4]}, weights)
    x = RNG.standard_normal((2, 2, 9)).astype(np.float32)
    assert loaded.metadata["onnx"]["inputs"][0]["axes"] == [0, 2, 1]
    assert np.allclose(channels_last(oracle(proto, x)[0]), loaded.predict(channels_last(x), verbose=0), atol=1e-5)


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Div", "Max", "Min"])
@pytest.mark.parametrize("shape", [(), (1,), (3, 1, 1), (1, 3, 1, 1), (4,), (5, 4), (3, 5, 4)])
@pytest.mark.parametrize("first", [False, True])
def test_numbers_in_the_file_are_combined_with_a_value(operator, shape, first):
    order = "w a" if first else "a w"
    nodes = [("GlobalMaxPool", "x", "unused", {}), ("Sigmoid", "x", "a", {}), (operator, order, "y", {})]
    weights = {"w": RNG.uniform(0.5, 2, shape).astype(np.float32)}
    proto = proto_of(nodes, {"x": ["N", 3, 5, 4]}, {"y": ["N", 3, 5, 4]}, weights)
    x = RNG.standard_normal((2, 3, 5, 4)).astype(np.float32)
    loaded = convert(proto, "net.onnx")
    wanted = channels_last(oracle(proto, x)[0])
    assert np.allclose(wanted, loaded.predict(channels_last(x), verbose=0), rtol=1e-6, atol=1e-6)
    assert not any(p.trainable and layer.trainable for layer in loaded.layers for p in layer.parameters)


def test_a_normalization_is_folded_only_when_that_is_asked_for():
    nodes = [
        ("Conv", "x c1.weight c1.bias", "a", {}),
        ("BatchNormalization", "a g b m v", "n", {}),
        ("Relu", "n", "y", {}),
    ]
    statistics = {name: RNG.uniform(0.5, 1.5, 4).astype(np.float32) for name in "gbmv"}
    proto = proto_of(nodes, {"x": ["N", 2, 6, 6]}, {"y": ["N", 4, 4, 4]}, WEIGHTS | statistics)
    plain, folded = convert(proto, "net.onnx"), convert(proto, "net.onnx", fold_batchnorm=True)
    assert [type(layer).__name__ for layer in plain.layers] == ["Conv2D", "BatchNormalization", "Activation"]
    assert [type(layer).__name__ for layer in folded.layers] == ["Conv2D"]
    wanted = channels_last(oracle(proto, X)[0])
    for model in (plain, folded):
        assert np.allclose(model.predict(channels_last(X), verbose=0), wanted, atol=1e-5)


def test_several_inputs_and_outputs_keep_the_file_s_order():
    nodes = [
        ("GlobalMaxPool", "x", "p", {}),
        ("Flatten", "p", "f", {}),
        ("Add", "f z", "s", {}),
        ("Relu", "x", "r", {}),
    ]
    loaded, proto = load(nodes, {"z": ["N", 2], "x": ["N", 2, 6, 6]}, {"r": ["N", 2, 6, 6], "s": ["N", 2]})
    z = RNG.standard_normal((3, 2)).astype(np.float32)
    wanted = oracle(proto, z, X)
    image, vector = loaded.predict([z, channels_last(X)], verbose=0)
    assert np.array_equal(image, channels_last(wanted[0]))
    assert np.allclose(vector, wanted[1])
    assert [one["name"] for one in loaded.metadata["onnx"]["inputs"]] == ["z", "x"]


def test_an_argmax_at_the_end_leaves_the_scores_and_names_the_classes(tmp_path):
    nodes = [
        ("Gemm", "x w", "s", {}),
        ("Softmax", "s", "scores", {}),
        ("ArgMax", "scores", "place", {"axis": 1}),
        ("ArrayFeatureExtractor", "names place", "named", {"domain": "ai.onnx.ml"}),
        ("Cast", "named", "label", {"to": TensorProto.INT64}),
    ]
    weights = {"w": np.eye(3, dtype=np.float32), "names": np.array([7, 8, 9])}
    proto = proto_of(nodes, {"x": ["N", 3]}, {"label": None, "scores": ["N", 3]}, weights)
    loaded = convert(proto, "net.onnx")
    assert loaded.metadata["classes"] == ["7", "8", "9"]
    assert loaded.metadata["onnx"]["labels"] == [{"name": "label", "of": "scores", "argmax": 1, "keepdims": True}]
    assert loaded.predict(np.eye(3, dtype=np.float32), verbose=0).argmax(1).tolist() == [0, 1, 2]
    with pytest.raises(OnnxError, match=r"Add \(node 'Add_5'\): an input is the place of a largest score"):
        convert(proto_of([*nodes, ("Add", "label w", "z", {})], {"x": ["N", 3]}, {"z": None}, weights), "net.onnx")


@pytest.mark.parametrize("opset", range(7, onnx_opset_version() + 1))
def test_every_opset_is_read(net, opset):
    proto = proto_of(NET, *ENDS, WEIGHTS, opset=7)
    proto = convert_version(proto, opset) if opset > 7 else proto
    assert proto.opset_import[0].version == opset
    loaded = convert(prepare(proto, Path("net.onnx")), "net.onnx")
    assert np.array_equal(loaded.predict(channels_last(X), verbose=0), net[0].predict(channels_last(X), verbose=0))


def outputs_of(nodes, outputs, weights=None, shape=(2, 6, 6), opset=17):
    """Return what a graph computes here, and what onnx's reference computes, channels last."""
    loaded, proto = load(nodes, {"x": ["N", *shape]}, outputs, weights, opset)
    x = RNG.standard_normal((3, *shape)).astype(np.float32)
    given = channels_last(x) if loaded.metadata["onnx"]["inputs"][0]["axes"] == [0, 2, 3, 1] else x
    found = loaded.predict(given, verbose=0)
    return found if isinstance(found, list) else [found], oracle(proto, x), loaded


def test_two_names_of_one_value_are_two_outputs():
    nodes = [("Relu", "x", "y", {}), ("Identity", "y", "z", {})]
    found, expected, loaded = outputs_of(nodes, {name: ["N", 2, 6, 6] for name in "yz"})
    assert [one["name"] for one in loaded.metadata["onnx"]["outputs"]] == ["y", "z"]
    assert all(np.array_equal(a, channels_last(b)) for a, b in zip(found, expected, strict=True))


def test_nodes_that_no_output_needs_are_not_converted_whatever_they_are():
    nodes = [("Sigmoid", "x", "y", {}), ("Sigmoid", "x", "s", {}), ("Hardmax", "s", "dead", {})]
    found, expected, loaded = outputs_of(nodes, {"y": ["N", 2, 6, 6]})
    assert np.allclose(found[0], channels_last(expected[0]), atol=1e-6)
    assert len(loaded.layers) == 1


@pytest.mark.parametrize("operator", ["ReduceMean", "ReduceMax"])
def test_a_reduction_of_all_axes_of_an_image(operator):
    nodes = [("Relu", "x", "a", {}), (operator, "a", "y", {"axes": [1, 2, 3], "keepdims": 1})]
    found, expected, _ = outputs_of(nodes, {"y": ["N", 1, 1, 1]})
    assert np.allclose(found[0], expected[0], atol=1e-6)


@pytest.mark.parametrize("operator", ["Sum", "Mean"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_sums_and_means_of_several_values(operator, count):
    nodes = [("Relu", "x", "a", {}), ("Tanh", "x", "b", {}), (operator, " ".join("abx"[:count]), "y", {})]
    found, expected, _ = outputs_of(nodes, {"y": ["N", 2, 6, 6]})
    assert np.allclose(found[0], channels_last(expected[0]), atol=1e-6)


GELU_STARTS = [("Div", "x r", "a", {}), ("Mul", "r2 x", "a", {})]
GELU_ENDS = {
    "x times, then half": [("Mul", "x c", "d", {}), ("Mul", "d half", "y", {})],
    "half of x first": [("Mul", "half x", "d", {}), ("Mul", "d c", "y", {})],
    "half, then x times": [("Mul", "c half", "d", {}), ("Mul", "d x", "y", {})],
    "divided by two": [("Mul", "x c", "d", {}), ("Div", "d two", "y", {})],
}


@pytest.mark.parametrize("start", GELU_STARTS, ids=["divided", "multiplied"])
@pytest.mark.parametrize("end", GELU_ENDS)
def test_a_gelu_that_is_spelled_out_is_one_layer(start, end):
    nodes = [start, ("Erf", "a", "b", {}), ("Add", "b one", "c", {}), *GELU_ENDS[end]]
    numbers = {"r": 2**0.5, "r2": 0.5**0.5, "one": 1, "half": 0.5, "two": 2}
    numbers = {name: np.float32(number) for name, number in numbers.items()}
    found, expected, loaded = outputs_of(nodes, {"y": ["N", 2, 6, 6]}, numbers, opset=13)
    assert np.allclose(found[0], channels_last(expected[0]), atol=1e-6)
    assert len(loaded.layers) == 1


@pytest.mark.parametrize(
    ("changed", "to"),
    [("one", 1.5), ("half", 0.75), ("r", 2.0)],
)
def test_what_is_almost_a_gelu_is_refused(changed, to):
    nodes = [GELU_STARTS[0], ("Erf", "a", "b", {}), ("Add", "b one", "c", {}), *GELU_ENDS["x times, then half"]]
    numbers = {"r": np.float32(2**0.5), "one": np.float32(1), "half": np.float32(0.5), changed: np.float32(to)}
    with pytest.raises(OnnxError, match="Erf"):
        load(nodes, {"x": ["N", 2, 6, 6]}, {"y": ["N", 2, 6, 6]}, numbers, opset=13)
