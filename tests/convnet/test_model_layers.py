"""Layers in models: shared, frozen, nested, in lists; their names."""

import numpy as np
import pytest

import convnet
from convnet import layers
from convnet.terms.summary import Summary
from tests.convnet.small_models import data, small


def test_a_frozen_layer_stays_as_it_is():
    model, (x, y) = small(), data()
    model.get_layer(model.layers[0].name).trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    before = model.get_weights()
    model.fit(x, y, verbose=0)
    after = model.get_weights()
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.array_equal(before[-1], after[-1])


def test_a_shared_layer_trains_in_both_models():
    convnet.set_random_seed(0)
    shared = layers.Dense(4)
    one, two = (convnet.Sequential([layers.Input((8, 8, 1)), layers.Flatten(), shared, layers.Dense(3)]) for _ in "ab")
    x, y = data()
    for model in (one, two, one):
        before = shared.get_weights()[0]
        model.compile("sgd", convnet.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(x, y, verbose=0)
        assert not np.array_equal(before, shared.get_weights()[0])
    np.testing.assert_array_equal(one.layers[1].get_weights()[0], two.layers[1].get_weights()[0])


def test_a_model_can_be_a_layer_of_another():
    inner = convnet.Sequential([layers.Conv2D(2, 3, activation="relu"), layers.Flatten()])
    outer = convnet.Sequential([inner, layers.Dense(3, activation="softmax")])
    x, y = data()
    outer.compile("adam", "sparse_categorical_crossentropy")
    outer.fit(x, y, verbose=0)
    assert len(outer.get_weights()) == 4
    assert outer.predict(x).shape == (40, 3)


class Blocks(convnet.Model):
    """Layers in a list that is filled later, and in a dict."""

    def __init__(self):
        super().__init__()
        self.blocks = []
        self.blocks.append(layers.Flatten())
        self.blocks.append(layers.Dense(5, activation="relu"))
        self.ends = {"out": layers.Dense(3, activation="softmax")}

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return self.ends["out"](x)


def test_layers_in_lists_and_dicts_belong_to_the_model():
    model, (x, y) = Blocks(), data()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0)
    assert [w.shape for w in model.get_weights()] == [(64, 5), (5,), (5, 3), (3,)]
    assert model.count_params() == Summary(model).trainable == 64 * 5 + 5 + 15 + 3


def test_freezing_a_whole_freezes_the_layers_in_it():
    x, y = data()
    inner = convnet.Sequential([layers.Flatten(), layers.Dense(4)])
    outer = convnet.Sequential([inner, layers.Dense(3, activation="softmax")])
    outer.compile("sgd", "sparse_categorical_crossentropy")
    outer.fit(x, y, verbose=0)
    before = outer.get_weights()
    inner.trainable = False
    outer.compile("sgd", "sparse_categorical_crossentropy")
    outer.fit(x, y, verbose=0)
    after = outer.get_weights()
    np.testing.assert_array_equal(before[0], after[0])
    assert not np.array_equal(before[2], after[2])
    outer.trainable = False
    outer.compile("sgd", "sparse_categorical_crossentropy")
    outer.fit(x, y, verbose=0)
    np.testing.assert_array_equal(after[2], outer.get_weights()[2])
    assert Summary(outer).trainable == 0


def test_a_layer_made_inside_call_is_refused():
    class Mine(convnet.Model):
        def call(self, x):
            return layers.Dense(3)(layers.Flatten()(x))

    with pytest.raises(ValueError, match="is not kept by Mine: a layer made inside `call` has new weights"):
        Mine()(np.ones((1, 4, 4, 1), np.float32))


def test_a_missing_super_init_is_named():
    class Mine(convnet.Model):
        def __init__(self):
            self.dense = layers.Dense(3)

    with pytest.raises(RuntimeError, match=r"Mine.__init__ must call super\(\).__init__\(\)"):
        Mine()(np.ones((1, 4), np.float32))


def test_names_are_keras_names():
    from convnet.layers.naming import unique_name
    from convnet.study.networks import Listing

    assert Listing(2).name.startswith("listing")
    assert unique_name("CNN").startswith("cnn")
    assert unique_name("MaxPooling2D").startswith("max_pooling2d")
    assert unique_name("GlobalAveragePooling2D").startswith("global_average_pooling2d")
