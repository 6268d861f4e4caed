"""fit, evaluate and predict: Keras's hooks, steps, optimizers and data arguments."""

import numpy as np
import pytest

import convnet
from convnet import callbacks, layers, optimizers

RNG = np.random.default_rng(0)
X = RNG.standard_normal((24, 5)).astype("f")
Y = RNG.integers(0, 3, 24)
LOSS = "sparse_categorical_crossentropy"


def network(kind=convnet.Sequential, activation="softmax"):
    stack = [layers.Input((5,)), layers.Dense(4, activation="relu"), layers.Dense(3, activation=activation)]
    model = kind(stack)
    rng = np.random.default_rng(1)
    model.set_weights([rng.standard_normal(w.shape) for w in model.get_weights()])
    return model


def compiled(optimizer="sgd", kind=convnet.Sequential, **settings):
    model = network(kind)
    model.compile(optimizer, LOSS, **settings)
    return model


def flat(model):
    return np.concatenate([w.ravel() for w in model.get_weights()])


# --- callbacks


class Noting(callbacks.Callback):
    """Notes each hook and its arguments."""

    def __init__(self):
        self.seen = []


for _hook in [name for name in vars(callbacks.Callback) if name.startswith("on_")]:

    def _note(self, *arguments, _hook=_hook):
        self.seen.append((_hook, *arguments[:-1]))
        assert arguments[-1] is None or isinstance(arguments[-1], dict)
        if _hook.startswith("on_train_batch"):
            getattr(self, _hook.replace("on_train", "on"))(*arguments)

    setattr(Noting, _hook, _note)


def test_every_hook_is_called_in_kerass_order_with_its_arguments():
    note, model = Noting(), compiled()
    model.fit(X, Y, batch_size=12, epochs=2, verbose=0, validation_data=(X[:5], Y[:5]), callbacks=[note])
    batches = [e for b in (0, 1) for w in ("begin", "end") for e in ((f"on_train_batch_{w}", b), (f"on_batch_{w}", b))]
    tests = [("on_test_begin",), ("on_test_batch_begin", 0), ("on_test_batch_end", 0), ("on_test_end",)]
    epochs = [[("on_epoch_begin", e), *batches, *tests, ("on_epoch_end", e)] for e in (0, 1)]
    assert note.seen == [("on_train_begin",), *epochs[0], *epochs[1], ("on_train_end",)]
    assert (note.params["epochs"], note.params["steps"], note.params["verbose"]) == (2, 2, 0)
    assert note.model is model
    note.seen = []
    model.predict(X, batch_size=24, callbacks=[note])
    assert [e[0].removeprefix("on_predict_") for e in note.seen] == ["begin", "batch_begin", "batch_end", "end"]
    note.seen = []
    model.evaluate(X, Y, 24, 0, callbacks=[note])
    assert note.seen == tests


def test_a_lambda_callback_is_its_functions_and_another_name_is_refused():
    seen = []
    call = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append((epoch, set(logs))))
    compiled().fit(X, Y, epochs=2, verbose=0, callbacks=call)
    assert seen == [(0, {"loss"}), (1, {"loss"})]
    with pytest.raises(TypeError, match="on_epoch_stop is not a hook; choose one of: on_train_begin"):
        callbacks.LambdaCallback(on_epoch_stop=print)


def test_stop_training_ends_the_epoch_after_the_batch():
    class Stop(callbacks.Callback):
        batches = 0

        def on_train_batch_end(self, batch, logs=None):
            self.batches += 1
            self.model.stop_training = batch == 1

    stop, model = Stop(), compiled()
    history = model.fit(X, Y, batch_size=4, epochs=5, verbose=0, callbacks=[stop])
    assert (stop.batches, history.epoch, model.optimizer.iterations) == (2, [0], 2)


def script(name, values):
    left = iter(values)
    return callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update({name: next(left)}))


