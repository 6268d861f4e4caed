"""Beside Keras 3: losses, optimizers, metrics, and the order of parameters. Skipped where Keras is not installed."""

import os

import numpy as np
import pytest

import convnet

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", reason="needs Keras: pip install 'formula-convnet[peers]'", exc_type=ImportError)

RNG = np.random.default_rng(0)
X = RNG.standard_normal((24, 8, 8, 2)).astype("f")
LABELS = RNG.integers(0, 3, (24, 6, 6))
ONE_HOT = np.eye(3)[LABELS].astype("f")
P = RNG.uniform(0.05, 0.95, (24, 6, 6, 3)).astype("f")
WEIGHTS = RNG.uniform(0, 2, (24, 6, 6)).astype("f")


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight", None])
@pytest.mark.parametrize(
    ("name", "settings", "y"),
    [
        ("SparseCategoricalCrossentropy", {}, LABELS),
        ("SparseCategoricalCrossentropy", {"from_logits": True}, LABELS),
        ("CategoricalCrossentropy", {"label_smoothing": 0.1}, ONE_HOT),
        ("BinaryCrossentropy", {"label_smoothing": 0.2}, ONE_HOT),
        ("MeanSquaredError", {}, ONE_HOT),
        ("MeanAbsoluteError", {}, ONE_HOT),
        ("Huber", {"delta": 0.3}, ONE_HOT),
        ("BinaryFocalCrossentropy", {"label_smoothing": 0.1, "apply_class_balancing": True}, ONE_HOT),
        ("BinaryFocalCrossentropy", {"from_logits": True, "gamma": 1.5}, ONE_HOT),
        ("CategoricalFocalCrossentropy", {"alpha": [0.2, 0.3, 0.5], "label_smoothing": 0.1}, ONE_HOT),
        ("CategoricalFocalCrossentropy", {"from_logits": True}, ONE_HOT),
        ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, ONE_HOT),
        ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, ONE_HOT),
    ],
)
def test_a_loss_of_images_is_keras(name, settings, y, reduction):
    for weights in (None, WEIGHTS):
        found, expected = (
            np.asarray(getattr(library.losses, name)(reduction=reduction, **settings)(y, P, weights))
            for library in (convnet, keras)
        )
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("axis", [None, (1, 2, 3), (1, 2), -1])
def test_dice_is_keras(axis):
    found, expected = (
        np.asarray(library.losses.Dice(axis=axis, reduction=None)(ONE_HOT, P)) for library in (convnet, keras)
    )
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "settings", "y", "p"), [
    ("MeanIoU", {"num_classes": 3, "sparse_y_pred": False}, LABELS, P),
    ("MeanIoU", {"num_classes": 3, "ignore_class": 1}, LABELS, P.argmax(-1)),
    ("IoU", {"num_classes": 3, "target_class_ids": [0, 2], "sparse_y_pred": False}, LABELS, P),
    ("OneHotIoU", {"num_classes": 3, "target_class_ids": [1]}, ONE_HOT, P),
    ("OneHotMeanIoU", {"num_classes": 3}, ONE_HOT, P),
    ("BinaryIoU", {"threshold": 0.3}, ONE_HOT, P),
    ("BinaryIoU", {"target_class_ids": [1]}, ONE_HOT, P),
])  # fmt: skip
def test_overlap_is_keras(name, settings, y, p):
    found = []
    for library in (convnet, keras):
        metric = getattr(library.metrics, name)(**settings)
        metric.update_state(y[:10], p[:10])
        metric.update_state(y[10:], p[10:])
        found.append(float(metric.result()))
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def segmenter(library, activation):
    layers, start = library.layers, (library.layers.Input if library is convnet else library.Input)((8, 8, 2))
    y = layers.Conv2D(4, 1, activation="relu")(start)
    return library.Model(start, layers.Conv2D(3, 3, activation=activation)(y))


OPTIMIZERS = {
    "RMSprop": [{}, {"momentum": 0.9}, {"centered": True}, {"momentum": 0.5, "centered": True, "weight_decay": 0.01}],
    "SGD": [{"momentum": 0.9, "nesterov": True}],
    "Adam": [{}, {"use_ema": True, "ema_momentum": 0.9}, {"clipnorm": 0.05}, {"clipvalue": 0.01}],
    "Adagrad": [{}, {"weight_decay": 0.01}],
    "Nadam": [{}],
    "Lion": [{"weight_decay": 0.01}, {"global_clipnorm": 0.1}],
}


@pytest.mark.parametrize(("name", "settings"), [(n, s) for n, given in OPTIMIZERS.items() for s in given])
@pytest.mark.parametrize(("activation", "loss", "y"), [
    ("sigmoid", "sparse_categorical_crossentropy", LABELS),
    ("softmax", "categorical_crossentropy", ONE_HOT),
])  # fmt: skip
def test_three_epochs_on_images_end_where_keras_does(name, settings, activation, loss, y):
    if activation == "sigmoid" and keras.backend.backend() == "tensorflow":
        pytest.skip("on TensorFlow, Keras takes what the sigmoid reads for the logits of a softmax")
    models = [segmenter(library, activation) for library in (convnet, keras)]
    start = [RNG.standard_normal(w.shape) * 0.3 for w in models[1].get_weights()]
    histories = []
    for model, library in zip(models, (convnet, keras), strict=True):
        model.set_weights(start)
        model.compile(getattr(library.optimizers, name)(0.002, **settings), loss, metrics=["accuracy"])
        fit = {"batch_size": 8, "epochs": 3, "shuffle": False, "verbose": 0, "validation_data": (X[:5], y[:5])}
        histories.append(model.fit(X, y, sample_weight=WEIGHTS, **fit).history)
    for ours, theirs in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-4)
    assert set(histories[0]) == set(histories[1])
    for key in histories[0]:
        np.testing.assert_allclose(histories[0][key], histories[1][key], rtol=2e-3, atol=5e-3)


@pytest.mark.parametrize("name", ["Precision", "Recall", "BinaryAccuracy", "CategoricalAccuracy", "F1Score", "TopK"])
def test_a_metric_is_keras(name):
    name, given = {"F1Score": ("F1Score", ["macro", 0.4]), "TopK": ("TopKCategoricalAccuracy", [2])}.get(
        name, (name, [])
    )
    y, p = (ONE_HOT[:, 0, 0], P[:, 0, 0]) if name in ("F1Score", "TopKCategoricalAccuracy") else (ONE_HOT, P)
    results = []
    for library in (convnet, keras):
        metric = getattr(library.metrics, name)(*given)
        for half in (slice(0, 10), slice(10, 24)):
            metric.update_state(y[half], p[half])
        results.append(np.asarray(metric.result()))
    np.testing.assert_allclose(*results, rtol=1e-5)


def branches(library, joined):
    layers, start = library.layers, (library.layers.Input if library is convnet else library.Input)((8, 8, 2))
    a, b, c = (layers.Conv2D(2, 3, padding="same", activation=f) for f in ("relu", "sigmoid", "linear"))
    made = [a(start), b(start), c(b(start))]
    y = layers.Add()([made[joined[0]], layers.Add()([made[joined[1]], made[joined[2]]])])
    return library.Model(start, layers.Dense(3)(layers.GlobalAveragePooling2D()(y)))


@pytest.mark.parametrize("joined", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
def test_keras_parameters_land_where_they_belong(joined):
    ours, theirs = branches(convnet, joined), branches(keras, joined)
    weights = [RNG.standard_normal(w.shape) for w in theirs.get_weights()]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X, verbose=0), rtol=1e-4, atol=1e-4)
