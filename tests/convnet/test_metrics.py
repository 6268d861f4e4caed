"""Metrics: Keras's meanings, each number against its formula in plain NumPy or scikit-learn."""

import numpy as np
import pytest
import sklearn.metrics

import convnet
from convnet import layers, metrics

RNG = np.random.default_rng(0)
P = RNG.random((30, 4))
LABELS = RNG.integers(0, 4, 30)
ONE_HOT = np.eye(4)[LABELS]
WEIGHTS = RNG.random(30)


def value(metric, *batches):
    for batch in batches:
        metric.update_state(*batch)
    return metric.result()


@pytest.mark.parametrize(("loss", "labels"), [("mse", 0), ("binary_crossentropy", 0), ("sparse", 1)])
def test_accuracy_of_images_is_the_share_of_pixels(loss, labels):
    x, truth = RNG.standard_normal((8, 6, 6, 1)).astype("f"), RNG.integers(0, 3, (8, 4, 4))
    model = convnet.Sequential([layers.Input((6, 6, 1)), layers.Conv2D(3, 3, activation="sigmoid")])
    model.compile("sgd", "sparse_categorical_crossentropy" if labels else loss, ["accuracy"])
    _, found = model.evaluate(x, truth if labels else np.eye(3)[truth], verbose=0)
    assert found == pytest.approx((model.predict(x).argmax(-1) == truth).mean())


def test_class_numbers_may_stand_in_another_shape_of_as_many():
    y, p = np.array([[0], [0]]), np.array([[[0.9, 0.1, 0], [0.8, 0.15, 0.05]]])
    assert value(metrics.SparseCategoricalAccuracy(), (y, p)) == 1
    with pytest.raises(ValueError, match=r"the targets, of shape \(3,\), must be as many as \(1, 2\)"):
        metrics.SparseCategoricalAccuracy().update_state(np.zeros(3), p)


def test_precision_recall_and_f1_are_scikit_learns():
    truth, chosen = ONE_HOT > 0, P > 0.5
    counted = {"y_true": truth.ravel(), "y_pred": chosen.ravel()}
    halves = (ONE_HOT[:13], P[:13]), (ONE_HOT[13:], P[13:])
    assert value(metrics.Precision(), *halves) == pytest.approx(sklearn.metrics.precision_score(**counted))
    assert value(metrics.Recall(), *halves) == pytest.approx(sklearn.metrics.recall_score(**counted))
    own = sklearn.metrics.precision_score(truth[:, 2], P[:, 2] > 0.25)
    assert value(metrics.Precision(thresholds=0.25, class_id=2), *halves) == pytest.approx(own)
    for average in (None, "micro", "macro", "weighted"):
        expected = sklearn.metrics.f1_score(truth, chosen, average=average)
        np.testing.assert_allclose(value(metrics.F1Score(average, 0.5), *halves), expected)
    largest = sklearn.metrics.f1_score(LABELS, P.argmax(-1), average="macro")
    assert value(metrics.F1Score("macro"), *halves) == pytest.approx(largest)


@pytest.mark.parametrize("where", ["everywhere", "in a row's last output"])
def test_a_row_with_a_nan_is_never_right(where):
    """Nine of ten rows are of class 0, the class that argmax and a comparison with a threshold find in NaN."""
    labels = np.array([0] * 9 + [1])
    p = np.tile([0.8, 0.2], (10, 1))
    p[3:] = np.nan if where == "everywhere" else [0.8, np.nan]
    targets = np.eye(2)[labels]
    assert value(metrics.SparseCategoricalAccuracy(), (labels, p)) == pytest.approx(0.3)
    assert value(metrics.CategoricalAccuracy(), (targets, p)) == pytest.approx(0.3)
    assert value(metrics.SparseTopKCategoricalAccuracy(2), (labels, p)) == pytest.approx(0.3)
    assert value(metrics.TopKCategoricalAccuracy(2), (targets, p)) == pytest.approx(0.3)
    assert value(metrics.BinaryAccuracy(), (targets[:, 1], np.where(np.isnan(p[:, 1]), np.nan, 0.2))) == pytest.approx(
        0.3
    )


