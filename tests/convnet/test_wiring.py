"""Layers of a user's own, changed settings, and the order of parameters in connected models."""

import numpy as np
import pytest

import convnet
from convnet import layers

X = np.random.default_rng(0).standard_normal((6, 8, 8, 2)).astype("f")


class Noisy(layers.Layer):
    """A layer that does something else in training, and makes its parts when it sees a shape."""

    def __init__(self):
        super().__init__()
        self.noise, self.shapes, self.modes = layers.Dropout(0.5, seed=3), [], []

    def build(self, input_shape):
        self.shapes.append(input_shape)
        self.conv = layers.Conv2D(3, 3)

    def call(self, x, training=None):
        self.modes.append(training)
        y = self.conv(x)
        return self.noise(y) if training else y


class Subclassed(convnet.Model):
    """Its `call` takes no mode: the layers in it are told all the same."""

    def __init__(self):
        super().__init__()
        self.noisy, self.pool, self.out = Noisy(), layers.GlobalAveragePooling2D(), layers.Dense(2)

    def call(self, x):
        return self.out(self.pool(self.noisy(x)))


def connected():
    start = layers.Input((8, 8, 2))
    noisy = Noisy()
    model = convnet.Model(start, layers.Dense(2)(layers.GlobalAveragePooling2D()(noisy(start))))
    model.noisy = noisy
    return model


@pytest.mark.parametrize("make", [connected, Subclassed])
def test_a_layers_call_runs_in_each_mode_and_its_build_once(make):
    model = make()
    inference, training = model(X), model(X, training=True)
    assert set(model.noisy.modes) >= {False, True}
    assert model.noisy.shapes == [(None, 8, 8, 2)]
    assert (inference != training).any()
    np.testing.assert_array_equal(model(X), inference)
    assert len(model.noisy.get_weights()) == 2
    assert {id(p) for p in model.noisy.parameters} <= {id(p) for p in model.parameters}


def test_a_mode_given_while_connecting_holds_in_both():
    start = layers.Input((8, 8, 2))
    model = convnet.Model(start, Noisy()(start, training=False))
    np.testing.assert_array_equal(model(X), model(X, training=True))


def test_parameters_of_a_users_own_layer_are_refused_with_what_to_do():
    class Scale(layers.Layer):
        def build(self, input_shape):
            self.k = self.add_weight(shape=(1,), initializer="ones")

        def call(self, x):
            return x

    with pytest.raises(TypeError, match=r"Scale.add_weight: .* keep a layer that has them \(Dense, Conv2D, ...\)"):
        Scale()(X)


