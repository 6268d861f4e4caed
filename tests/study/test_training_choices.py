"""Schedules, weight averaging, MixUp, label smoothing and the residual network do what their formulas say."""

from __future__ import annotations

import numpy as np
import pytest

from convnet import layers
from convnet.callbacks import Callback
from convnet.data import cohort
from convnet.model import Model, load
from convnet.study.averaging import Averaged
from convnet.study.mixing import mixed
from convnet.study.networks import NETWORKS, Block
from convnet.study.recipe import Recipe
from convnet.study.train import train
from convnet.utils import set_random_seed


@pytest.fixture
def study():
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    x = rng.random((60, 12, 12), np.float32) * 0.5 + 0.5 * labels[:, None, None].astype(np.float32)
    return cohort.from_arrays(x, labels, splits=["train"] * 40 + ["val"] * 20)


class Watch(Callback):
    """Keeps the parameters after every step and the learning rate of every epoch."""

    def __init__(self):
        self.steps, self.rates, self.held = [], [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.rates.append(self.model.optimizer.learning_rate)

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append(self.model.get_weights())

    def on_epoch_end(self, epoch, logs=None):
        self.held.append(self.model.get_weights())


def test_the_kept_parameters_are_the_moving_average_of_every_step(study):
    plain, averaged = Watch(), Watch()
    how = {"epochs": 3, "keep": "last", "network": "gap", "mixup": 0.0}
    set_random_seed(0)
    train(study, Recipe(**how, average=0.0), verbose=0, callbacks=[plain])
    model = train(study, Recipe(**how, average=0.6), verbose=0, callbacks=[averaged]).model
    made = NETWORKS["gap"](2)
    made.build((None, 12, 12, 1))
    for step, other in zip(plain.steps, averaged.steps, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(step, other, strict=True))  # training itself is unchanged
    set_random_seed(0)
    first = NETWORKS["gap"](2, dropout=0.5)
    first.build((None, 12, 12, 1))
    expected = [w.astype(np.float64) for w in first.get_weights()]
    for number, step in enumerate(averaged.steps, 1):
        decay = min(0.6, (1 + number) / (10 + number))
        expected = [decay * a + (1 - decay) * w for a, w in zip(expected, step, strict=True)]
    for found, held, wanted in zip(model.get_weights(), averaged.held[-1], expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
        assert np.array_equal(found, held)


@pytest.mark.parametrize("decay", [0, 1, -0.5])
def test_a_decay_outside_0_to_1_is_refused(decay):
    with pytest.raises(ValueError, match="decay must be above 0 and below 1"):
        Averaged(decay)


def test_the_learning_rate_rises_over_the_warm_up_and_falls_along_half_a_cosine(study):
    watch = Watch()
    recipe = Recipe(epochs=8, warmup=2, schedule="cosine", keep="last", network="gap", learning_rate=0.004)
    train(study, recipe, verbose=0, callbacks=[watch])
    falling = [0.004 * (1 + np.cos(np.pi * t / 6)) / 2 for t in range(6)]
    np.testing.assert_allclose(watch.rates, [0.002, 0.004, *falling], rtol=1e-12)


def test_mixup_trains_on_the_same_mean_of_images_and_of_targets():
    seen = []

    class Net(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3, activation="softmax")

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            seen.append(data)
            return super().train_step(data)

    model = mixed(Net, 0.4, 7)()
    model.compile(optimizer="sgd", loss="categorical_crossentropy")
    x = np.random.default_rng(0).random((8, 5), np.float32)
    y = np.eye(3, dtype=np.float32)[np.arange(8) % 3]
    model.fit(x, y, batch_size=8, shuffle=False, verbose=0)
    (mixed_x, mixed_y), rng = seen[0], np.random.Generator(np.random.Philox([7, 1]))
    share, order = rng.beta(0.4, 0.4), rng.permutation(8)
    np.testing.assert_allclose(mixed_x, share * x + (1 - share) * x[order], rtol=1e-6)
    np.testing.assert_allclose(mixed_y, share * y + (1 - share) * y[order], rtol=1e-6)
    np.testing.assert_allclose(mixed_y.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("choice", [{"mixup": 0.2}, {"label_smoothing": 0.1}])
def test_soft_targets_train_and_are_refused_for_other_losses(study, choice):
    trained = train(study, Recipe(epochs=2, network="gap", **choice), verbose=0)
    assert np.isfinite(trained.outputs).all()
    with pytest.raises(ValueError, match="not for the network formula"):
        train(study, Recipe(epochs=2, network="formula", **choice), verbose=0)


def test_smoothed_targets_have_the_larger_loss_of_the_formula(study):
    plain = Recipe(epochs=1, learning_rate=1e-9, dropout=0, mixup=0.0)
    watched = [train(study, plain, label_smoothing=s, verbose=0) for s in (0.0, 0.2)]
    p = watched[0].outputs.astype(np.float64)
    y = np.eye(2)[study.split("val")[1]]
    target = 0.8 * y + 0.1
    expected = -np.mean(np.sum(target * np.log(p), axis=1))
    assert watched[1].history.history["val_loss"][0] == pytest.approx(expected, rel=1e-4)


def test_a_block_whose_convolutions_add_nothing_passes_its_input_on():
    block = Block(6)
    block.build((None, 8, 8, 6))
    block.norm2.gamma.value[...] = 0
    x = np.random.default_rng(1).standard_normal((2, 8, 8, 6)).astype(np.float32)
    assert np.array_equal(block.predict(x, verbose=0), np.maximum(x, 0))


def test_a_block_with_a_stride_adds_a_projection_of_its_input():
    block = Block(4, 2)
    block.build((None, 6, 6, 3))
    block.norm2.gamma.value[...] = 0
    x = np.random.default_rng(2).standard_normal((1, 6, 6, 3)).astype(np.float32)
    projected = x[:, ::2, ::2] @ block.shortcut.kernel.value[0, 0] / np.sqrt(1 + 1e-3)
    np.testing.assert_allclose(block.predict(x, verbose=0), np.maximum(projected, 0), rtol=1e-5, atol=1e-6)


def test_the_residual_network_has_the_same_parameters_for_every_size_and_is_saved(tmp_path, study):
    counts = []
    for size in (12, 28, 64):
        model = NETWORKS["resnet"](2)
        model.build((None, size, size, 1))
        counts.append(model.count_params())
    assert counts == [77_906] * 3
    model = train(study, Recipe(epochs=2, network="resnet", mixup=0.2), verbose=0).model
    model.save(tmp_path / "r.safetensors")
    x = study.split("val")[0]
    assert np.array_equal(load(tmp_path / "r.safetensors").predict(x), model.predict(x))


def test_features_hold_few_images_of_a_large_network_at_once_and_are_the_same(monkeypatch):
    from convnet.engine import plan
    from convnet.study import features

    batches = []

    class Seen(plan.Plan):
        def __init__(self, graph, batch, **how):
            batches.append(batch)
            super().__init__(graph, batch, **how)

    monkeypatch.setattr(plan, "Plan", Seen)
    model = NETWORKS["resnet"](2)
    model.build((None, 28, 28, 1))
    x = np.random.default_rng(0).random((70, 28, 28, 1), np.float32)
    at_once = features.extract(model, x)
    numbers = sum(int(np.prod(call.output.sample_shape)) for call in model.graph((28, 28, 1)).calls)
    monkeypatch.setattr(features, "HELD", 10 * numbers)
    in_parts = features.extract(model, x)
    assert batches == [64, 6, 10]
    assert all(np.array_equal(at_once[kind], in_parts[kind]) for kind in at_once)
