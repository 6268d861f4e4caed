"""Losses: Keras's meanings, each number against its formula in plain NumPy."""

import numpy as np
import pytest

import convnet
from convnet import layers, losses

RNG = np.random.default_rng(0)
P = RNG.uniform(0.05, 1, (4, 5, 6, 3))
LABELS = RNG.integers(0, 3, (4, 5, 6))
ONE_HOT = np.eye(3)[LABELS]
Q = P / P.sum(-1, keepdims=True)
PER_PIXEL = -np.log(np.take_along_axis(Q, LABELS[..., None], -1)[..., 0])


@pytest.mark.parametrize(
    ("loss", "y", "expected"),
    [
        (losses.SparseCategoricalCrossentropy(), LABELS, PER_PIXEL.mean()),
        (losses.SparseCategoricalCrossentropy(), LABELS[..., None], PER_PIXEL.mean()),
        (losses.CategoricalCrossentropy(), ONE_HOT, PER_PIXEL.mean()),
        (losses.MeanSquaredError(), ONE_HOT, ((ONE_HOT - P) ** 2).mean()),
        (losses.BinaryCrossentropy(), ONE_HOT, -np.log(np.clip(np.where(ONE_HOT == 1, P, 1 - P), 1e-7, 1)).mean()),
    ],
)
def test_of_images_every_pixel_is_a_sample(loss, y, expected):
    assert loss(y, P) == pytest.approx(expected, rel=1e-12)


def segmenter(activation):
    return convnet.Sequential([layers.Input((6, 6, 2)), layers.Conv2D(3, 3, activation=activation)], dtype="float64")


@pytest.mark.parametrize(
    ("activation", "loss"),
    [
        ("softmax", "sparse_categorical_crossentropy"),
        ("softmax", "categorical_crossentropy"),
        ("sigmoid", "sparse_categorical_crossentropy"),
        ("sigmoid", "categorical_crossentropy"),
        ("sigmoid", "binary_crossentropy"),
        (None, losses.CategoricalCrossentropy(from_logits=True)),
        (None, losses.SparseCategoricalCrossentropy(from_logits=True)),
        ("sigmoid", "mse"),
    ],
)
@pytest.mark.parametrize("weights", [None, "a sample", "a pixel"])
def test_a_step_on_images_follows_the_slope_of_the_mean_over_pixels(activation, loss, weights):
    """A step of gradient descent of length lr changes the loss by -lr |gradient|^2, which the step itself shows."""
    model, rng = segmenter(activation), np.random.default_rng(1)
    x, labels = rng.standard_normal((3, 6, 6, 2)), rng.integers(0, 3, (3, 4, 4))
    y = labels if "sparse" in str(getattr(loss, "name", loss)) else np.eye(3)[labels]
    w = {None: None, "a sample": rng.uniform(0, 2, 3), "a pixel": rng.uniform(0, 2, (3, 4, 4))}[weights]
    lr = 1e-5
    model.compile(convnet.optimizers.SGD(lr), loss)
    before, start = model.evaluate(x, y, sample_weight=w, verbose=0), model.get_weights()
    p = model.predict(x)
    if isinstance(loss, losses.Loss):
        p = np.exp(p)
    q = p if loss in ("mse", "binary_crossentropy") else p / p.sum(-1, keepdims=True)
    one_hot = np.eye(3)[labels]
    each = {
        "mse": ((one_hot - q) ** 2).mean(-1),
        "binary_crossentropy": -np.log(np.where(one_hot == 1, q, 1 - q)).mean(-1),
    }
    rows = each.get(str(loss), -np.log((one_hot * q).sum(-1)))
    spread = 1 if w is None else w.reshape(w.shape + (1,) * (3 - w.ndim))
    assert before == pytest.approx((rows * spread).mean(), rel=1e-10)
    model.train_on_batch(x, y, sample_weight=w)
    moved = sum(((a - b) ** 2).sum() for a, b in zip(model.get_weights(), start, strict=True))
    after = model.evaluate(x, y, sample_weight=w, verbose=0)
    assert after - before == pytest.approx(-moved / lr, rel=1e-3)


def test_sparse_cross_entropy_behind_a_sigmoid_divides_by_the_rows_sum():
    y, p = np.array([0, 1]), np.array([[0.3, 0.3, 0.6], [0.9, 0.45, 0.45]])
    assert losses.SparseCategoricalCrossentropy()(y, p) == pytest.approx(-np.log([0.25, 0.25]).mean(), rel=1e-12)
    assert losses.CategoricalCrossentropy()(np.eye(3)[y], p) == pytest.approx(np.log(4), rel=1e-12)


