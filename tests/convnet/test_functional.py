"""Models with several inputs and outputs, shared layers, models inside models, and `layer.output`."""

import numpy as np
import pytest

import convnet
from convnet import layers as L
from convnet.terms.summary import Summary

RNG = np.random.default_rng(7)
IMAGES, TABLES = RNG.normal(size=(12, 6, 6, 1)), RNG.normal(size=(12, 3))
CLASSES, NUMBERS = RNG.integers(0, 2, 12), RNG.normal(size=(12, 1))


def two_and_two(structure=list, dtype="float64"):
    """Two inputs, a Dense that is called twice, two outputs."""
    image, table = L.Input((6, 6, 1), dtype, name="image"), L.Input((3,), dtype, name="table")
    x = L.Flatten()(L.Conv2D(2, 3, activation="sigmoid", name="conv")(image))
    shared = L.Dense(4, name="shared")
    h = L.Add()([L.Dense(4, name="d1")(x), shared(table)])
    h = shared(L.Dense(3, name="d2")(h))
    sort, size = L.Dense(2, activation="softmax", name="sort")(h), L.Dense(1, name="size")(h)
    if structure is dict:
        return convnet.Model({"image": image, "table": table}, {"sort": sort, "size": size})
    return convnet.Model([image, table], [sort, size])


LOSSES = {"sort": "sparse_categorical_crossentropy", "size": "mse"}


def total(model, weights):
    """The loss by formula, from the outputs."""
    p, y = model.predict([IMAGES, TABLES])
    each = -np.log(p[np.arange(12), CLASSES]).mean(), ((y - NUMBERS) ** 2).mean()
    return weights[0] * each[0] + weights[1] * each[1]


@pytest.mark.parametrize("weights", [(1.0, 1.0), (1.0, 0.25), (0.0, 2.0), (-0.5, 3.0)])
def test_the_gradient_of_weighted_losses_with_a_shared_layer_is_the_central_difference(weights):
    model = two_and_two()
    model.compile(convnet.optimizers.SGD(1.0), LOSSES, loss_weights=dict(zip(("sort", "size"), weights, strict=True)))
    before = model.get_weights()
    model.train_on_batch([IMAGES, TABLES], [CLASSES, NUMBERS])
    gradient = [b - a for b, a in zip(before, model.get_weights(), strict=True)]
    model.set_weights(before)
    for place, array in enumerate(before):
        index = tuple(int(i) for i in RNG.integers(0, array.shape))
        found = []
        for step in (1e-5, -1e-5):
            moved = [a.copy() for a in before]
            moved[place][index] += step
            model.set_weights(moved)
            found.append(total(model, weights))
        assert gradient[place][index] == pytest.approx((found[0] - found[1]) / 2e-5, abs=1e-8)


def test_parameters_of_a_shared_layer_are_there_once():
    names = [p.name for p in two_and_two().parameters]
    assert names.count("shared/kernel") == 1
    assert len(names) == 12


@pytest.mark.parametrize("give", ["lists", "dicts"])
@pytest.mark.parametrize("structure", [list, dict])
def test_data_are_matched_by_place_or_by_name(give, structure):
    model, other = two_and_two(structure), two_and_two()
    for layer in (layer for layer in model.layers if layer.parameters):
        other.get_layer(layer.name).set_weights(layer.get_weights())
    for m in (model, other):
        m.compile("sgd", LOSSES, {"sort": ["accuracy"], "size": ["mae"]})
    x, y = {"table": TABLES, "image": IMAGES}, {"size": NUMBERS, "sort": CLASSES}
    if give == "lists" and structure is list:
        x, y = [IMAGES, TABLES], [CLASSES, NUMBERS]
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    assert logs == other.evaluate([IMAGES, TABLES], [CLASSES, NUMBERS], verbose=0, return_dict=True)
    names = model.output_names
    metrics = {"size": "size_mae", "sort": "sort_accuracy"}
    assert list(logs) == ["loss", *(f"{name}_loss" for name in names), *(metrics[name] for name in names)]
    outputs = model.predict(x)
    assert isinstance(outputs, structure)
    found = outputs if structure is list else [outputs["sort"], outputs["size"]]
    for a, b in zip(found, other.predict([IMAGES, TABLES]), strict=True):
        assert np.array_equal(a, b)


