"""Joining, cutting, padding and resizing from ONNX files, beside ONNX's own reference."""

import numpy as np
import pytest

from convnet.exchange.onnx.errors import OnnxError
from convnet.exchange.onnx.importing import convert
from tests.exchange.onnx_files import model as proto_of

RNG = np.random.default_rng(6)
X = RNG.standard_normal((2, 4, 6, 5)).astype(np.float32)
HEAD = ("Conv", "x k", "a", {})  # makes x an image, with channels last here
KERNEL = {"k": RNG.standard_normal((4, 4, 1, 1)).astype(np.float32)}

PADS = {"p": np.array([0, 0, -1, 0, 0, 0, -2, -1], np.int64)}


def both(nodes, weights=None, x=X, outputs=("y",)):
    """What ONNX's reference computes, and what the imported model does, with the file's axes."""
    from onnx.reference import ReferenceEvaluator

    inputs = {"x": ["N", *x.shape[1:]]}
    proto = proto_of(nodes, inputs, dict.fromkeys(outputs), {**(weights or {}), **KERNEL})
    wanted = ReferenceEvaluator(proto).run(None, {"x": x})
    model = convert(proto, "net.onnx")
    record = model.metadata["onnx"]
    found = model.predict(np.ascontiguousarray(x.transpose(record["inputs"][0]["axes"])), verbose=0)
    found = found if isinstance(found, (list, tuple)) else [found]
    return wanted, [a.transpose(np.argsort(one["axes"])) for a, one in zip(found, record["outputs"], strict=True)]


def agree(*arguments, **settings):
    for wanted, found in zip(*both(*arguments, **settings), strict=True):
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def integers(**lists):
    return {name: np.array(values, np.int64) for name, values in lists.items()}


@pytest.mark.parametrize("axis", [1, 2, 3, -1])
def test_concat_along_any_axis(axis):
    agree([HEAD, ("Relu", "a", "b", {}), ("Concat", "a b a", "y", {"axis": axis})])


def test_concat_of_flattened_images_keeps_the_rows_of_the_dense_layer_behind_it():
    nodes = [HEAD, ("Relu", "a", "b", {}), ("Flatten", "a", "f", {}), ("Flatten", "b", "g", {})]
    nodes += [("Concat", "f g", "c", {"axis": 1}), ("Gemm", "c w", "y", {})]
    agree(nodes, {"w": RNG.standard_normal((240, 3)).astype(np.float32)})


def test_concat_of_pooled_channels():
    nodes = [HEAD, ("GlobalAveragePool", "a", "p", {}), ("GlobalMaxPool", "a", "q", {})]
    agree([*nodes, ("Concat", "p q", "y", {"axis": 1})])


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_split_into_equal_and_other_parts(axis):
    length = X.shape[axis]
    agree([HEAD, ("Split", "a s", "y z", {"axis": axis})], integers(s=[1, length - 1]), outputs=("y", "z"))


@pytest.mark.parametrize(
    ("starts", "ends", "axes", "steps"),
    [
        ([1], [3], [1], [1]),
        ([0, 1], [6, 5], [2, 3], [2, 2]),
        ([-1], [-7], [2], [-1]),
        ([4], [0], [3], [-2]),
        ([0], [2**62], [0], [1]),
        ([-3], [2**62], [-1], [1]),
    ],
)
def test_slices(starts, ends, axes, steps):
    agree([HEAD, ("Slice", "a s e x_ t", "y", {})], integers(s=starts, e=ends, x_=axes, t=steps))


@pytest.mark.parametrize("indices", [2, [1], [0, 2], [3, 2, 1, 0], -1])
def test_gather_of_places_at_equal_distances(indices):
    agree([HEAD, ("Gather", "a i", "y", {"axis": 1})], {"i": np.array(indices, np.int64)})


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect"])
@pytest.mark.parametrize("pads", [[0, 0, 1, 2, 0, 0, 2, 1], [0, 1, 0, 0, 0, 2, 0, 1]])
def test_padding(mode, pads):
    weights = integers(p=pads) | {"v": np.float32(0.5)}
    agree([HEAD, ("Pad", "a p v", "y", {"mode": mode})], weights)