@pytest.mark.parametrize("name", ["MeanSquaredError", "BinaryCrossentropy", "CategoricalCrossentropy", "Sparse"])
def test_a_reduction_is_done_and_none_gives_one_loss_a_sample(name):
    kind = losses.SparseCategoricalCrossentropy if name == "Sparse" else getattr(losses, name)
    p, labels = np.array([[0.2, 0.8], [0.6, 0.4], [0.5, 0.5]]), np.array([0, 1, 1])
    y, w = labels if name == "Sparse" else np.eye(2)[labels], np.array([1.0, 0.5, 2.0])
    each = {
        "MeanSquaredError": ((np.eye(2)[labels] - p) ** 2).mean(-1),
        "BinaryCrossentropy": -np.log(p[np.arange(3), labels]),
    }.get(name, -np.log(p[np.arange(3), labels]))
    for none in (None, "none"):
        np.testing.assert_allclose(kind(reduction=none)(y, p), each, rtol=1e-12)
        np.testing.assert_allclose(kind(reduction=none)(y, p, w), each * w, rtol=1e-12)
    assert kind(reduction="sum")(y, p) == pytest.approx(each.sum(), rel=1e-12)
    assert kind(reduction="sum")(y, p, w) == pytest.approx((w * each).sum(), rel=1e-12)
    assert kind()(y, p, w) == pytest.approx((w * each).mean(), rel=1e-12)
    assert kind(reduction="mean_with_sample_weight")(y, p, w) == pytest.approx((w * each).sum() / w.sum(), rel=1e-12)


def test_a_model_trains_on_a_sum_as_on_a_mean_with_a_rate_as_many_times_smaller():
    x, y = RNG.standard_normal((8, 4)).astype("f"), RNG.integers(0, 3, 8)
    results = []
    for reduction, rate in (("sum", 0.01), ("sum_over_batch_size", 0.08)):
        model = convnet.Sequential([layers.Input((4,)), layers.Dense(3, activation="softmax")])
        model.set_weights([np.ones((4, 3)), np.arange(3.0)])
        loss = losses.SparseCategoricalCrossentropy(reduction=reduction)
        model.compile(convnet.optimizers.SGD(rate), loss)
        model.fit(x, y, epochs=3, shuffle=False, verbose=0)
        results.append(model.get_weights())
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_label_smoothing_moves_targets_towards_the_mean_of_the_answers():
    p, y = np.array([[0.2, 0.8], [0.6, 0.4]]), np.eye(2)
    t = 0.9 * y + 0.05
    categorical = losses.CategoricalCrossentropy(False, 0.1)
    assert categorical(y, p) == pytest.approx(-(t * np.log(p)).sum(-1).mean(), rel=1e-12)
    binary = losses.BinaryCrossentropy(label_smoothing=0.1)
    assert binary(y, p) == pytest.approx(-(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(), rel=1e-12)
    with pytest.raises(ValueError, match="label_smoothing must be a number in"):
        losses.BinaryCrossentropy(label_smoothing=1.5)


def test_an_argument_by_position_is_keras_argument_and_never_dropped():
    assert losses.MeanSquaredError("sum").reduction == "sum"
    assert losses.CategoricalCrossentropy(True, 0.1, -1, "sum").get_config() == {
        "name": "categorical_crossentropy", "from_logits": True, "label_smoothing": 0.1, "reduction": "sum",
    }  # fmt: skip
    for make, message in (
        (lambda: losses.SparseCategoricalCrossentropy(True, 255), "ignore_class not supported"),
        (lambda: losses.BinaryCrossentropy(name=0.5), "name must be text, got 0.5"),
        (lambda: losses.BinaryCrossentropy(0.1), "from_logits must be True or False, got 0.1"),
        (lambda: losses.CategoricalCrossentropy(axis=1), "axis not supported"),
    ):
        with pytest.raises(TypeError, match=message):
            make()
    with pytest.raises(ValueError, match="reduction must be one of"):
        losses.MeanSquaredError("average")


def test_what_a_loss_cannot_do_is_refused_with_what_it_can():
    model = segmenter("softmax")
    with pytest.raises(ValueError, match=r"reduction=None gives one number a sample.*use 'sum_over_batch_size'"):
        model.compile("sgd", losses.MeanSquaredError(reduction=None))
    with pytest.raises(ValueError, match="loss 3 is not supported; choose one of: mean_squared"):
        model.compile("sgd", 3)
    with pytest.raises(AttributeError, match=r"convnet.losses has no 'Hinge' .* it has MeanSquaredError"):
        _ = losses.Hinge
    with pytest.raises(ValueError, match=r"one class index a pixel, got shape .* use loss=.categorical_crossentropy"):
        losses.SparseCategoricalCrossentropy()(ONE_HOT, P)
    with pytest.raises(ValueError, match=r"sample_weight must be 4 numbers, one a sample or \(4, 5, 6\), one a pixel"):
        losses.MeanSquaredError()(ONE_HOT, P, np.ones((4, 5)))


def test_one_sample_weight_counts_for_all():
    y, p = np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros((2, 2))
    loss = convnet.losses.MeanSquaredError()
    assert loss(y, p, sample_weight=2.5) == pytest.approx(2.5 * loss(y, p))