def test_the_losses_reported_for_each_output_are_not_weighted():
    model = two_and_two()
    model.compile("sgd", LOSSES, loss_weights=[0.5, 3.0])
    whole, sort, size = model.evaluate([IMAGES, TABLES], [CLASSES, NUMBERS], verbose=0)
    assert whole == pytest.approx(0.5 * sort + 3.0 * size)
    assert 0.5 * sort + 3.0 * size == pytest.approx(total(model, (0.5, 3.0)))


def test_an_output_without_a_loss_changes_nothing():
    model = two_and_two()
    model.compile(convnet.optimizers.SGD(0.1), {"size": "mse"})
    before = dict(zip([p.name for p in model.parameters], model.get_weights(), strict=True))
    model.fit([IMAGES, TABLES], {"size": NUMBERS}, epochs=2, verbose=0)
    after = dict(zip([p.name for p in model.parameters], model.get_weights(), strict=True))
    assert {name for name in before if np.array_equal(before[name], after[name])} == {"sort/kernel", "sort/bias"}


def test_a_branch_whose_loss_was_taken_away_gets_no_gradient_of_before():
    model = two_and_two()
    model.compile(convnet.optimizers.SGD(0.1), LOSSES)
    model.train_on_batch([IMAGES, TABLES], [CLASSES, NUMBERS])
    model.compile(convnet.optimizers.SGD(0.1), {"size": "mse"})
    before = model.get_layer("sort").get_weights()
    model.train_on_batch([IMAGES, TABLES], {"size": NUMBERS})
    assert np.array_equal(before[0], model.get_layer("sort").get_weights()[0])


def test_sample_weights_count_for_every_output_or_for_the_one_they_are_given_for():
    model, heavy = two_and_two(), np.arange(12.0)
    model.compile("sgd", LOSSES)
    p, y = model.predict([IMAGES, TABLES])
    sort, size = -np.log(p[np.arange(12), CLASSES]), ((y - NUMBERS) ** 2).mean(axis=-1)
    for weight, of in (
        (heavy, (heavy, heavy)),
        ({"size": heavy, "sort": None}, (1, heavy)),
        ([heavy, None], (heavy, 1)),
    ):
        found = model.evaluate([IMAGES, TABLES], [CLASSES, NUMBERS], verbose=0, sample_weight=weight)
        assert found[1:] == pytest.approx([(of[0] * sort).mean(), (of[1] * size).mean()])


def test_a_model_of_several_is_saved_and_trained_on_as_if_it_had_not_been(tmp_path):
    model = two_and_two()
    model.compile("adam", LOSSES, {"sort": ["accuracy", convnet.metrics.AUC()]}, loss_weights=[1.0, 0.3])
    model.fit([IMAGES, TABLES], [CLASSES, NUMBERS], epochs=2, verbose=0)
    model.save(tmp_path / "m.safetensors")
    other = convnet.load(tmp_path / "m.safetensors")
    assert (other.input_names, other.output_names) == (["image", "table"], ["sort", "size"])
    for m in (model, other):
        m.logs = m.train_on_batch({"image": IMAGES, "table": TABLES}, [CLASSES, NUMBERS], return_dict=True)
    assert model.logs == other.logs
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        assert np.array_equal(a, b)


def test_a_subclass_takes_and_gives_dicts():
    class Net(convnet.Model):
        def __init__(self):
            super().__init__(dtype="float64")
            self.dense, self.sort, self.size = L.Dense(4), L.Dense(2, activation="softmax"), L.Dense(1)

        def call(self, x):
            h = self.dense(L.Flatten()(x["image"])) + self.dense_of(x["table"])
            return {"sort": self.sort(h), "size": self.size(h)}

        def build(self, input_shape):
            assert input_shape == {"image": (None, 6, 6, 1), "table": (None, 3)}
            self.dense_of = L.Dense(4)

    model = Net()
    model.compile("sgd", LOSSES, {"sort": ["accuracy"]})
    x = {"image": IMAGES, "table": TABLES}
    logs = model.fit(x, {"sort": CLASSES, "size": NUMBERS}, epochs=2, verbose=0, validation_split=0.25).history
    assert set(logs) == {f"{v}{n}" for v in ("", "val_") for n in ("loss", "sort_loss", "size_loss", "sort_accuracy")}
    found = model.predict(x)
    assert {name: y.shape for name, y in found.items()} == {"sort": (12, 2), "size": (12, 1)}
    assert np.array_equal(model(x)["size"], found["size"])