def test_negative_pads_crop():
    nodes = [HEAD, ("Slice", "a s e x_", "y", {})]
    wanted = both(nodes, integers(s=[1, 0], e=[-2, -1], x_=[2, 3]))[0][0]
    proto = proto_of([HEAD, ("Pad", "a p", "y", {})], {"x": ["N", 4, 6, 5]}, {"y": None}, KERNEL | PADS)
    found = convert(proto, "net.onnx").predict(np.moveaxis(X, 1, -1), verbose=0)
    np.testing.assert_allclose(np.moveaxis(found, -1, 1), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("coordinates", ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"])
@pytest.mark.parametrize("scales", [[1, 1, 2, 3], [1, 1, 0.5, 1], [1, 1, 1.5, 0.8]])
def test_resizing(mode, coordinates, scales):
    if coordinates == "align_corners" and scales[2] == 1.5:
        scales = [1, 1, 1.5, 2]  # the size must be whole
    given = {"mode": mode, "coordinate_transformation_mode": coordinates, "nearest_mode": "floor"}
    agree([HEAD, ("Resize", "a  s", "y", given)], {"s": np.array(scales, np.float32)})


def test_resizing_to_a_size_beside_whatever_number_of_images():
    nodes = [
        HEAD,
        ("Shape", "a", "s", {"start": 0, "end": 2}),
        ("Concat", "s n", "z", {"axis": 0}),
        ("Resize", "a   z", "y", {"mode": "linear"}),
    ]
    agree(nodes, {"n": np.array([9, 4])})


def test_resizing_to_a_size():
    nodes = [HEAD, ("Resize", "a   s", "y", {"mode": "linear"})]
    agree(nodes, integers(s=[2, 4, 9, 11]), x=X)


@pytest.mark.parametrize(
    ("node", "weights", "reason"),
    [
        (("Slice", "a s e x_", "y", {}), integers(s=[1], e=[2], x_=[0]), "the first is that of the images"),
        (("Gather", "a s", "y", {"axis": 1}), integers(s=[0, 1, 3]), "at equal distances"),
        (("Concat", "a a", "y", {"axis": 0}), {}, "the first is that of the images"),
        (("Pad", "a s", "y", {"mode": "wrap"}), integers(s=[0, 0, 1, 1, 0, 0, 1, 1]), "mode='wrap' is not supported"),
        (("Resize", "a  s", "y", {"mode": "cubic"}), {"s": np.array([1, 1, 2, 2], np.float32)}, "mode='cubic'"),
        (("Resize", "a  s", "y", {}), {"s": np.array([1, 2, 2, 2], np.float32)}, "images or channels would be resized"),
    ],
)
def test_what_is_not_supported_is_refused_with_its_node(node, weights, reason):
    proto = proto_of([HEAD, node], {"x": ["N", 4, 6, 5]}, {"y": None}, weights | KERNEL)
    with pytest.raises(OnnxError, match=reason) as found:
        convert(proto, "net.onnx")
    assert f"net.onnx: {node[0]} (node '{node[0]}_1')" in str(found.value)


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul", "Max", "Min"])
def test_a_value_and_its_pooled_channels(operator):
    agree([HEAD, ("GlobalAveragePool", "a", "p", {}), (operator, "a p", "y", {})])


def test_pixels_repeated_by_tile_as_keras_writes_it():
    nodes = [HEAD, ("Reshape", "a s", "b", {}), ("Tile", "b t", "c", {}), ("Reshape", "c u", "y", {})]
    agree(nodes, integers(s=[-1, 4, 6, 1, 5, 1], t=[1, 1, 1, 2, 1, 3], u=[-1, 4, 12, 15]))


@pytest.mark.parametrize("shape", [[1, 4, 6, 5], [1, 4, 1, 1], [6, 5]])
def test_pooled_channels_expanded_to_an_image(shape):
    agree([HEAD, ("GlobalAveragePool", "a", "p", {}), ("Expand", "p s", "y", {})], integers(s=shape))


def test_values_in_different_orders_are_refused():
    """Their sum would need one of them transposed; a layout must not take one axis for the other."""
    nodes = [("Transpose", "x", "t", {"perm": [0, 1, 3, 2]}), ("Add", "x t", "y", {})]
    proto = proto_of(nodes, {"x": ["N", 4, 5, 5]}, {"y": None})
    with pytest.raises(OnnxError, match="a transposition while the model runs is not supported"):
        convert(proto, "net.onnx")
