"""Model and Sequential, called, trained and summarised: Keras's meanings, and clear errors for wrong data."""

import numpy as np
import pytest

import convnet
from convnet import layers
from tests.convnet.small_models import Residual, data, small, trained


def test_arrays_given_to_the_user_are_never_the_models_buffers():
    model, (x, _) = small(), data()
    first = model(x)
    kept = first.copy()
    model(x * 2)
    model.predict(x * 3)
    np.testing.assert_array_equal(first, kept)
    weights = model.get_weights()
    weights[0][...] = 7
    assert not np.any(model.get_weights()[0] == 7)
    first[...] = 0
    np.testing.assert_array_equal(model(x), kept)


def test_inputs_and_targets_are_not_mutated():
    model, (x, y) = trained(), data()
    x.flags.writeable = y.flags.writeable = False
    model.fit(x, y, verbose=0)
    model.evaluate(x, y, verbose=0)
    model.predict(x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: np.exp(x), "numpy.exp on the output of 'input'"),
        (lambda x: np.concatenate([x, x]), "numpy.concatenate"),
        (lambda x: x if x > 0 else None, "> on the output"),
        (lambda x: x if x else None, r"if/while"),
        (lambda x: x[0], r"\[\.\.\.\]"),
        (lambda x: x**2, r"\*\* on the output"),
        (lambda x: 2 / x, "a number divided by it on the output"),
        (lambda x: x + "1", r"\+ with a str"),
        (lambda x: np.asarray(x), "conversion to a NumPy array"),
        (lambda x: None, "must return the output of a layer, or .*, got NoneType"),
        (lambda x: [v for v in x], "a loop on the output"),
    ],
)
def test_a_call_that_cannot_be_recorded_says_what_to_use(call, message):
    class Mine(convnet.Model):
        def call(self, x):
            return call(x)

    with pytest.raises(TypeError, match=message):
        Mine()(np.ones((1, 4, 4, 1), np.float32))


def test_what_keras_has_and_we_have_not_is_refused_by_name():
    with pytest.raises(TypeError, match="Conv2D: kernel_constraint not supported"):
        layers.Conv2D(3, 3, kernel_constraint="max_norm")
    with pytest.raises(ValueError, match="activation 'glu' is not supported; choose one of: linear, relu"):
        layers.Dense(3, activation="glu")
    with pytest.raises(AttributeError, match=r"convnet\.layers has no 'LSTM'"):
        _ = layers.LSTM
    with pytest.raises(ValueError, match="optimizer 'ftrl' is not supported; choose one of: sgd, rmsprop, adam"):
        small().compile("ftrl", loss="mse")
    with pytest.raises(ValueError, match="loss 'hinge' is not supported"):
        small().compile("adam", "hinge")
    with pytest.raises(TypeError, match="compile: jit_compile not supported"):
        small().compile("adam", "mse", jit_compile=True)
    with pytest.raises(ValueError, match="there is no target 'gpu'; choose one of: cpu, cuda, cuda-emulated"):
        small().compile("adam", "mse", target="gpu")
    with pytest.raises(ValueError, match="data_format must be 'channels_last'"):
        layers.Conv2D(3, 3, data_format="channels_first")
    with pytest.raises(TypeError, match="Adam: loss_scale_factor not supported"):
        convnet.optimizers.Adam(loss_scale_factor=2.0)