def test_layer_output_ends_a_model_there():
    model = convnet.Sequential(
        [L.Input((6, 6, 1)), L.Conv2D(2, 3, name="c", activation="relu"), L.Flatten(), L.Dense(3)]
    )
    model.add(L.Dense(2))
    both = convnet.Model(model.input, [model.get_layer("c").output, model.output])
    images = IMAGES.astype(np.float32)
    features, outputs = both.predict(images)
    assert np.array_equal(outputs, model.predict(images))
    k, b = model.get_layer("c").get_weights()
    assert features[0, 1, 2, 1] == pytest.approx(
        max((IMAGES[0, 1:4, 2:5, 0] * k[:, :, 0, 1]).sum() + b[1], 0), abs=1e-5
    )


def test_two_models_on_one_input_do_not_disturb_each_other():
    start = L.Input((3,))
    a, b = L.Dense(2, name="a"), L.Dense(2, name="b")
    ya, yb = a(start), b(start)
    first, second = convnet.Model(start, ya), convnet.Model(start, yb)
    x = TABLES.astype(np.float32)
    assert first.predict(x) == pytest.approx(x @ a.get_weights()[0], abs=1e-5)
    assert second.predict(x) == pytest.approx(x @ b.get_weights()[0], abs=1e-5)


def test_what_lies_between_is_an_output_although_a_later_rectifier_reads_it():
    start = L.Input((6, 6, 1))
    c = L.Conv2D(4, 3)(start)
    r = L.Activation("relu")(c)
    p = L.MaxPooling2D(2)(r)
    flat = L.Flatten()(p)
    model = convnet.Model(start, [c, r, p, flat])
    c, r, p, flat = model.predict(IMAGES.astype(np.float32))
    assert np.array_equal(r, np.maximum(c, 0))
    assert np.array_equal(p, r.reshape(12, 2, 2, 2, 2, 4).max(axis=(2, 4)))
    assert np.array_equal(flat, p.reshape(12, -1))


def test_an_output_given_twice_counts_twice():
    start = L.Input((3,), "float64")
    y = L.Dense(1, name="y")(start)
    twice, once = convnet.Model(start, [y, y]), convnet.Model(start, y)
    before = once.get_weights()
    twice.compile(convnet.optimizers.SGD(0.1), "mse")
    twice.train_on_batch(TABLES, [NUMBERS, NUMBERS])
    after = twice.get_weights()
    once.set_weights(before)
    once.compile(convnet.optimizers.SGD(0.2), "mse")
    once.train_on_batch(TABLES, NUMBERS)
    for a, b in zip(after, once.get_weights(), strict=True):
        assert a == pytest.approx(b, rel=1e-12)


def test_a_frozen_model_inside_another_keeps_its_parameters_and_statistics():
    base = convnet.Sequential(
        [L.Input((6, 6, 1)), convnet.Sequential([L.Conv2D(2, 3), L.BatchNormalization()]), L.GlobalAveragePooling2D()]
    )
    start = L.Input((6, 6, 1))
    model = convnet.Model(start, L.Dense(2, activation="softmax", name="head")(base(start)))
    base.trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    before, head = base.get_weights(), model.get_layer("head").get_weights()
    x = IMAGES.astype(np.float32)
    model.fit(x, CLASSES, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, base.get_weights(), strict=True))
    assert not np.array_equal(head[0], model.get_layer("head").get_weights()[0])
    base.trainable = True
    model.fit(x, CLASSES, verbose=0)
    assert not any(np.array_equal(a, b) for a, b in zip(before, base.get_weights(), strict=True))