def test_the_direction_of_a_metric_is_the_metrics_and_not_its_names():
    rising = [0.5, 0.6, 0.7, 0.8, 0.9]
    auc = convnet.metrics.AUC(name="risk")
    model = convnet.Sequential([layers.Input((5,)), layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", [auc, convnet.metrics.MeanSquaredError(name="gauc")])
    data = {"x": X, "y": Y > 0, "epochs": 5, "verbose": 0, "validation_data": (X, Y > 0)}
    stop = callbacks.EarlyStopping("val_risk", patience=1)
    assert len(model.fit(**data, callbacks=[script("val_risk", rising), stop]).epoch) == 5
    assert stop.best == 0.9
    falls = callbacks.EarlyStopping("val_gauc", patience=1)  # a name that sounds like an AUC's
    assert len(model.fit(**data, callbacks=[script("val_gauc", rising), falls]).epoch) == 2
    with pytest.raises(ValueError, match=r"cannot tell whether 'val_dice' .* Give mode='max' or mode='min'"):
        model.fit(**data, callbacks=[callbacks.EarlyStopping("val_dice")])
    chosen = callbacks.EarlyStopping("val_dice", mode="max", patience=1)
    model.fit(**data, callbacks=[script("val_dice", rising), chosen])
    assert chosen.best == 0.9


def test_a_checkpoint_makes_its_folder_and_keeps_the_epochs_that_improve(tmp_path):
    place = tmp_path / "new" / "deeper" / "m{epoch}.safetensors"
    keep = callbacks.ModelCheckpoint(place, "val_accuracy", save_best_only=True)
    model = compiled(metrics=["accuracy"])
    calls = [script("val_accuracy", [0.5, 0.4, 0.6]), keep]
    model.fit(X, Y, epochs=3, verbose=0, validation_data=(X, Y), callbacks=calls)
    assert sorted(p.name for p in place.parent.iterdir()) == ["m1.safetensors", "m3.safetensors"]
    with pytest.raises(TypeError, match="ModelCheckpoint: save_freq not supported"):
        callbacks.ModelCheckpoint(place, save_freq=10)


@pytest.mark.parametrize(("frequency", "epochs"), [(2, [1, 3]), ([1, 4], [0, 3])])
def test_epochs_without_validation_do_not_disturb_early_stopping(frequency, epochs):
    stop, seen = callbacks.EarlyStopping(patience=9), []
    look = callbacks.LambdaCallback(on_epoch_end=lambda e, logs: seen.append(e) if "val_loss" in logs else None)
    compiled().fit(X, Y, epochs=5, verbose=0, validation_data=(X, Y), validation_freq=frequency, callbacks=[stop, look])
    assert seen == epochs
    assert stop.best is not None
    with pytest.raises(ValueError, match=r"no metric 'val_loss' to watch; there is loss: give fit validation_data"):
        compiled().fit(X, Y, verbose=0, callbacks=[stop])


def test_the_learning_rate_follows_a_schedule_and_falls_on_a_plateau():
    model = compiled(optimizers.SGD(0.5))
    history = model.fit(
        X, Y, epochs=3, verbose=0, callbacks=[callbacks.LearningRateScheduler(lambda e, r: r / (e + 1))]
    )
    assert history.history["learning_rate"] == [0.5, 0.25, 0.25 / 3]
    plateau = callbacks.ReduceLROnPlateau("val_loss", 0.5, patience=2, cooldown=1, min_lr=0.2)
    model = compiled(optimizers.SGD(1.0))
    flat_line = script("val_loss", [1, 1, 1, 1, 1, 1, 1, 1])
    rates = model.fit(X, Y, epochs=8, verbose=0, validation_data=(X, Y), callbacks=[flat_line, plateau])
    # epoch 0 is the best; 1 and 2 wait; 3 cools down and counts again: Keras 3.15 gives the same list
    assert rates.history["learning_rate"] == [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.2]


# --- steps of a user's own


def test_own_steps_are_called_with_the_batch_and_their_logs_are_reported():
    class Own(convnet.Sequential):
        def train_step(self, data):
            x, y, weight = convnet.utils.unpack_x_y_sample_weight(data)
            return super().train_step((x, y, weight)) | {"rows": float(len(x))}

        def test_step(self, data):
            return super().test_step(data) | {"seen": 7.0}

        def predict_step(self, data):
            return super().predict_step(data) * 2

    own, plain = compiled(kind=Own), compiled()
    logs = own.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0, validation_data=(X, Y)).history
    plain_logs = plain.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0, validation_data=(X, Y)).history
    np.testing.assert_array_equal(flat(own), flat(plain))
    assert logs["loss"] == plain_logs["loss"]
    assert logs["val_loss"] == plain_logs["val_loss"]
    assert (logs["rows"], logs["val_seen"]) == ([8.0, 8.0], [7.0, 7.0])
    np.testing.assert_array_equal(own.predict(X), plain.predict(X) * 2)
    assert own.evaluate(X, Y, verbose=0, return_dict=True)["seen"] == 7
    assert own.train_on_batch(X, Y, return_dict=True)["rows"] == 24


