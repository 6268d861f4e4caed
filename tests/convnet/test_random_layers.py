"""Layers that draw random numbers in training: which numbers, when, and that they can be had again."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

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
    "RandomFlip": {},
    "RandomRotation": {"factor": 0.2},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": (0.1, 0.2)},
    "RandomZoom": {"height_factor": 0.3},
    "RandomContrast": {"factor": 0.5, "value_range": (0, 1)},
}
BY_SAMPLE = [name for name in RANDOM if name != "SpatialDropout2D"]  # a sample's numbers are its own


def drawn(layer, x=X, target="cpu", dtype=np.float64):
    graph = record(layer, x.shape[1:], dtype, True, "test")
    return Plan(graph, len(x), training=True, target=target).run(x)


@pytest.mark.parametrize("name", RANDOM)
def test_inference_is_the_identity_and_training_draws_anew_at_every_call(name):
    layer = getattr(layers, name)(**RANDOM[name], seed=3)
    np.testing.assert_array_equal(layer(X.astype("f"), training=False), X.astype("f"))
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


MODES = {"reflect": "reflect", "wrap": "grid-wrap", "constant": "grid-constant", "nearest": "nearest"}


@pytest.mark.parametrize("fill", MODES)
@pytest.mark.parametrize("name", ["RandomRotation", "RandomTranslation", "RandomZoom"])
def test_an_image_is_scipys_bilinear_reading_of_the_places_that_the_layer_drew(name, fill):
    layer = getattr(layers, name)(**RANDOM[name], fill_mode=fill, fill_value=0.25, seed=3)
    y = drawn(layer)
    for n in range(len(X)):
        generator = np.random.Generator(np.random.Philox(key=3, counter=n << 192))
        a, b, c, d, e, f = layer.affine(generator, *SHAPE[:2])
        i, j = np.mgrid[: SHAPE[0], : SHAPE[1]]
        at = np.array([a * i + b * j + c, d * i + e * j + f])
        for channel in range(3):
            expected = map_coordinates(X[n, ..., channel], at, order=1, mode=MODES[fill], cval=0.25)
            np.testing.assert_allclose(y[n, ..., channel], expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("mode", "axes"), [("horizontal", (1,)), ("vertical", (0,)), ("horizontal_and_vertical", (0, 1))]
)
def test_a_flip_is_the_image_or_its_mirror_and_moves_a_nan_alone(mode, axes):
    x = np.concatenate([X] * 8)
    x[:, 0, 1] = np.nan
    y = drawn(layers.RandomFlip(mode, seed=3), x)
    flipped = [np.array_equal(b, np.flip(a, axes), equal_nan=True) for a, b in zip(x, y, strict=True)]
    kept = [np.array_equal(b, a, equal_nan=True) for a, b in zip(x, y, strict=True)]
    assert all(a != b for a, b in zip(flipped, kept, strict=True))
    assert 16 <= sum(flipped) <= 48  # of 64: four standard deviations of a fair coin


def test_a_move_by_whole_pixels_carries_a_nan_along_and_spoils_no_neighbour():
    x = X.copy()
    x[:, 2, 2] = np.nan
    y = drawn(layers.RandomTranslation((1 / 6, 1 / 6), (-0.2, -0.2), "nearest", seed=3), x)
    np.testing.assert_array_equal(y[:, 1:, :-1], x[:, :-1, 1:])
    assert np.isnan(y).sum() == 8 * 3


def test_a_call_on_an_array_is_training_of_augmentation_and_inference_of_noise_as_in_keras():
    for name, settings in RANDOM.items():
        changed = not np.array_equal(getattr(layers, name)(**settings, seed=3)(X.astype("f")), X.astype("f"))
        assert changed == (name.startswith("Random")), name


def test_contrast_moves_each_channel_from_its_mean_by_one_factor_an_image():
    y = drawn(layers.RandomContrast(0.5, (0, 1), seed=3))
    mean = X.mean(axis=(1, 2), keepdims=True)
    for n in range(len(X)):
        generator = np.random.Generator(np.random.Philox(key=3, counter=n << 192))
        factor = generator.uniform(1.0, 1.5)
        np.testing.assert_allclose(y[n], np.clip((X[n] - mean[n]) * factor + mean[n], 0, 1), rtol=0, atol=1e-14)


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
        (lambda: layers.RandomFlip("diagonal"), "mode must be one of horizontal, vertical, horizontal_and_vertical"),
        (lambda: layers.RandomZoom(0.2, fill_mode="mirror"), "fill_mode must be one of reflect, wrap, constant"),
        (lambda: layers.RandomZoom(-1.0), "height_factor must be a number in"),
        (lambda: layers.RandomRotation(0.2, interpolation="cubic"), "interpolation must be one of nearest, bilinear"),
        (lambda: layers.RandomRotation(0.2, data_format="channels_first"), "data_format must be 'channels_last'"),
        (lambda: layers.RandomContrast(1.5), "factor must be a number in"),
        (lambda: layers.RandomContrast(0.5, (1, 0)), "value_range must be a number in"),
        (lambda: layers.RandomFlip()(np.ones((2, 3))), "expects images"),
        (lambda: layers.GaussianDropout(1.0), "rate must be a number in"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_lesson_of_a_training_step_refuses_numbers_that_it_cannot_show():
    with pytest.raises(ValueError, match=r"gaussian_noise.* have no page: make the lesson with training=False"):
        convnet.explain.lesson(model(), X[0], 1, training=True)
