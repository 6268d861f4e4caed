"""Which networks a page can train by itself."""

import numpy as np
import pytest

import convnet
from convnet import layers
from convnet.explain import lesson
from convnet.explain.lessons.classroom import Classroom
from tests.explain import models


def teach(model, make=None):
    """Make the page of a model on 8x8 images, with a classroom of four of them."""
    x, y = models.image((4, 8, 8, 1)), np.arange(4) % 2
    classroom = Classroom(make or (lambda dtype: model), x, y, x, y, {"fresh": model.get_weights()}, (0,), 2, 3)
    return lesson(model, x[0], 0, classroom=classroom)


def chain(*between, optimizer="adam"):
    """Return a compiled network with these layers before its last one."""
    model = convnet.Sequential(
        [convnet.Input((8, 8, 1)), *between, layers.Flatten(), layers.Dense(2, activation="softmax")]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def test_a_network_whose_training_is_more_than_the_mean_of_its_images_is_refused():
    for layer, name in ((layers.BatchNormalization(), "batchnorm"), (layers.Dropout(0.5), "dropout")):
        with pytest.raises(ValueError, match=f"a page trains image by image, which {name} does not allow"):
            teach(chain(layer))


def test_a_network_with_branches_is_refused():
    start = convnet.Input((8, 8, 1))
    both = layers.Add()([layers.Conv2D(2, 1)(start), layers.Conv2D(2, 1)(start)])
    model = convnet.Model(start, layers.Dense(2, activation="softmax")(layers.Flatten()(both)))
    with pytest.raises(ValueError, match="one chain of layers, and this one has branches"):
        teach(model)


def test_another_optimizer_is_refused():
    with pytest.raises(ValueError, match="a classroom trains with Adam, got SGD"):
        teach(chain(optimizer="sgd"))


def test_the_engine_takes_the_steps_of_the_page():
    def make(dtype):
        convnet.set_random_seed(0)
        model = convnet.Sequential([convnet.Input((8, 8, 1)), layers.Flatten(), layers.Dense(2)], dtype=dtype)
        loss = convnet.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss)
        return model

    found = teach(make("float32"), make).document["classroom"]
    assert [len(chosen) for chosen in found["batches"]] == [3, 3]
    assert sorted({n for chosen in found["batches"] for n in chosen}) == [0, 1, 2, 3]  # all images, over and over
    engine = found["engine"]["fresh"]
    assert len(engine["float32"]) == len(engine["float64"]) == 2
    assert 0 < abs(engine["float32"][1] - engine["float64"][1]) < 1e-6
    assert found["adam"] == {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7}