@pytest.mark.parametrize("name", ["compute_loss", "compute_metrics", "make_train_function"])
def test_a_method_that_would_never_be_called_is_refused(name):
    model = type("Mine", (convnet.Sequential,), {name: lambda self, *a, **k: None})(
        [layers.Input((5,)), layers.Dense(3)]
    )
    with pytest.raises(TypeError, match=rf"Mine.{name} would never be called here; "):
        model.compile("sgd", LOSS)


# --- optimizers


def test_compile_with_a_loss_alone_takes_rmsprop_as_keras_does():
    model = compiled()
    model.compile(loss="mse")
    assert isinstance(model.optimizer, optimizers.RMSprop)
    start, (x, y) = flat(model), (X[:4], np.eye(3)[Y[:4]])
    model.compile(optimizers.RMSprop(0.01, rho=0.75, epsilon=0.0), "mse")
    model.train_on_batch(x, y)
    moved = np.abs(flat(model) - start)
    np.testing.assert_allclose(moved[moved > 1e-6], 0.02, rtol=1e-4)  # the first step: lr / sqrt(1 - rho)


@pytest.mark.parametrize("make", [lambda: optimizers.Adam(0.01), lambda: optimizers.RMSprop(0.01, momentum=0.9)])
def test_freezing_a_layer_keeps_the_moments_of_the_others_and_its_own(make):
    """Beside two models of one layer each: what is frozen stands still, and goes on as if nothing had been."""
    model = compiled(make())
    fit = {"epochs": 2, "batch_size": 8, "shuffle": False, "verbose": 0}
    model.fit(X, Y, **fit)
    model.layers[0].trainable = False
    kept = model.layers[0].get_weights()
    model.fit(X, Y, **fit)
    for a, b in zip(kept, model.layers[0].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert model.optimizer.iterations == 12
    # the other layer alone, on the frozen one's outputs, with the state that it has now
    hidden = model.layers[0](X)
    state = {p: [np.array(s) for s in model.optimizer.states_of(p)] for p in model.layers[1].parameters}
    alone = convnet.Sequential([layers.Input((4,)), layers.Dense(3, activation="softmax")])
    alone.compile(make(), LOSS)
    alone.set_weights(model.layers[1].get_weights())
    alone.arena()
    alone.optimizer.iterations = 12
    for p, q in zip(model.layers[1].parameters, alone.layers[0].parameters, strict=True):
        for mine, theirs in zip(alone.optimizer.states_of(q), state[p], strict=True):
            mine[...] = theirs
    model.fit(X, Y, **fit)
    alone.fit(hidden, Y, **fit)
    for a, b in zip(model.layers[1].get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    # thawed, the first layer has its moments of before
    model.layers[0].trainable = True
    model.arena()
    assert all(np.any(s) for p in model.layers[0].parameters for s in model.optimizer.states_of(p))


def test_an_optimizer_belongs_to_one_model_and_goes_on_when_compiled_again():
    optimizer = optimizers.Adam(0.01)
    model = compiled(optimizer)
    model.fit(X, Y, verbose=0)
    with pytest.raises(ValueError, match="this Adam already belongs to another model and holds its moments"):
        compiled(optimizer).fit(X, Y, verbose=0)
    model.compile(optimizer, LOSS)
    model.fit(X, Y, verbose=0)
    assert optimizer.iterations == 2
    model.compile("adam", LOSS)
    assert model.optimizer.iterations == 0


def test_an_optimizers_arguments_stand_in_kerass_order():
    for make, message in (
        (lambda: optimizers.SGD(0.01, 0.9, False, None, "1"), "SGD: clipnorm must be a number"),
        (lambda: optimizers.Adam(0.001, 0.9, 0.999, 1e-7, False, None, "1"), "Adam: clipnorm must be a number"),
        (lambda: optimizers.AdamW(0.001, 0.004, 0.9, 0.999, 1e-7, True), "AdamW: amsgrad not supported"),
        (lambda: optimizers.Adam(use_ema=1), "Adam: use_ema must be True or False"),
        (lambda: optimizers.Adam(name=1.0), "Adam: name must be text"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            make()
    assert optimizers.RMSprop(0.1, 0.8, 0.7, 1e-6, True).get_config() == {
        "name": "rmsprop", "learning_rate": 0.1, "rho": 0.8, "momentum": 0.7, "epsilon": 1e-6, "centered": True,
        "weight_decay": None,
    }  # fmt: skip
    with pytest.raises(AttributeError, match=r"convnet.optimizers has no 'Ftrl' .* it has SGD, RMSprop, Adam, AdamW"):
        _ = optimizers.Ftrl
    with pytest.raises(
        AttributeError, match=r"convnet.callbacks has no 'SwapEMAWeights' .* it has BackupAndRestore, CSVLogger"
    ):
        _ = callbacks.SwapEMAWeights


# --- data


def test_validation_data_takes_the_place_of_validation_split():
    held = np.zeros((8, 5), "f"), np.zeros(8, int)
    both = compiled(optimizers.SGD(0.0)).fit(X, Y, verbose=0, validation_split=0.5, validation_data=held).history
    model = compiled()
    assert both["val_loss"][0] == pytest.approx(model.evaluate(*held, verbose=0), rel=1e-6)
    assert both["loss"][0] == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-6)


def test_class_weights_are_by_class_with_one_for_the_others_or_balanced():
    model, y = compiled(), np.array([0] * 12 + [1] * 8 + [2] * 4)
    each = -np.log(model.predict(X)[np.arange(24), y].astype(float))
    assert compiled().train_on_batch(X, y, class_weight={1: 5.0}) == pytest.approx(
        (each * np.where(y == 1, 5, 1)).mean(), rel=1e-5
    )
    balanced = np.array([24 / 36, 24 / 24, 24 / 12])[y]
    assert compiled().train_on_batch(X, y, class_weight="balanced") == pytest.approx((each * balanced).mean(), rel=1e-5)


@pytest.mark.parametrize("shape", [(24,), (24, 1)])
def test_sample_weights_may_be_a_column(shape):
    model, w = compiled(), np.linspace(0, 2, 24)
    each = -np.log(model.predict(X)[np.arange(24), Y].astype(float))
    found = model.evaluate(X, Y, sample_weight=w.reshape(shape), verbose=0)
    assert found == pytest.approx((each * w).mean(), rel=1e-5)


def test_keras_own_defaults_may_be_spelled_out():
    model = network()
    model.compile("sgd", LOSS, jit_compile="auto", run_eagerly=False, steps_per_execution=1, loss_weights=None)
    layers.BatchNormalization(center=True, scale=True, beta_initializer="zeros", synchronized=False)
    layers.GlobalAveragePooling2D(keepdims=False)
    layers.Dense(3, kernel_regularizer=None, autocast=True)
    optimizers.Adam(amsgrad=False, use_ema=False, ema_momentum=0.99, clipnorm=None)
    convnet.losses.MeanSquaredError(reduction="sum_over_batch_size", dtype=None)
    for refused in (
        lambda: model.compile("sgd", LOSS, steps_per_execution=2),
        lambda: layers.BatchNormalization(synchronized=True),
        lambda: layers.Dense(3, activity_regularizer="l2"),
    ):
        with pytest.raises(TypeError, match="not supported"):
            refused()


def test_a_loss_that_is_nan_ends_training_quietly_or_by_an_error():
    model = convnet.Sequential([convnet.Input((2,)), convnet.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.full((4, 2), np.nan, "f"), np.zeros((4, 1), "f")
    assert len(model.fit(x, y, epochs=3, verbose=0, callbacks=[convnet.callbacks.TerminateOnNaN()]).epoch) == 1
    with pytest.raises(RuntimeError, match="the loss of batch 0 is nan"):
        model.fit(x, y, verbose=0, callbacks=[convnet.callbacks.TerminateOnNaN(raise_error=True)])


def test_a_hook_without_logs_gets_an_empty_dict():
    seen = []
    begin = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append(logs))
    compiled().fit(X, Y, callbacks=[begin], verbose=0)
    assert seen == [{}]