def test_a_model_of_two_outputs_is_a_layer_called_twice():
    inner = convnet.Model(s := L.Input((3,)), [L.Dense(3, name="a")(s), L.Dense(3, name="b")(s)])
    start = L.Input((3,))
    a, b = inner(start)
    a2, _ = inner(b)
    outer = convnet.Model(start, L.Add()([a, a2]))
    x = TABLES.astype(np.float32)
    (ka, ba), (kb, bb) = inner.get_layer("a").get_weights(), inner.get_layer("b").get_weights()
    assert outer.predict(x) == pytest.approx((x @ ka + ba) + ((x @ kb + bb) @ ka + ba), abs=1e-5)
    assert outer.count_params() == 24


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.predict([IMAGES]), "x must be a list of 2 arrays in this order, or a dict of them by name: image"),
        (lambda m: m.predict({"image": IMAGES}), "x lacks 'table'; the model has image, table"),
        (lambda m: m.predict([IMAGES, TABLES[:5]]), "'image' has 12, 'table' has 5"),
        (lambda m: m.predict(IMAGES), "x must be a list of 2 arrays"),
        (lambda m: m.compile("sgd", {"kind": "mse"}), "loss has 'kind', which is no output of the model"),
        (lambda m: m.compile("sgd", ["mse"] * 3), "loss has 3 entries, the model 2 outputs: sort, size"),
        (lambda m: m.compile("sgd", "mse", ["accuracy"]), "an entry for each output, or a dict by name, of sort, size"),
        (lambda m: m.compile("sgd", [None, None]), "every output's loss is None"),
        (lambda m: m.compile("sgd", "mse", loss_weights=0.5), "loss_weights must be a list or dict"),
        (lambda m: convnet.Model(m.inputs[0], m.output), "also come from 'table', which is not among the inputs"),
    ],
)
def test_what_does_not_fit_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(two_and_two())


def test_explanations_of_a_model_of_several_hold():
    model = two_and_two()
    model.compile("sgd", LOSSES)
    assert model.explain([IMAGES, TABLES], 0, 1, layer="shared").holds
    found = model.explain_backward([IMAGES, TABLES], [CLASSES, NUMBERS], 1, 2, layer="shared", of="kernel")
    assert found.holds
    assert "image (None, 6, 6, 1), table (None, 3)" in str(Summary(model))


@pytest.mark.parametrize(("monitor", "better"), [("sort_accuracy", 1.0), ("size_loss", -1.0), ("loss", -1.0)])
def test_a_callback_knows_in_which_direction_an_outputs_metric_improves(monitor, better):
    model = two_and_two()
    model.compile("sgd", LOSSES, {"sort": ["accuracy"]})
    stop = convnet.callbacks.EarlyStopping(monitor)
    model.fit([IMAGES, TABLES], [CLASSES, NUMBERS], verbose=0, callbacks=[stop])
    assert stop.sign == better


def test_keras_own_functions_that_merge_are_the_layers():
    a, b = L.Input((4, 4, 2)), L.Input((4, 4, 2))
    names = ["add", "average", "maximum", "minimum", "multiply", "subtract", "concatenate"]
    model = convnet.Model([a, b], [getattr(L, name)([a, b]) for name in names])
    x, y = np.random.default_rng(0).standard_normal((2, 3, 4, 4, 2)).astype("f")
    expected = [x + y, (x + y) / 2, np.maximum(x, y), np.minimum(x, y), x * y, x - y, np.concatenate([x, y], -1)]
    assert all(np.allclose(f, e) for f, e in zip(model.predict([x, y], verbose=0), expected, strict=True))
    assert L.concatenate([a, b], axis=1, name="rows").shape == (None, 8, 4, 2)


def test_trainable_weights_are_those_that_training_changes():
    conv, norm, dense = L.Conv2D(2, 3), L.BatchNormalization(), L.Dense(3)
    inner = convnet.Sequential([L.Input((4, 4, 2)), conv, norm])
    model = convnet.Sequential([L.Input((4, 4, 2)), inner, L.Flatten(), dense])
    counts = lambda: (len(model.trainable_weights), len(model.non_trainable_weights))  # noqa: E731
    assert counts() == (6, 2)
    conv.trainable = False
    assert counts() == (4, 4)
    inner.trainable = False
    assert counts() == (2, 6)
    assert [w.shape for w in model.trainable_weights] == [(8, 3), (3,)]
