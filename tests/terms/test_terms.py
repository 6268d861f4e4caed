"""explain and explain_backward: the terms of every operation add up to what the kernels computed."""

import numpy as np
import pytest

import convnet
from convnet import layers
from convnet.engine import fixing
from convnet.engine.bindings import BINDINGS
from convnet.engine.lowering import OF_LEVELS
from convnet.terms.backward import OF_INPUT, OF_WEIGHT
from convnet.terms.forward import FORWARD
from convnet.terms.terms import Part, Term
from tests.explain.layer_cases import LAYERS, made
from tests.rounding import unit

CELLS = 25  # random numbers of every array, each way
EVERY = pytest.mark.parametrize("case", [*LAYERS, "dense", "dense relu"])
BOTH = pytest.mark.parametrize("dtype", ["float32", "float64"])


def cells(shape, rng):
    return [tuple(int(rng.integers(n)) for n in shape) for _ in range(CELLS)]


def maxima(x):
    """Where each channel of an image is largest: the one pixel that global max pooling sends a gradient to."""
    if x.ndim < 4:
        return []
    images, _, width, channels = x.shape
    places = {(n, c): int(x[n, ..., c].argmax()) for n in range(images) for c in range(channels)}
    return [(n, place // width, place % width, c) for (n, c), place in places.items()]


def assert_tight(found, dtype, case):
    """The bound is that of a few roundings a term: a wrong term would not fit into it."""
    more = 60 if case.startswith("gelu") else 0  # e^-v turns the rounding of v into v times as much
    for part in found.parts:
        magnitude = sum(abs(term.value) for term in part.terms)
        assert part.bound <= 2 * (len(part.terms) + 12 + more) * unit(dtype) * max(magnitude, abs(part.value)) + 1e-40


@EVERY
@BOTH
def test_the_terms_of_an_output_give_what_the_layer_computes(case, dtype):
    layer, x, dy = made(case, dtype)
    y = layer(x)
    for index in cells(y.shape, np.random.default_rng(2)):
        found = layer.explain(x, *index)
        assert found.holds, found
        assert found.kernel == y[index]
        assert found.value == pytest.approx(y[index], rel=1e-4, abs=1e-5)
        assert_tight(found, dtype, case)


@EVERY
@BOTH
def test_the_terms_of_every_gradient_give_what_backward_computes(case, dtype):
    layer, x, dy = made(case, dtype)
    weights = {p.name.rsplit("/", 1)[-1]: p.value.shape for p in layer.own_parameters if p.trainable}
    shapes = {"x": x.shape} | weights
    if getattr(layer, "activation", "linear") != "linear" and layer.own_parameters:
        shapes["z"] = dy.shape
    for of, shape in shapes.items():
        some = 0.0
        for index in [*cells(shape, np.random.default_rng(3)), *(maxima(x) if of == "x" else ())]:
            found = layer.explain_backward(x, dy, *index, of=of)
            assert found.holds, (of, index, found)
            assert_tight(found, dtype, case)
            some += abs(found.kernel)
        assert some > 0


def test_every_operation_of_a_network_in_use_can_be_taken_apart():
    """Random numbers and a batch's own statistics are of training only; a plan makes convpool of layers' operations."""
    rewritten = {"convpool", fixing.OPERATION, fixing.BY_WINOGRAD, fixing.DEPTHWISE}
    in_use = set(BINDINGS) - {"dropout", "drawn", "warped", "batchnorm", "quantize", *rewritten, *OF_LEVELS}
    assert set(FORWARD) == set(OF_INPUT) == in_use
    with_weights = {"arithmetic", "conv2d", "conv2dtranspose", "dense", "batchnorm_inference", "groupnorm"}
    assert set(OF_WEIGHT) == with_weights


def test_the_gradient_of_a_convolution_is_the_central_difference():
    """An oracle that shares nothing with the kernels: L = sum dy * y."""
    layer, x, dy = made("conv2d strided, same", "float64")
    h = 1e-6

    def slope(array, index):
        kept, ends = array[index], []
        for step in (h, -h):
            array[index] = kept + step
            ends.append(np.vdot(dy, layer(x)))
        array[index] = kept
        return (ends[0] - ends[1]) / (2 * h)

    for index in cells(x.shape, np.random.default_rng(4)):
        assert layer.explain_backward(x, dy, *index).value == pytest.approx(slope(x, index), abs=1e-7)
    kernel = layer.kernel.value
    for index in cells(kernel.shape, np.random.default_rng(4)):
        assert layer.explain_backward(x, dy, *index, of="kernel").value == pytest.approx(slope(kernel, index), abs=1e-6)


def test_formula_1_is_listed_product_by_product():
    layer, x, _ = made("conv2d", "float32")
    found = layer.explain(x, 1, 2, 3, 0)
    assert len(found.terms) == 3 * 2 * 4 + 1
    assert found.terms[5].name == "x[1,2,4,1] * k[0,1,1,0]"
    assert found.terms[5].factors == (float(x[1, 2, 4, 1]), float(layer.kernel.value[0, 1, 1, 0]))
    assert found.terms[5].value == found.terms[5].factors[0] * found.terms[5].factors[1]
    assert found.terms[-1].name == "b[0]"


def test_padding_is_listed_as_zeros():
    layer, x, _ = made("conv2d strided, same", "float32")
    terms = layer.explain(x, 0, 0, 0, 1).terms
    outside = [t for t in terms if t.name.startswith("padding")]
    assert len(outside) == 5 * 4  # the first row and the first column of a 3x3 window, four channels each
    assert all(t.value == 0 for t in outside)


def test_the_maximum_is_marked_and_alone_gets_the_gradient():
    x = np.zeros((1, 2, 4, 1), np.float32)
    x[0, :, :, 0] = [[1, 5, 2, 2], [5, 3, 2, 2]]
    pool = layers.MaxPooling2D(2)
    forward = pool.explain(x, 0, 0, 0, 0)
    assert [t.value for t in forward.terms if t.chosen] == [5]
    assert [t.name for t in forward.terms if t.chosen] == ["x[0,0,1,0]"]  # the first of the two fives
    dy = np.full((1, 1, 2, 1), 7, np.float32)
    assert pool.explain_backward(x, dy, 0, 0, 1, 0).value == 7
    assert pool.explain_backward(x, dy, 0, 1, 0, 0).value == 0
    assert pool.explain_backward(x, dy, 0, 0, 2, 0).value == 7
    assert pool.explain_backward(x, dy, 0, 1, 3, 0).value == 0


def test_a_nan_is_explained_as_a_nan():
    layer, x, _ = made("conv2d", "float32")
    x[0, 1, 1, 0] = np.nan
    found = layer.explain(x, 0, 0, 0, 0)
    assert np.isnan(found.value)
    assert found.holds
    assert layer.explain(x, 1, 0, 0, 0).holds


def test_a_kernels_wrong_number_is_told():
    part = Part("y[0]", "a + b", (Term("a", (1.0,), 1.0), Term("b", (2.0,), 2.0)), 3.0, 3.001, 1e-6)
    assert not part.holds
    assert "NOT THE SAME" in str(part.table())
    assert not Part("y[0]", "a", (), np.nan, 1.0, 1e-6).holds
    assert Part("y[0]", "a", (), np.nan, np.nan, 1e-6).holds


class Residual(convnet.Model):
    """A layer used twice, a value read twice: contributions add up."""

    def __init__(self):
        super().__init__(dtype="float64")
        self.conv = layers.Conv2D(2, 3, padding="same", activation="relu")
        self.flatten, self.dense = layers.Flatten(), layers.Dense(3, activation="softmax")

    def call(self, x):
        a = self.conv(x)
        return self.dense(self.flatten(self.conv(a) + a))


def test_a_layer_used_twice_gets_both_uses_terms():
    model, rng = Residual(), np.random.default_rng(0)
    x, y = rng.standard_normal((2, 5, 4, 2)), np.array([0, 2])
    model.build((None, 5, 4, 2))
    model.compile("sgd", "sparse_categorical_crossentropy")
    for index in cells((3, 3, 2, 2), rng):
        found = model.explain_backward(x, y, *index, layer=model.conv, of="kernel")
        assert found.holds, found
        assert len(found.terms) > 2 * 5 * 4  # the whole of one use is at most 2 images of 5x4
    for index in cells(x.shape, rng):  # what the second use reads is also an addend of the sum
        found = model.explain_backward(x, y, *index, layer=model.conv)
        assert found.holds, found
        assert found.terms[-1].name.startswith("dy[")


LOSSES = {
    "sparse_categorical_crossentropy": ("softmax", np.array([0, 2])),
    "categorical_crossentropy": ("softmax", np.array([[0.2, 0.5, 0.3], [0, 0, 1]])),
    "binary_crossentropy": ("sigmoid", np.array([[0, 1, 1], [0.3, 0, 1]])),
    "mean_squared_error": ("sigmoid", np.array([[0, 1, 1], [1, 0, 0]])),
}


@pytest.mark.parametrize("loss", LOSSES)
@BOTH
def test_a_models_gradients_are_taken_apart_down_to_the_loss(loss, dtype):
    activation, y = LOSSES[loss]
    model = convnet.Sequential(
        [
            layers.Conv2D(3, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(3, activation=activation),
        ],
        dtype=dtype,
    )
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 7, 6, 2))
    model.build((None, 7, 6, 2))
    model.compile("sgd", loss)
    conv, pool, _, dense = model.layers
    for layer, of, shape in (
        (conv, "kernel", (3, 3, 2, 3)),
        (conv, "bias", (3,)),
        (conv, "x", x.shape),
        (conv, "z", (2, 5, 4, 3)),
        (pool, "x", (2, 5, 4, 3)),
        (dense, "kernel", (12, 3)),
        (dense, "z", (2, 3)),
    ):
        for index in cells(shape, rng)[:8]:
            found = model.explain_backward(x, y, *index, layer=layer, of=of)
            assert found.holds, (of, found)
    p = model(x)
    if loss == "sparse_categorical_crossentropy":
        value = model.explain_backward(x, y, 0, 1, layer=dense, of="z").value
        assert value == pytest.approx(float(p[0, 1]) / 2, rel=1e-5)
        value = model.explain_backward(x, y, 1, 2, layer=dense, of="z").value
        assert value == pytest.approx((float(p[1, 2]) - 1) / 2, rel=1e-5)
    assert model.explain(x, 1, 2).kernel == p[1, 2]
    inner = model.explain(x, 1, 2, 3, 0, layer=conv)
    assert len(inner.parts) == 2
    assert inner.kernel == conv(x)[1, 2, 3, 0]


def test_a_sigmoid_under_a_loss_that_is_not_fused_is_explained_as_itself():
    """mean squared error reads the sigmoid's output, so dz is dy y (1 - y)."""
    model = convnet.Sequential([layers.Dense(2, activation="sigmoid")], dtype="float64")
    model.build((None, 3))
    model.compile("sgd", "mean_squared_error")
    x, y = np.array([[1.0, 2, 3]]), np.array([[0.0, 1]])
    found = model.explain_backward(x, y, 0, 1, of="z")
    assert found.parts[0].formula == "dy * y * (1 - y)"
    p = model(x)[0, 1]
    assert found.value == pytest.approx(2 * (p - 1) / 2 * p * (1 - p))
    above = model.explain_backward(x, y, 0, 1, of="y")
    assert above.holds
    assert above.value == pytest.approx(2 * (p - 1) / 2)
    assert [t.name for t in above.terms] == ["2 yhat / 2", "-2 y / 2"]
