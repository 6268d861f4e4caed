"""Every layer's gradient through a model, against central differences in float64."""

import numpy as np
import pytest

from convnet import layers, losses
from convnet.engine.graph import record
from convnet.engine.plan import Plan
from convnet.layers import activations
from convnet.layers.regularization import RandomLayer
from convnet.utils import set_random_seed
from tests.rounding import unit

SHAPE = (7, 6, 2)


class Tied(layers.Layer):
    """One dense layer used twice, and a value used twice: gradients must add up."""

    def __init__(self):
        super().__init__()
        self.flatten = layers.Flatten()
        self.dense = layers.Dense(84, activation="sigmoid")

    def call(self, x):
        a = self.dense(self.flatten(x))
        return a + self.dense(a)


class Signal(layers.Layer):
    """A layer of signals, on the image's pixels in a row."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.row = inner, layers.Reshape((42, 2))

    def call(self, x):
        return self.inner(self.row(x))


class Merged(layers.Layer):
    """Branches of several shapes merged, so that axes are repeated; one branch is used twice."""

    def __init__(self, merge, axis_of_length_1=False):
        super().__init__()
        self.merge, self.wide, self.conv = merge, axis_of_length_1, layers.Conv2D(2, 1)
        self.pool = layers.GlobalAveragePooling2D(keepdims=True)

    def call(self, x):
        side = self.conv(x)
        if self.wide:
            side = self.pool(side)
        return self.merge([x, side])


class ThreeMerged(layers.Layer):
    """Three branches, of which one is used twice."""

    def __init__(self, merge):
        super().__init__()
        self.merge, self.first, self.second = merge, layers.Conv2D(2, 1), layers.Conv2D(2, 1)

    def call(self, x):
        a = self.first(x)
        return self.merge([a, self.second(x), a])


class Quotient(layers.Layer):
    """One convolution by another that is kept away from 0."""

    def __init__(self):
        super().__init__()
        self.first, self.second = layers.Conv2D(2, 1), layers.Conv2D(2, 1, activation="sigmoid")
        self.away, self.divide = layers.Elementwise("clip", low=0.3, high=1.0), layers.Divide()

    def call(self, x):
        return self.divide([self.first(x), self.away(self.second(x))])


STACKS = {
    "depthwise": [layers.DepthwiseConv2D, (3, 2, "same", 3)],
    "separable": [layers.SeparableConv2D, (3, 2), {"depth_multiplier": 2, "activation": "sigmoid"}],
    "conv1d causal": [Signal, (layers.Conv1D(3, 3, padding="causal", dilation_rate=2, activation="tanh"),)],
    "maxpool1d": [Signal, (layers.MaxPooling1D(3, 2, "same"),)],
    "avgpool1d": [Signal, (layers.AveragePooling1D(2),)],
    "gap1d": [Signal, (layers.GlobalAveragePooling1D(keepdims=True),)],
    "gmp1d": [Signal, (layers.GlobalMaxPooling1D(keepdims=True),)],
    "conv2dtranspose": [layers.Conv2DTranspose, (3, (3, 2), 2)],
    "conv2dtranspose same": [layers.Conv2DTranspose, (2, 3, (2, 3), "same"), {"activation": "sigmoid"}],
    "conv2dtranspose grouped, dilated": [
        layers.Conv2DTranspose,
        (4, 2, 1, ((0, 1), (1, 0)), None, None, 2),
        {"groups": 2},
    ],
    "maxpool dilated": [layers.MaxPooling2D, (2, 2, ((1, 0), (0, 1))), {"dilation_rate": 2}],
    "maxpool ceil": [layers.MaxPooling2D, (2, 2), {"ceil_mode": True}],
    "avgpool counted padding": [
        layers.AveragePooling2D,
        (3, 2, ((1, 1), (1, 0))),
        {"ceil_mode": True, "count_include_pad": True},
    ],
    "multiply": [Merged, (layers.Multiply(),)],
    "multiply by (N,1,1,C)": [Merged, (layers.Multiply(), True)],
    "subtract": [Merged, (layers.Subtract(), True)],
    "divide": [Quotient, ()],
    "dense at every pixel": [layers.Dense, (3,), {"activation": "sigmoid"}],
    "maximum": [Merged, (layers.Maximum(),)],
    "minimum": [Merged, (layers.Minimum(), True)],
    "average of three": [ThreeMerged, (layers.Average(),)],
    "add of three": [ThreeMerged, (layers.Add(),)],
    "concatenate": [ThreeMerged, (layers.Concatenate(),)],
    "concatenate rows": [ThreeMerged, (layers.Concatenate(axis=1),)],
    "constant factor": [layers.ConstantArithmetic, ("multiply", (2,)), {"learned": True}],
    "fixed divisor": [layers.ConstantArithmetic, ("divide", (6, 1))],
    "zero padding": [layers.ZeroPadding2D, (((1, 2), (0, 3)),)],
    "cropping": [layers.Cropping2D, (((1, 2), (0, 3)),)],
    "upsampling": [layers.UpSampling2D, ((2, 3),)],
    "upsampling, bilinear": [layers.UpSampling2D, (2, None, "bilinear")],
    "resizing": [layers.Resizing, (4, 9)],
    "reflection": [layers.Padding, (((2, 1), (0, 3), (0, 0)), "reflect")],
    "slicing": [layers.Slicing, (((None, None, -2), None, (1, 2, 1)),)],
    "conv2d": [layers.Conv2D, (3, (3, 2))],
    "conv2d strided, same": [layers.Conv2D, (4, 3, 2, "same")],
    "conv2d grouped, dilated": [layers.Conv2D, (4, (2, 2), 1, "valid", None, 2, 2)],
    "conv2d relu": [layers.Conv2D, (3, 3), {"activation": "relu"}],
    "maxpool": [layers.MaxPooling2D, ((2, 3),)],
    "maxpool overlapping": [layers.MaxPooling2D, (3, 1, "same")],
    "avgpool": [layers.AveragePooling2D, (2,)],
    "avgpool same": [layers.AveragePooling2D, (3, 2, "same")],
    "conv2d padded": [layers.Conv2D, (3, 3, 2, ((2, 1), (0, 3)))],
    "maxpool padded": [layers.MaxPooling2D, (3, 2, ((1, 0), (1, 1)))],
    "gmp": [layers.GlobalMaxPooling2D, ()],
    "reshape": [layers.Reshape, ((4, -1, 3),)],
    "gap": [layers.GlobalAveragePooling2D, ()],
    "relu": [layers.Activation, ("relu",)],
    "sigmoid": [layers.Activation, ("sigmoid",)],
    "softmax": [layers.Activation, ("softmax",)],
    "softmax as a layer": [layers.Softmax, ()],
    "identity": [layers.Identity, ()],
    "log softmax": [layers.Activation, ("log_softmax",)],
    **{f"conv2d {name}": [layers.Conv2D, (3, 3), {"activation": name}] for name in activations.FUNCTIONS},
    "relu with all settings": [layers.ReLU, (0.7, 0.25, 0.1)],
    "leaky relu": [layers.LeakyReLU, ()],
    "elu": [layers.ELU, (0.5,)],
    "layer normalisation": [layers.LayerNormalization, ()],
    "layer normalisation of images": [layers.LayerNormalization, ((1, 2, 3),)],
    "group normalisation": [layers.GroupNormalization, (2,)],
    "instance normalisation": [layers.GroupNormalization, (-1,)],
    "group normalisation, no scale": [layers.GroupNormalization, (1, -1, 0.1, True, False)],
    "prelu": [layers.PReLU, ()],
    "prelu, shared": [layers.PReLU, ("he_normal", [1, 2])],
    "rescaling": [layers.Rescaling, ([0.5, -2.0], 0.3)],
    "normalization": [layers.Normalization, (-1, [0.5, 1.0], [2.0, 0.3])],
    "mean of the channels": [layers.Reduce, ("mean", 3, True)],
    "max of the rows": [layers.Reduce, ("max", 1)],
    "sum of the image": [layers.Reduce, ("sum", (1, 2), True)],
    "clip": [layers.Elementwise, ("clip", {"low": -0.3, "high": 0.4})],
    "gelu by tanh": [layers.Elementwise, ("gelu_tanh",)],
    "batchnorm": [layers.BatchNormalization, ()],
    "spatial dropout": [layers.SpatialDropout2D, (0.4,), {"seed": 3}],
    "random flip": [layers.RandomFlip, ("horizontal_and_vertical", 3)],
    "random rotation": [layers.RandomRotation, (0.2,), {"seed": 3}],
    "random rotation, constant": [layers.RandomRotation, (0.2, "constant", "bilinear", 3, 0.4)],
    "random translation": [layers.RandomTranslation, (0.3, 0.2, "wrap"), {"seed": 3}],
    "random zoom": [layers.RandomZoom, (0.4, None, "nearest"), {"seed": 3}],
    "random contrast": [layers.RandomContrast, (0.9, (-2.0, 2.0), 3)],
    "gaussian noise": [layers.GaussianNoise, (0.3, 3)],
    "gaussian dropout": [layers.GaussianDropout, (0.2, 3)],
    "tied": [Tied, ()],
}


def check(stack, loss, y, training=True):
    """The plan's gradients, input's included, against (L(w+h) - L(w-h)) / 2h for every number of every array."""
    set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, *SHAPE))

    def call(node):
        for layer in stack:
            node = layer(node)
        return node

    graph = record(call, SHAPE, np.float64, training, "test")
    plan = Plan(graph, 3, training=training, loss=loss, input_gradient=True)
    loss.fill(plan.target_array, y)
    plan.x[...] = x
    for layer in graph.layers:
        for p in layer.parameters:
            p.value += 0.1 * rng.standard_normal(p.value.shape)  # zeros would hide mistakes
    plan.forward()
    plan.backward()
    arrays = [(plan.x, plan.dx.copy())] + [(p.value, g.copy()) for p, g in plan.gradients.items()]
    assert len(arrays) == 1 + sum(p.trainable for layer in graph.layers for p in layer.parameters)
    # L(w+h) and L(w-h) are sums of some hundred terms, each off by up to 100 u |L|; truncation is of order h^2
    h = 1e-5
    rounding = 100 * unit(np.float64) * abs(float(plan.loss)) / h
    drawing = [layer for layer in graph.layers if isinstance(layer, RandomLayer)]
    for layer in drawing:
        assert layer.calls > 0
    for array, gradient in arrays:
        numeric = np.empty_like(gradient)
        for index in np.ndindex(array.shape):
            kept = array[index]
            sides = []
            for side in (h, -h):
                array[index] = kept + side
                for layer in drawing:  # the same numbers again
                    layer.calls = 0
                plan.forward()
                sides.append(float(plan.loss))
            array[index] = kept
            numeric[index] = (sides[0] - sides[1]) / (2 * h)
        np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=rounding)


@pytest.mark.parametrize("kind", STACKS)
def test_a_layers_gradient_is_the_central_difference(kind):
    cls, arguments, *options = STACKS[kind]
    stack = [layers.Conv2D(2, 1), cls(*arguments, **(options[0] if options else {})), layers.Flatten(), layers.Dense(4)]
    stack = stack[:2] + stack[3:] if kind in ("gap", "gmp", "tied") else stack
    y = np.random.default_rng(1).standard_normal((3, 4))
    check(stack, losses.MeanSquaredError(), y)


def test_batchnorm_in_inference_mode_has_the_gradient_of_fixed_statistics():
    stack = [layers.Conv2D(3, 2), layers.BatchNormalization(), layers.Flatten(), layers.Dense(2)]
    check(stack, losses.MeanSquaredError(), np.ones((3, 2)), training=False)


@pytest.mark.parametrize(
    ("loss", "last", "y"),
    [
        (losses.SparseCategoricalCrossentropy(), "softmax", np.array([0, 3, 1])),
        (losses.SparseCategoricalCrossentropy(from_logits=True), None, np.array([0, 3, 1])),
        (losses.CategoricalCrossentropy(), "softmax", np.full((3, 4), 0.25)),
        (losses.BinaryCrossentropy(), "sigmoid", np.eye(3, 4)),
        (losses.BinaryCrossentropy(from_logits=True), None, np.eye(3, 4)),
        (losses.MeanSquaredError(), "sigmoid", np.eye(3, 4)),
        (losses.MeanSquaredError(), "softmax", np.eye(3, 4)),
        (losses.CategoricalCrossentropy(), "sigmoid", np.eye(3, 4)),
    ],
)
def test_every_loss_with_every_end_has_the_gradient_of_the_central_difference(loss, last, y):
    check([layers.Flatten(), layers.Dense(4, activation=last)], loss, y)


def test_a_fused_softmax_gives_the_loss_and_gradient_of_the_two_alone():
    """Adding a branch that is zero keeps the softmax from being the last operation, and so from being fused."""
    dense, softmax = layers.Dense(4), layers.Activation("softmax")
    zero = layers.Dense(4, kernel_initializer="zeros")

    def fused(node):
        return softmax(dense(layers.Flatten()(node)))

    def apart(node):
        flat = layers.Flatten()(node)
        return softmax(dense(flat)) + zero(flat)

    results = []
    for call in (fused, apart):
        graph = record(call, SHAPE, np.float64, None, "test")
        loss = losses.SparseCategoricalCrossentropy()
        plan = Plan(graph, 3, training=True, loss=loss)
        plan.x[...] = np.random.default_rng(2).standard_normal((3, *SHAPE))
        loss.fill(plan.target_array, np.array([1, 0, 2]))
        plan.forward()
        plan.backward()
        results.append((float(plan.loss), plan.gradients[dense.parameters[0]].copy()))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-13)
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("pool", [layers.MaxPooling2D(2), layers.MaxPooling2D(3, 2, "same"), layers.MaxPooling2D(2, 1)])
def test_pooling_before_relu_gives_the_bits_of_relu_before_pooling(pool):
    """Small integers make ties and windows without a positive number; one pixel is NaN."""
    conv, dense = layers.Conv2D(3, 2, activation="relu"), layers.Dense(4)
    graph = record(lambda node: dense(layers.Flatten()(pool(conv(node)))), SHAPE, np.float32, None, "test")
    rng = np.random.default_rng(0)
    conv.set_weights([rng.integers(-1, 2, w.shape).astype(np.float32) for w in conv.get_weights()])
    dense.set_weights([rng.integers(-1, 2, w.shape).astype(np.float32) for w in dense.get_weights()])
    x = rng.integers(-2, 3, (3, *SHAPE)).astype(np.float32)
    x[2, 3, 3, 0] = np.nan
    loss, results = losses.MeanSquaredError(), []
    for rewritten in (True, False):
        plan = Plan(graph, 3, training=True, loss=loss, input_gradient=True, rewritten=rewritten)
        loss.fill(plan.target_array, np.zeros((3, 4)))
        plan.x[...] = x
        plan.forward()
        plan.backward()
        operations = [step.operation for step in plan.low.steps]
        assert operations[1:3] == (["maxpool2d", "relu"] if rewritten else ["relu", "maxpool2d"])
        results.append((plan.y.copy(), plan.dx.copy(), *(g.copy() for g in plan.gradients.values())))
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.isnan(results[0][0][2]).any()
    assert not np.isnan(results[0][0][:2]).any()
