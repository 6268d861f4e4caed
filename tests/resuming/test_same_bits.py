"""A training that was killed and goes on ends with the bits of one that was not, whatever it is made of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

import convnet
from convnet import callbacks, layers, model_file, optimizers
from convnet.callbacks import Callback
from convnet.engine.parameter import Parameter
from convnet.model import from_bytes
from convnet.optimizers.clipping import Clipping
from convnet.study.averaging import Averaged
from convnet.study.mixing import mixed
from convnet.study.networks import NETWORKS
from convnet.utils import set_random_seed
from tests.resuming.trainings import BATCHES, SIZE, Killed, Training, X, Y, build

OPTIMIZERS = {
    "sgd": lambda: optimizers.SGD(0.05),
    "momentum": lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "rmsprop": lambda: optimizers.RMSprop(centered=True, momentum=0.5),
    "adam": lambda: optimizers.Adam(clipnorm=0.1),
    "adamw": lambda: optimizers.AdamW(optimizers.CosineDecay(0.01, 12), clipvalue=0.01),
    "adagrad": lambda: optimizers.Adagrad(0.05, initial_accumulator_value=0.3),
    "nadam": lambda: optimizers.Nadam(global_clipnorm=0.1),
    "lion": lambda: optimizers.Lion(use_ema=True, ema_momentum=0.8),
    "averages that are used": lambda: optimizers.Adam(use_ema=True, ema_overwrite_frequency=3),
}


class Freeze(Callback):
    """Freeze a layer after the first epoch, and thaw it after the third."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch in (0, 2):
            self.model.layers[1].trainable = epoch == 2


class Scores(Callback):
    """Report a score that is best in the first epoch."""

    def on_epoch_end(self, epoch, logs=None):
        logs["score"] = 9.0 if epoch == 0 else 1.0


class Draws(Callback):
    """A user's own: it draws from a generator of its own, and counts."""

    kept: ClassVar[tuple[str, ...]] = ("seen",)

    def __init__(self):
        self.rng, self.seen = np.random.default_rng(4), 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        self.model.optimizer.learning_rate = 0.01 * self.rng.random() / self.seen


CALLBACKS = {
    "early stopping": lambda: [
        Scores(),
        callbacks.EarlyStopping("score", mode="max", patience=2, restore_best_weights=True),
    ],
    "plateaus": lambda: [Scores(), callbacks.ReduceLROnPlateau("score", mode="max", patience=2, factor=0.3)],
    "a rate made of the one before": lambda: [callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)],
    "averages": lambda: [Averaged(0.9)],
    "freezing": lambda: [Freeze()],
    "my own": lambda: [Draws()],
}


@pytest.mark.parametrize("save_freq", ["epoch", 3])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_goes_on_with_its_state(name, save_freq, tmp_path):
    Training(tmp_path / "b", optimizer=OPTIMIZERS[name], save_freq=save_freq).check_same_bits(2 * BATCHES - 1, BATCHES)


@pytest.mark.parametrize("save_freq", ["epoch", 3])
@pytest.mark.parametrize("name", CALLBACKS)
def test_every_callback_goes_on_with_its_state(name, save_freq, tmp_path):
    Training(tmp_path / "b", callbacks=CALLBACKS[name], save_freq=save_freq).check_same_bits(2 * BATCHES + 1)


@pytest.mark.parametrize("name", ["sgd", "nadam", "adam", "lion"])
def test_a_model_frozen_in_mid_training_goes_on_from_one_slab(name, tmp_path):
    made = Training(tmp_path / "b", optimizer=OPTIMIZERS[name], callbacks=CALLBACKS["freezing"])
    made.check_same_bits(2 * BATCHES + 1, 1 * BATCHES + 1)


@pytest.mark.parametrize("kill", range(2, 4 * BATCHES, 3))
def test_a_training_may_be_killed_after_any_batch(kill, tmp_path):
    Training(tmp_path / "b", save_freq=1).check_same_bits(kill, 1 + kill % 2)


def test_metrics_of_the_epoch_go_on_with_the_batches_before(tmp_path):
    def two_outputs(optimizer):
        return build(optimizer, ["accuracy", "sparse_top_k_categorical_accuracy"])

    Training(tmp_path / "b", save_freq=1, model=two_outputs, arguments={"validation_data": None}).check_same_bits(6)


def test_mixed_images_go_on_with_the_shares_to_come(tmp_path):
    def mixing(optimizer):
        model = mixed(NETWORKS["gap"], 0.4, 7)(3, dropout=0.2, name="gap", activation="softmax")
        model.compile(optimizer, "categorical_crossentropy", ["accuracy"])
        return model

    one_hot = np.eye(3, dtype=np.float32)[Y]
    x = X.repeat(2, 1).repeat(2, 2)
    arguments = {"validation_data": (x, one_hot)}
    made = Training(tmp_path / "b", save_freq=3, model=mixing, data=lambda: x, targets=one_hot, arguments=arguments)
    made.check_same_bits(6)


class Batches:
    """Keras's PyDataset: batches by number."""

    def __len__(self):
        return BATCHES

    def __getitem__(self, place):
        at = slice(place * SIZE, place * SIZE + SIZE)
        return X[at], Y[at]


def endless():
    """Yield batches without end: an iterator that can be gone through once."""
    while True:
        yield from map(Batches().__getitem__, range(BATCHES))


