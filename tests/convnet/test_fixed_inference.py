"""compile_inference(fixed=True): the parameters of that moment, convolutions with what follows them in one step."""

import threading

import numpy as np
import pytest

import convnet
from convnet import layers
from convnet.engine.fixing import BY_WINOGRAD, DEPTHWISE, OPERATION
from tests.convnet import small_models

SHAPE = (9, 10, 3)


def block(x, filters, stride, norm):
    """A residual block of ResNet's: the second convolution waits for the first addend."""
    y = layers.Conv2D(filters, 3, strides=stride, padding="same")(x)
    y = layers.Activation("relu")(layers.BatchNormalization()(y) if norm else y)
    y = layers.Conv2D(filters, 3, padding="same")(y)
    y = layers.BatchNormalization()(y) if norm else y
    x = layers.Conv2D(filters, 1, strides=stride)(x) if x.shape[-1] != filters or stride != 1 else x
    return layers.Activation("relu")(layers.Add()([y, x]))


def network(norm=False):
    """Blocks, a depthwise convolution and relu6, a branch that is read twice, and one output before its rectifier."""
    start = layers.Input(SHAPE)
    x = layers.ReLU(max_value=6.0)(layers.Conv2D(24, 3, padding="same")(start))
    x = block(block(x, 24, 1, norm), 40, 2, norm)
    x = layers.ReLU(max_value=6.0)(layers.DepthwiseConv2D(3, padding="same")(x))
    twice = layers.Conv2D(32, 1)(x)
    x = layers.Add()([layers.ReLU()(twice), twice])
    last = layers.Conv2D(20, 3, dilation_rate=2, padding="same")(x)
    return convnet.Model(start, [layers.Dense(4, activation="softmax")(layers.Flatten()(layers.ReLU()(last))), last])


def scramble(model, seed):
    rng = np.random.default_rng(seed)
    old = model.get_weights()
    model.set_weights([rng.normal(0, 0.1, w.shape) if w.ndim > 1 else rng.uniform(0.3, 1.0, w.shape) for w in old])


def images(batch, seed=0):
    return np.random.default_rng(seed).standard_normal((batch, *SHAPE), np.float32)


def operations(predict):
    plan = predict.take()
    try:
        return [step.operation for step in plan.low.steps]
    finally:
        predict.give(plan)


def operations_of_the_same_numbers(batch):
    """The steps that compute a batch with fixed weights, whose numbers are the model's own."""
    model = network()
    scramble(model, 1)
    predict, x = model.compile_inference(batch=batch, fixed=True), images(batch)
    for mine, theirs in zip(predict(x), model(x), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    return operations(predict)


def test_a_convolution_takes_addition_and_rectifier_along_and_the_numbers_stay_the_same():
    found = operations_of_the_same_numbers(batch=1)
    assert found.count(OPERATION) == 8
    assert found.count("add") == 1  # of the branch that is read twice
    assert found.count("unary") == 2  # that branch's, and the one behind an output
    assert found.count(DEPTHWISE) == 1  # with its relu6
    assert not {"relu", "conv2d"} & set(found)


def test_of_many_pixels_with_a_border_a_convolution_stays_as_it_is():
    found = operations_of_the_same_numbers(batch=2)
    assert (found.count(OPERATION), found.count("conv2d")) == (5, 3)


def test_a_normalization_becomes_part_of_the_weights_within_their_rounding():
    model = network(norm=True)
    scramble(model, 2)
    predict, x = model.compile_inference(batch=3, fixed=True), images(3)
    found = operations(predict)
    assert "batchnorm_inference" not in found
    assert {OPERATION, "conv2d"} <= set(found)  # some with a layout of their own, some as they are with other weights
    with model.borrowed(x.shape) as plan:
        assert [s.operation for s in plan.low.steps].count("batchnorm_inference") == 4
    for mine, theirs in zip(predict(x), model(x), strict=True):
        # each layer rounds its weights once more: a few units in the last place of its largest number
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=100 * np.finfo(np.float32).eps * np.abs(theirs).max())


