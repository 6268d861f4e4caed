"""The rewrites of a plan's steps: which operations they leave, and that the numbers stay SciPy's and NumPy's."""

import numpy as np
import pytest
from scipy.signal import correlate2d

from convnet import layers
from convnet.engine import rewrite
from convnet.engine.graph import record
from convnet.engine.lowering import lower
from convnet.engine.plan import Plan
from kernels import convpool

GOLDEN = 11400714819323198485  # 2**64 divided by the golden ratio


def lowered(call, shape=(8, 8, 1), training=False):
    return lower(record(call, shape, np.float32, training, "call"), training)


def operations(steps):
    return [step.operation for step in steps]


def conv_relu_pool(filters=4, **pooling):
    conv, pool = layers.Conv2D(filters, 3, activation="relu"), layers.MaxPooling2D(**pooling)
    return conv, lambda x: pool(conv(x))


def test_pooling_comes_before_the_relu_that_it_alone_reads():
    _, call = conv_relu_pool(pool_size=3, strides=1)
    steps = lowered(call).steps
    assert operations(steps) == ["conv2d", "relu", "maxpool2d"]
    pooled = rewrite.pool_before_relu(steps, [])
    assert operations(pooled) == ["conv2d", "maxpool2d", "relu"]
    assert [s.output.shape for s in pooled] == [(6, 6, 4), (4, 4, 4), (4, 4, 4)]
    assert pooled[-1].output is steps[-1].output
    assert operations(steps) == ["conv2d", "relu", "maxpool2d"]


def test_a_relu_that_another_layer_reads_stays_before_the_pooling():
    conv, pool, same = layers.Conv2D(1, 1, activation="relu"), layers.MaxPooling2D(1), layers.Add()

    def call(x):
        rectified = conv(x)
        return same([pool(rectified), rectified])

    steps = lowered(call).steps
    assert (
        operations(rewrite.pool_before_relu(steps, [])) == operations(steps) == ["conv2d", "relu", "maxpool2d", "add"]
    )


@pytest.mark.parametrize(
    ("pooling", "fused"), [({}, True), ({"pool_size": 3, "strides": 2}, False), ({"padding": "same"}, False)]
)
def test_only_plain_pooling_by_two_becomes_one_operation(pooling, fused):
    assert convpool.pays((3, 3, 1, 32))
    _, call = conv_relu_pool(32, **pooling)
    low = lowered(call, (9, 9, 1))
    steps = rewrite.fuse_convpool(rewrite.pool_before_relu(low.steps, low.outputs), low.outputs)
    assert operations(steps) == (["convpool"] if fused else ["conv2d", "maxpool2d", "relu"])
    assert steps[-1].output is low.output


def test_what_a_model_returns_from_between_is_not_fused_away():
    conv, pool, relu = layers.Conv2D(32, 3), layers.MaxPooling2D(), layers.Activation("relu")
    low = lowered(lambda x: relu(pool(conv(x))))
    between = low.steps[1].output
    assert operations(rewrite.fuse_convpool(low.steps, [between])) == ["conv2d", "maxpool2d", "relu"]
    assert operations(rewrite.fuse_convpool(low.steps, low.outputs)) == ["convpool"]


@pytest.mark.parametrize(("channels", "on_the_cpu"), [(1, ["convpool"]), (3, ["conv2d", "maxpool2d", "relu"])])
def test_a_gpu_fuses_whatever_the_channels_and_the_cpu_where_it_pays(channels, on_the_cpu):
    _, call = conv_relu_pool(32)
    for target, expected in (("cpu", on_the_cpu), ("cuda", ["convpool"]), ("cuda-emulated", ["convpool"])):
        low = lowered(call, (8, 8, channels))
        rewrite.rewrite(low, target)
        assert operations(low.steps) == expected


@pytest.mark.parametrize("filters", [1, 32])
@pytest.mark.parametrize("rewritten", [True, False])
def test_the_numbers_are_scipys_correlation_rectified_and_pooled(filters, rewritten):
    conv, call = conv_relu_pool(filters)
    graph = record(call, (8, 8, 1), np.float32, False, "call")
    x = np.random.default_rng(0).integers(-4, 5, (2, 8, 8, 1)).astype(np.float32)
    k = np.random.default_rng(1).integers(-3, 4, (3, 3, 1, filters)).astype(np.float32)
    conv.set_weights([k, np.arange(filters, dtype=np.float32) - 2])
    y = Plan(graph, 2, rewritten=rewritten).run(x)
    for n, f in np.ndindex(2, filters):
        z = np.maximum(correlate2d(x[n, :, :, 0], k[:, :, 0, f], "valid") + f - 2, 0)
        assert np.array_equal(y[n, :, :, f], z.reshape(3, 2, 3, 2).max(axis=(1, 3)))


def test_separated_steps_have_an_output_each_and_keep_their_order():
    _, call = conv_relu_pool()
    low = lowered(call)
    assert low.steps[1].output.alias is low.steps[0].output
    rewrite.separate(low)
    assert operations(low.steps) == ["conv2d", "relu", "maxpool2d"]
    assert all(step.output.alias is None for step in low.steps)


def test_each_use_of_a_dropout_layer_draws_from_a_seed_of_its_own():
    drop, other = layers.Dropout(0.5, seed=7), layers.Dropout(0.5, seed=2**63)
    low = lowered(lambda x: other(drop(drop(x))), training=True)
    rewrite.seed_random(low.steps)
    assert [s.settings["seed"] for s in low.steps] == [7, 7 + GOLDEN, (2**63 + 2 * GOLDEN) % 2**64]