def test_a_changed_activation_or_rate_holds_at_once_for_every_batch_size():
    model = convnet.Sequential([layers.Input((5,)), layers.Dense(4, activation="softmax"), layers.Dropout(0.5)])
    x = np.random.default_rng(1).standard_normal((7, 5)).astype("f")
    before = model.predict(x)
    np.testing.assert_allclose(before.sum(-1), 1, rtol=1e-5)
    model.layers[0].activation = "linear"
    model.layers[1].rate = 0.0
    linear = x @ model.get_weights()[0] + model.get_weights()[1]
    for batch in (x, x[:3]):
        np.testing.assert_allclose(model.predict(batch), linear[: len(batch)], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(model(batch, training=True), linear[: len(batch)], rtol=1e-5, atol=1e-5)
    model.layers[0].activation = None
    assert model.layers[0].activation == "linear"
    for layer, name, value, message in (
        (model.layers[0], "activation", "swoosh", "activation 'swoosh' is not supported"),
        (model.layers[1], "rate", 1.5, r"rate must be a number in \[0.0, 1.0\), got 1.5"),
        (model.layers[0], "units", 9, "units=9 needs parameters of other shapes than the layer has"),
    ):
        with pytest.raises(ValueError, match=message):
            setattr(layer, name, value)
        assert getattr(layer, name) != value


@pytest.mark.parametrize("function", ["activation", "initializer"])
def test_a_function_of_ones_own_is_refused_even_under_a_known_name(function):
    def relu(z):
        return np.maximum(z, 0.1 * z)

    def ones(shape, dtype=None):
        return np.full(shape, 7.0)

    with pytest.raises(TypeError, match=r"of your own|not as a function"):
        layers.Dense(3, activation=relu) if function == "activation" else layers.Dense(3, kernel_initializer=ones)
    assert layers.Dense(3, kernel_initializer=convnet.initializers.ones).kernel_initializer == "ones"


def names(model):
    return [p.name.split("/")[0] for p in model.parameters if p.name.endswith("kernel")]


def conv(name, filters=4, **settings):
    return layers.Conv2D(filters, 3, padding="same", name=name, **settings)


def test_parameters_of_a_connected_model_stand_in_kerass_order():
    """By distance from the output, the farthest first; at one distance as the outputs' inputs are met."""
    x = layers.Input((8, 8, 2))
    a, b = conv("a")(x), conv("b")(x)
    joined = layers.Add()([b, a])
    assert names(convnet.Model(x, conv("c")(joined))) == ["b", "a", "c"]
    x = layers.Input((8, 8, 2))
    short = conv("short")(x)
    far = conv("second")(conv("first")(x))
    assert names(convnet.Model(x, layers.Add()([short, far]))) == ["first", "short", "second"]
    x = layers.Input((8, 8, 2))
    shared = conv("shared", 2)
    assert names(convnet.Model(x, conv("last")(shared(conv("middle", 2)(shared(x)))))) == ["shared", "middle", "last"]


def test_a_deep_connected_model_is_ordered_without_nesting_functions():
    x = start = layers.Input((3,))
    for _ in range(1500):
        x = layers.Activation("relu")(x)
    assert len(convnet.Model(start, layers.Dense(2)(x)).wired_layers) == 1501


def test_batch_normalisation_without_scale_or_center_has_no_such_parameter():
    x = np.random.default_rng(2).standard_normal((50, 3)) * [1, 2, 3] + 5
    for center, scale, count in ((False, False, 2), (True, False, 3), (False, True, 3)):
        layer = layers.BatchNormalization(center=center, scale=scale, epsilon=0.0, dtype="float64")
        y = layer(x, training=True)
        np.testing.assert_allclose(y, (x - x.mean(0)) / x.std(0), rtol=1e-9, atol=1e-9)
        assert len(layer.get_weights()) == count


def test_a_global_mean_may_keep_its_axes():
    model = convnet.Sequential([layers.Input((8, 8, 2)), layers.GlobalAveragePooling2D(keepdims=True)])
    np.testing.assert_allclose(model.predict(X), X.mean((1, 2), keepdims=True), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["m.h5", "m.weights.h5", "m.onnx", "m.pt"])
def test_a_name_that_promises_another_format_is_refused(tmp_path, name):
    model = convnet.Sequential([layers.Input((3,)), layers.Dense(2)])
    with pytest.raises(ValueError, match=r"this engine's model files end in .safetensors"):
        model.save(tmp_path / name)
    with pytest.raises(ValueError, match=r"model files end in .safetensors"):
        convnet.callbacks.ModelCheckpoint(tmp_path / name)
    assert not list(tmp_path.iterdir())
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(ValueError, match=r"model files end in .safetensors"):
        convnet.load(tmp_path / name)


def test_explicit_padding_is_zeros_around_the_image():
    """The stem of torchvision's ResNets, 7x7/2 with three pixels around, is not Keras's "same"."""
    import scipy.signal

    x = np.random.default_rng(5).standard_normal((1, 14, 15, 1))
    layer = layers.Conv2D(1, 7, strides=2, padding=((3, 3), (3, 3)), dtype="float64")
    y = layer(x)
    k = layer.get_weights()[0][:, :, 0, 0]
    expected = scipy.signal.correlate2d(np.pad(x[0, :, :, 0], 3), k, "valid")[::2, ::2]
    np.testing.assert_allclose(y[0, :, :, 0], expected, rtol=1e-12, atol=1e-12)
    same = layers.Conv2D(1, 7, strides=2, padding="same", dtype="float64")
    same(x)
    same.set_weights(layer.get_weights())
    assert np.abs(same(x) - y).max() > 0.1
    pooled = layers.MaxPooling2D(3, 2, padding=((1, 0), (1, 1)))(-np.ones((1, 4, 4, 1)))
    np.testing.assert_array_equal(pooled, -1)  # the padding is never the maximum
    for make, message in (
        (lambda: layers.Conv2D(3, 3, padding=2), r"padding must be 'valid', 'same' or \(\(top, bottom\)"),
        (lambda: layers.Conv2D(3, 3, padding=((1, -1), (0, 0))), "padding must be an integer >= 0"),
    ):
        with pytest.raises(ValueError, match=message):
            make()


def test_padding_is_kept_in_a_file(tmp_path):
    model = convnet.Sequential([layers.Input((8, 8, 2)), layers.Conv2D(2, 3, padding=((2, 0), (1, 1)))])
    model.save(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(convnet.load(tmp_path / "m.safetensors").predict(X), model.predict(X))


def test_the_largest_of_an_image_and_another_shape():
    stack = [layers.Input((8, 8, 2)), layers.GlobalMaxPooling2D(), layers.Reshape((2, -1))]
    model = convnet.Sequential(stack)
    np.testing.assert_array_equal(model.predict(X), X.max((1, 2))[..., None])
    np.testing.assert_array_equal(layers.GlobalMaxPooling2D(keepdims=True)(X), X.max((1, 2), keepdims=True))
    with pytest.raises(ValueError, match=r"have 128 numbers, which do not fit into target_shape=\(7, -1\)"):
        layers.Reshape((7, -1))(X)