def test_top_k_is_scikit_learns():
    for k in (1, 2, 3):
        expected = sklearn.metrics.top_k_accuracy_score(LABELS, P, k=k)
        assert value(metrics.SparseTopKCategoricalAccuracy(k), (LABELS, P)) == pytest.approx(expected)
        assert value(metrics.TopKCategoricalAccuracy(k), (ONE_HOT, P)) == pytest.approx(expected)


def test_sample_weights_count_in_weighted_metrics_only():
    right = P.argmax(-1) == LABELS
    metric = metrics.CategoricalAccuracy()
    assert value(metric, (ONE_HOT, P, WEIGHTS)) == pytest.approx((right * WEIGHTS).sum() / WEIGHTS.sum())
    metric.reset_state()
    assert np.isnan(metric.result())
    model = convnet.Sequential([layers.Input((4,)), layers.Dense(4, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy", ["accuracy"], weighted_metrics=[metrics.Precision(name="w")])
    logs = model.evaluate(P, ONE_HOT, sample_weight=WEIGHTS, verbose=0, return_dict=True)
    p = model.predict(P)
    chosen, each = p > 0.5, WEIGHTS[:, None] * np.ones((1, 4))
    assert logs["accuracy"] == pytest.approx((p.argmax(-1) == LABELS).mean())
    expected = each[chosen & (ONE_HOT > 0)].sum() / each[chosen].sum() if chosen.any() else 0
    assert logs["w"] == pytest.approx(expected)


def test_a_metric_of_ones_own_is_asked_by_kerass_names():
    class Largest(metrics.Metric):
        kind = "largest"
        direction = "up"

        def reset_state(self):
            self.most = -np.inf

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.most = max(self.most, float(y_pred.max()))

        def result(self):
            return self.most

    model = convnet.Sequential([layers.Input((4,)), layers.Dense(4)])
    model.compile("sgd", "mse", [Largest(name="top")])
    assert model.evaluate(P, ONE_HOT, verbose=0)[1] == pytest.approx(model.predict(P).max())
    stop = convnet.callbacks.EarlyStopping("top", patience=5)
    model.fit(P, ONE_HOT, verbose=0, callbacks=[stop])
    assert stop.sign == 1


def test_what_a_metric_cannot_do_is_refused_by_name():
    for make, error, message in (
        (lambda: metrics.AUC(100), TypeError, "AUC: num_thresholds not supported"),
        (lambda: metrics.AUC(curve="PR"), TypeError, "AUC: curve not supported"),
        (lambda: metrics.Precision(top_k=3), TypeError, "Precision: top_k not supported"),
        (lambda: metrics.BinaryAccuracy(0.3), TypeError, "BinaryAccuracy: name must be text, got 0.3"),
        (lambda: metrics.check(metrics.F1Score()), ValueError, "choose average='macro'"),
        (lambda: metrics.check("iou"), ValueError, "metric 'iou' is not supported; choose one of: accuracy, sparse"),
        (lambda: metrics.check(3), ValueError, "metric 3 is not supported"),
        (lambda: metrics.LogCoshError, AttributeError, r"convnet.metrics has no 'LogCoshError' .* it has SparseCat"),
    ):
        with pytest.raises(error, match=message):
            make()
    assert metrics.AUC(200, "ROC", "interpolation", "auroc").name == "auroc"


def test_a_saved_model_keeps_its_metrics_with_their_settings(tmp_path):
    model = convnet.Sequential([layers.Input((4,)), layers.Dense(4)])
    given = [metrics.F1Score("macro", 0.5, name="f"), metrics.AUC(name="area"), "accuracy"]
    model.compile(convnet.optimizers.RMSprop(centered=True, momentum=0.5), "mse", given, [metrics.Precision(0.3)])
    model.save(tmp_path / "m.safetensors")
    again = convnet.load(tmp_path / "m.safetensors")
    names = [m if isinstance(m, str) else m.get_config() for m in again.compiled_metrics]
    assert names == [m if isinstance(m, str) else m.get_config() for m in given]
    assert again.weighted_metrics[0].thresholds == 0.3
    assert again.optimizer.get_config() == model.optimizer.get_config()


def test_a_metric_that_is_called_takes_in_a_batch_and_says_its_result():
    metric = convnet.metrics.BinaryAccuracy()
    assert metric(np.array([1, 0]), np.array([0.9, 0.8])) == 0.5
    assert metric(np.array([1, 0]), np.array([0.9, 0.1]), np.array([1.0, 1.0])) == 0.75


@pytest.mark.parametrize("name", ["Precision", "Recall"])
def test_one_class_of_outputs_without_classes_is_an_error(name):
    metric = getattr(convnet.metrics, name)(class_id=1)
    with pytest.raises(ValueError, match=r"class_id=1 needs outputs \(N, classes\), got \(3,\)"):
        metric.update_state(np.array([0, 1, 0]), np.array([0.1, 0.9, 0.3]))


def test_intersection_over_union_is_the_formula_and_is_saved(tmp_path):
    truth, found = np.array([[0, 1, 2, 2], [0, 0, 2, 1]]), np.array([[0, 1, 1, 2], [0, 2, 2, 1]])
    metric = metrics.MeanIoU(4)
    metric.update_state(truth, found)
    each = [((truth == c) & (found == c)).sum() / ((truth == c) | (found == c)).sum() for c in range(3)]
    assert metric.result() == pytest.approx(np.mean(each))  # the fourth class is nowhere
    metric.reset_state()
    metric.update_state(truth, found, np.array([1.0, 0.0]))
    assert metric.result() == pytest.approx((1 + 0.5 + 0.5) / 3)
    model = convnet.Sequential([layers.Input((4, 4, 1)), layers.Conv2D(3, 1, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", [metrics.MeanIoU(3, sparse_y_pred=False)])
    x, y = np.ones((2, 4, 4, 1)), np.ones((2, 4, 4), int)
    logs = model.evaluate(x, y, verbose=0)
    model.save(tmp_path / "m.safetensors")
    assert convnet.load(tmp_path / "m.safetensors").evaluate(x, y, verbose=0) == logs


def test_a_metric_given_twice_is_reported_twice_and_a_weighted_one_says_so():
    x, y = RNG.standard_normal((30, 6)).astype("f"), RNG.integers(0, 3, 30)
    model = convnet.Sequential([layers.Input((6,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy", "accuracy"], ["accuracy", "accuracy"])
    names = ["loss", "accuracy", "accuracy_1", "weighted_accuracy", "weighted_accuracy_1"]
    found = model.evaluate(x, y, sample_weight=WEIGHTS, verbose=0, return_dict=True)
    assert list(found) == model.metrics_names == names
    right = model.predict(x, verbose=0).argmax(-1) == y
    assert found["accuracy"] == found["accuracy_1"] == pytest.approx(right.mean())
    assert found["weighted_accuracy"] == pytest.approx(np.average(right, weights=WEIGHTS))


@pytest.mark.parametrize("plain", [[], ["accuracy"]])
def test_early_stopping_knows_the_direction_of_a_weighted_metric(plain):
    x, y = RNG.standard_normal((30, 6)).astype("f"), RNG.integers(0, 3, 30)
    model = convnet.Sequential([layers.Input((6,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", plain, weighted_metrics=["accuracy"])
    stop = convnet.callbacks.EarlyStopping("val_weighted_accuracy" if plain else "val_accuracy")
    model.fit(x, y, validation_split=0.3, callbacks=[stop], verbose=0)
    assert stop.sign == 1


def test_a_weighted_metric_of_one_of_several_outputs_has_the_outputs_name_first():
    start = layers.Input((6,))
    ends = [layers.Dense(3, activation="softmax", name=name)(start) for name in ("a", "b")]
    model = convnet.Model(start, ends)
    losses = ["sparse_categorical_crossentropy"] * 2
    model.compile("sgd", losses, [["accuracy"], None], weighted_metrics=[["accuracy"], ["accuracy"]])
    assert model.metrics_names[-3:] == ["a_accuracy", "a_weighted_accuracy", "b_accuracy"]