def test_wrong_data_is_refused_before_training():
    model, (x, y) = trained(), data()
    for arguments, message in (
        ((x[..., 0], y), r"expected a batch of shape \(batch, 8, 8, 1\), got \(40, 8, 8\)"),
        ((x, y[:-1]), "x has 40 samples but y has shape"),
        ((x, y + 1), r"label 3 \(sample \d+\) is not a class index in 0..2"),
        ((x, y + 0.5), "is not a class index"),
        ((x[:0], y[:0]), "x has no samples"),
        ((x.astype(str), y), "the input must be an array of numbers"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            model.fit(*arguments, verbose=0)
    with pytest.raises(ValueError, match="sample_weight must be 40 numbers"):
        model.fit(x, y, sample_weight=np.ones(3), verbose=0)
    with pytest.raises(ValueError, match=r"sample_weight must be finite and >= 0, got -1.0 at 0"):
        model.fit(x, y, sample_weight=-np.ones(40), verbose=0)
    with pytest.raises(ValueError, match="for one-hot labels use loss='categorical_crossentropy'"):
        model.fit(x, np.eye(3)[y], verbose=0)
    for size in (0, -3, 2.5):
        with pytest.raises(ValueError, match="batch_size must be an integer >= 1"):
            model.predict(x, batch_size=size)
        with pytest.raises(ValueError, match="batch_size must be an integer >= 1"):
            model.fit(x, y, batch_size=size, verbose=0)
    with pytest.raises(ValueError, match="epochs must be an integer"):
        model.fit(x, y, epochs=1.5, verbose=0)
    with pytest.raises(TypeError, match="callbacks must be Callback objects"):
        model.fit(x, y, callbacks=[print], verbose=0)
    with pytest.raises(ValueError, match=r"expected a batch of shape \(batch, 8, 8, 1\), got samples of \(12, 12, 1\)"):
        model.predict(np.ones((2, 12, 12, 1), np.float32))
    with pytest.raises(TypeError, match=r"class_weight must be {class: weight} or 'balanced', got 'even'"):
        model.fit(x, y, class_weight="even", verbose=0)
    with pytest.raises(RuntimeError, match="compile the model first"):
        small().fit(x, y)
    with pytest.raises(ValueError, match="has no parameters yet"):
        Residual().get_weights()
    with pytest.raises(ValueError, match=r"add a channel axis, x\[\.\.\., None\]"):
        layers.Conv2D(3, 3)(x[..., 0])


def test_weights_of_samples_and_classes_scale_the_loss_as_in_keras():
    """Keras: the sum of w_n l_n divided by the number of samples."""
    model, (x, y) = small(), data()
    model.compile("sgd", "sparse_categorical_crossentropy")
    p = model.predict(x).astype(float)
    each = -np.log(p[np.arange(len(y)), y])
    w = np.linspace(0, 2, len(y))
    np.testing.assert_allclose(model.evaluate(x, y, sample_weight=w, verbose=0), np.mean(w * each), rtol=1e-5)
    by_class = {0: 0.5, 1: 2.0, 2: 3.0}
    weighted = model.train_on_batch(x, y, class_weight=by_class)
    training_p = small()(x, training=True).astype(float)  # the same seed: the same dropout mask
    expected = np.mean([by_class[c] * -np.log(training_p[i, c]) for i, c in enumerate(y)])
    np.testing.assert_allclose(weighted, expected, rtol=1e-5)


def test_validation_split_takes_the_last_samples_and_shuffle_is_seeded():
    x, y = data(50)
    seen = []

    class Watch(convnet.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            seen.append(logs)

    model = small()
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    model.fit(x, y, epochs=1, validation_split=0.2, callbacks=[Watch()], verbose=0)
    assert set(seen[0]) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    again = model.evaluate(x[40:], y[40:], verbose=0, return_dict=True)
    np.testing.assert_allclose(seen[0]["val_loss"], again["loss"], rtol=1e-6)


def test_ctrl_c_keeps_the_weights_of_the_best_epoch(capsys):
    class Interrupt(convnet.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            self.weights = [*getattr(self, "weights", []), (logs["val_loss"], self.model.get_weights())]

        def on_train_batch_end(self, batch, logs):
            if len(getattr(self, "weights", [])) == 3:
                raise KeyboardInterrupt

    model, (x, y), interrupt = small(), data(), Interrupt()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=10, validation_data=(x, y), callbacks=[interrupt], verbose=2)
    best = min(interrupt.weights, key=lambda entry: entry[0])[1]
    for a, b in zip(best, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert "Interrupted: the weights are those of the best epoch" in capsys.readouterr().out


def test_early_stopping_restores_and_checkpoints_and_logs_are_written(tmp_path):
    model, (x, y) = small(), data()
    model.compile(convnet.optimizers.SGD(5.0), "sparse_categorical_crossentropy")  # far too fast: it gets worse
    stop = convnet.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    keep = convnet.callbacks.ModelCheckpoint(tmp_path / "best-{epoch:02d}.safetensors", save_best_only=True)
    log = convnet.callbacks.CSVLogger(tmp_path / "log.csv")
    history = model.fit(x, y, epochs=50, validation_data=(x, y), callbacks=[stop, keep, log], verbose=0)
    assert len(history.epoch) == stop.best_epoch + 1 + 2
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), min(history.history["val_loss"]), rtol=1e-5)
    saved = convnet.load(tmp_path / f"best-{stop.best_epoch + 1:02d}.safetensors")
    np.testing.assert_array_equal(saved.predict(x), model.predict(x))
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0] == "epoch,loss,val_loss"
    assert len(lines) == len(history.epoch) + 1


def test_a_log_has_a_column_for_what_some_epochs_lack(tmp_path):
    model, (x, y) = small(), data()
    model.compile("sgd", "sparse_categorical_crossentropy")
    fit = {"validation_data": (x, y), "validation_freq": 2, "verbose": 0}
    for epochs, append in ((3, False), (1, True)):
        log = convnet.callbacks.CSVLogger(tmp_path / "log.csv", separator=";", append=append)
        model.fit(x, y, epochs=epochs, callbacks=[log], **fit)
    first, *rows = [line.split(";") for line in (tmp_path / "log.csv").read_text().splitlines()]
    assert first == ["epoch", "loss", "val_loss"]
    assert [row[0] for row in rows] == ["0", "1", "2", "0"]
    assert [row[2] == "NA" for row in rows] == [True, False, True, True]


def test_summary_counts_parameters_multiply_adds_bytes_and_receptive_fields():
    from convnet.study.networks import Listing
    from convnet.terms.summary import Summary

    model = Listing(10)
    model.build((None, 28, 28, 1))
    text = []
    assert model.summary(print_fn=text.append) is None  # a notebook would show it a second time
    summary = Summary(model).to_dict()
    rows = {r["layer"]: r for r in summary["layers"]}
    assert summary["parameters"] == 225_034
    assert rows[model.conv1.name]["multiply_adds"] == 26 * 26 * 32 * 9
    assert rows[model.conv2.name]["multiply_adds"] == 11 * 11 * 64 * 9 * 32
    assert rows[model.conv2.name]["receptive_field"] == (8, 8)
    assert [r["receptive_field"] for r in summary["layers"] if r["kind"] == "MaxPooling2D"] == [(4, 4), (10, 10)]
    assert rows[model.conv1.name]["bytes"] == 26 * 26 * 32 * 4
    assert "225,034 parameters" in text[0]
    assert "<table>" in model._repr_html_()


def test_float64_models_compute_in_float64():
    model = small(dtype="float64")
    assert model.predict(data()[0]).dtype == np.float64
    assert all(w.dtype == np.float64 for w in model.get_weights())


def test_a_changed_batch_size_and_a_last_short_batch_give_the_same_predictions():
    model, (x, _) = small(), data(37)
    np.testing.assert_array_equal(model.predict(x, batch_size=10), model.predict(x, batch_size=37))