def test_winograd_where_it_is_allowed_and_pays_is_as_precise_as_its_bound_lets_expect():
    start = x = layers.Input((16, 13, 32))
    x = block(block(x, 32, 1, norm=True), 40, 2, norm=False)
    model = convnet.Model(start, x)
    scramble(model, 6)
    predict = model.compile_inference(batch=2, fixed=True, winograd=True)
    found = operations(predict)
    assert (found.count(BY_WINOGRAD), found.count(OPERATION)) == (2, 3)
    assert "batchnorm_inference" not in found
    x = np.random.default_rng(0).standard_normal((2, 16, 13, 32), np.float32)
    expected = model(x)
    assert 0 < np.abs(predict(x) - expected).max() < 1e-4 * np.abs(expected).max()
    with pytest.raises(ValueError, match="winograd=True is for fixed=True"):
        model.compile_inference(winograd=True)


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("size", [3, 5])
def test_a_depthwise_convolution_takes_normalization_and_limits_along(strides, size):
    """Of all loops: windows of three taps and others, in images of several parts."""
    start = layers.Input((37, 38, 19))
    x = layers.DepthwiseConv2D(size, strides=strides, padding="same")(start)
    plain = convnet.Model(start, layers.ReLU(max_value=0.5)(x))
    scramble(plain, 7)
    x = np.random.default_rng(0).standard_normal((2, 37, 38, 19), np.float32)
    x[1, 3, 4, 5] = np.nan
    predict = plain.compile_inference(batch=2, fixed=True)
    assert operations(predict) == [DEPTHWISE]
    np.testing.assert_array_equal(predict(x), plain(x))
    assert np.isnan(predict(x)).any()
    normed = convnet.Sequential([layers.Input((9, 9, 4)), layers.DepthwiseConv2D(3), layers.BatchNormalization()])
    scramble(normed, 8)
    predict, x = normed.compile_inference(batch=1, fixed=True), x[:1, :9, :9, :4]
    assert operations(predict) == [DEPTHWISE]
    np.testing.assert_allclose(predict(x), normed(x), rtol=0, atol=1e-5)


def test_what_is_trained_or_loaded_later_does_not_count():
    model, x = network(), images(2)
    predict = model.compile_inference(batch=2, fixed=True)
    before = model(x)
    scramble(model, 3)
    assert not np.array_equal(model(x)[1], before[1])
    for mine, theirs in zip(predict(x), before, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert "fixed weights" in repr(predict)


def test_many_threads_share_the_weights_and_get_their_own_numbers():
    model = network()
    scramble(model, 4)
    predict = model.compile_inference(batch=1, fixed=True)
    many = [images(1, seed) for seed in range(8)]
    expected, wrong = [predict(x) for x in many], []

    def ask(x, right):
        for _ in range(10):
            wrong.extend(not np.array_equal(a, b) for a, b in zip(predict(x), right, strict=True))

    threads = [threading.Thread(target=ask, args=pair) for pair in zip(many, expected, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wrong) == 160
    assert not any(wrong)


def test_an_infinite_weight_or_an_impossible_statistic_leaves_a_layer_as_it_was():
    model = network(norm=True)
    scramble(model, 5)
    weights = model.get_weights()
    weights[0][0, 0, 0, 0] = np.inf
    model.set_weights(weights)
    norm = next(layer for layer in model.layers if isinstance(layer, layers.BatchNormalization))
    *others, variance = norm.get_weights()
    norm.set_weights([*others, variance - 2])
    predict, x = model.compile_inference(batch=1, fixed=True), images(1)
    assert operations(predict).count("batchnorm_inference") == 1
    for mine, theirs in zip(predict(x), model(x), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_small_network_without_such_layers_gives_what_predict_gives():
    model, (x, _) = small_models.trained(), small_models.data(2)
    np.testing.assert_array_equal(model.compile_inference(batch=2, fixed=True)(x), model.predict(x))
    with pytest.raises(ValueError, match="compiled for batches of shape"):
        model.compile_inference(batch=2, fixed=True)(x[:1])