@pytest.mark.parametrize("save_freq", ["epoch", 2])
@pytest.mark.parametrize(("data", "steps"), [(Batches, None), (Batches, 3), (endless, 3)])
def test_what_yields_batches_goes_on_behind_those_that_were_trained(data, steps, save_freq, tmp_path):
    arguments = {"batch_size": None, "steps_per_epoch": steps}
    Training(tmp_path / "b", data=data, targets=None, save_freq=save_freq, arguments=arguments).check_same_bits(7)


def pairs():
    """Yield batches to validate on, each of them once."""
    chance = np.random.default_rng(8)
    while True:
        yield chance.random((5, 6, 6, 1), np.float32), np.arange(5) % 3


def test_what_is_validated_goes_on_behind_the_batches_before(tmp_path):
    class Fresh(Training):
        def run(self, *given, **named):
            self.arguments = {"validation_data": pairs(), "validation_steps": 2, "validation_freq": 2}
            return super().run(*given, **named)

    Fresh(tmp_path / "b").check_same_bits(3 * BATCHES + 1)


def test_every_output_of_a_model_goes_on_with_its_part_of_the_loss(tmp_path):
    def two_outputs(optimizer):
        x = layers.Input((6, 6, 1))
        middle = layers.Dropout(0.2)(layers.Flatten()(x))
        outputs = {"a": layers.Dense(3, activation="softmax")(middle), "b": layers.Dense(1)(middle)}
        model = convnet.Model(x, outputs)
        kinds = {"a": "sparse_categorical_crossentropy", "b": "mse"}
        model.compile(optimizer, kinds, metrics={"a": ["accuracy"]}, loss_weights={"a": 1.0, "b": 0.3})
        return model

    y = {"a": Y, "b": Y.astype(np.float32)}
    made = Training(tmp_path / "b", model=two_outputs, targets=y, save_freq=1, data=lambda: X)
    made.arguments = {"validation_data": (X, y)}
    made.check_same_bits(6)


def test_a_model_file_of_one_frozen_in_mid_training_goes_on_as_the_model_does():
    def go_on(model):
        set_random_seed(1)
        model.fit(X, Y, batch_size=SIZE, epochs=2, verbose=0, shuffle=False)
        return b"".join(w.tobytes() for w in model.get_weights())

    model = build(OPTIMIZERS["nadam"]())
    model.fit(X, Y, batch_size=SIZE, epochs=3, verbose=0, callbacks=[Freeze()])
    assert len(model.arena().slabs) > 1
    loaded = from_bytes(model_file.to_bytes(model))
    assert len(loaded.arena().slabs) == 1
    assert go_on(loaded) == go_on(model)


def test_a_training_that_was_to_stop_stops(tmp_path):
    class Stops(Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

        def on_test_begin(self, logs=None):
            if killing:
                raise Killed

    killing: list[int] = []
    made = Training(tmp_path / "b", callbacks=lambda: [Stops()], save_freq=1)
    wanted, _ = made.run()
    killing.append(1)
    assert made.run() is None
    killing.clear()
    found, history = made.run()
    assert found == wanted
    assert history.epoch == [0]


def test_an_interrupted_training_keeps_the_best_of_all_its_epochs(tmp_path):
    class Interrupts(Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_loss"] = float(1 + epoch)
            if epoch == 2:
                raise KeyboardInterrupt

    made = Training(tmp_path / "b", callbacks=lambda: [Interrupts()])
    wanted, _ = made.run()
    made.folder = tmp_path / "c"
    assert made.run(2 * BATCHES - 1) is None
    found, history = made.run()
    assert history.interrupted
    assert made.folder.exists()
    assert weights(found) == weights(wanted)


def weights(content):
    return [w.tobytes() for w in from_bytes(content).get_weights()]


def test_gradients_are_clipped_to_the_same_bits_in_any_packing():
    chance = np.random.default_rng(0)
    for _ in range(20):
        sizes = chance.integers(1, 300, 4)
        values = [chance.standard_normal(n) for n in sizes]
        parameters = [Parameter(str(n), np.zeros(n)) for n in sizes]
        one = np.concatenate(values)
        starts = dict(zip(parameters, [(0, int(n)) for n in np.cumsum([0, *sizes[:-1]])], strict=True))
        several = [(v, v.copy()) for v in values]
        places = {p: (n, 0) for n, p in enumerate(parameters)}
        clip = Clipping("global_clipnorm", 0.1)
        clip.clip(SimpleNamespace(parameters=parameters, places=starts, slabs=[(one, one)]))
        clip.clip(SimpleNamespace(parameters=parameters, places=places, slabs=several))
        assert np.array_equal(one, np.concatenate([g for _, g in several]))


def test_a_table_of_metrics_has_no_line_twice(tmp_path):
    table = tmp_path / "metrics.csv"
    made = Training(tmp_path / "b", callbacks=lambda: [callbacks.CSVLogger(table)])
    made.run()
    wanted = table.read_bytes()
    made.check_same_bits(2 * BATCHES + 1)
    assert table.read_bytes() == wanted


def test_a_training_that_is_done_but_kept_is_not_trained_again(tmp_path):
    made = Training(tmp_path / "b")
    model = build()
    keep = callbacks.BackupAndRestore(tmp_path / "b", delete_checkpoint=False)
    first = model.fit(made.data(), Y, batch_size=SIZE, epochs=2, verbose=0, callbacks=[keep])
    again = build()
    history = again.fit(made.data(), Y, batch_size=SIZE, epochs=2, verbose=0, callbacks=[keep])
    assert history.history == first.history
    assert all(map(np.array_equal, model.get_weights(), again.get_weights()))
    longer = again.fit(made.data(), Y, batch_size=SIZE, epochs=3, verbose=0, callbacks=[keep])
    assert longer.epoch == [0, 1, 2]
