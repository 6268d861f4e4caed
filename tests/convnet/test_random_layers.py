"""Layers that draw random numbers in training: which numbers, when, and that they can be had again."""

import numpy as np
import pytest

import convnet
from convnet import layers
from convnet.engine.graph import record
from convnet.engine.plan import Plan
from kernels import dropout

SHAPE = (6, 5, 3)
X = np.random.default_rng(0).uniform(0.1, 0.9, (8, *SHAPE))
RANDOM = {
    "SpatialDropout2D": {"rate": 0.4},
    "GaussianNoise": {"stddev": 0.3},
    "GaussianDropout": {"rate": 0.3},
}
BY_SAMPLE = [name for name in RANDOM if name != "SpatialDropout2D"]  # a sample's numbers are its own


def drawn(layer, x=X, target="cpu", dtype=np.float64):
    graph = record(layer, x.shape[1:], dtype, True, "test")
    return Plan(graph, len(x), training=True, target=target).run(x)


@pytest.mark.parametrize("name", RANDOM)
def test_inference_is_the_identity_and_training_draws_anew_at_every_call(name):
    layer = getattr(layers, name)(**RANDOM[name], seed=3)
    np.testing.assert_array_equal(layer(X.astype("f")), X.astype("f"))
    assert layer.calls == 0
    first, second = (layer(X, training=True) for _ in range(2))
    assert first.shape == X.shape
    assert not np.array_equal(first, second)
    layer.calls = 0
    np.testing.assert_array_equal(layer(X, training=True), first)
    assert not np.array_equal(getattr(layers, name)(**RANDOM[name], seed=4)(X, training=True), first)


@pytest.mark.parametrize("name", BY_SAMPLE)
def test_a_samples_numbers_are_the_same_in_batches_of_any_size(name):
    whole, parts = (getattr(layers, name)(**RANDOM[name], seed=3) for _ in range(2))
    np.testing.assert_array_equal(drawn(whole), np.concatenate([drawn(parts, X[:3]), drawn(parts, X[3:])]))
    assert whole.calls == parts.calls == len(X)


@pytest.mark.parametrize("name", RANDOM)
def test_a_layers_two_uses_draw_different_numbers(name):
    layer = getattr(layers, name)(**RANDOM[name], seed=3)
    both = drawn(lambda x: layers.Concatenate()([layer(x), layer(x)]))
    assert not np.array_equal(both[..., :3], both[..., 3:])


def test_spatial_dropout_keeps_or_drops_whole_channels_by_dropouts_mask():
    y = drawn(layers.SpatialDropout2D(0.4, seed=3))
    mask = dropout.forward(np.ones((8, 1, 1, 3)), 0.4, seed=3, variant="reference")
    np.testing.assert_array_equal(y, X * mask)
    assert 0 < np.count_nonzero(mask) < mask.size


def test_a_nan_in_a_dropped_channel_stays_visible():
    x = X.copy()
    x[:, 2, 2] = np.nan
    y = drawn(layers.SpatialDropout2D(0.4, seed=3), x)
    assert np.isnan(y[:, 2, 2]).all()
    assert np.isfinite(y).sum() == x.size - 8 * 3


@pytest.mark.parametrize(("name", "mean", "deviation"), [("GaussianNoise", 1.0, 0.3), ("GaussianDropout", 1.0, 0.5)])
def test_gaussian_numbers_have_their_mean_and_deviation(name, mean, deviation):
    settings = {"GaussianNoise": {"stddev": 0.3}, "GaussianDropout": {"rate": 0.2}}[name]
    y = drawn(getattr(layers, name)(**settings, seed=3), np.ones((16, 40, 40, 3)))
    # the mean of n numbers is off by deviation / sqrt(n), their deviation by deviation / sqrt(2 n)
    assert abs(y.mean() - mean) < 4 * deviation / np.sqrt(y.size)
    assert abs(y.std() - deviation) < 4 * deviation / np.sqrt(2 * y.size)


def model():
    return convnet.Sequential(
        [
            layers.Input(SHAPE),
            *(getattr(layers, name)(**settings, seed=3) for name, settings in RANDOM.items()),
            layers.Conv2D(2, 3, activation="relu"),
            *(getattr(layers, name)(**settings, seed=5) for name, settings in RANDOM.items()),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )


def test_saved_in_the_middle_training_goes_on_with_the_same_bits(tmp_path):
    convnet.set_random_seed(1)
    whole, y = model(), np.arange(8) % 2
    whole.compile("adam", "sparse_categorical_crossentropy")
    whole.fit(X, y, epochs=1, batch_size=3, verbose=0)
    whole.save(tmp_path / "m.safetensors")
    again = convnet.load(tmp_path / "m.safetensors")
    for m in (whole, again):
        convnet.set_random_seed(5)
        m.fit(X, y, epochs=2, batch_size=3, verbose=0)
    for a, b in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.SpatialDropout2D(1.0), "rate must be a number in"),
        (lambda: layers.SpatialDropout2D(0.5, "channels_first"), "data_format must be 'channels_last'"),
        (lambda: layers.SpatialDropout2D(0.5)(np.ones((2, 3))), "expects images"),
        (lambda: layers.GaussianNoise(-1.0), "stddev must be a number in"),
        (lambda: layers.GaussianDropout(1.0), "rate must be a number in"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_lesson_of_a_training_step_refuses_numbers_that_it_cannot_show():
    with pytest.raises(ValueError, match=r"gaussian_noise.* have no page: make the lesson with training=False"):
        convnet.explain.lesson(model(), X[0], 1, training=True)
