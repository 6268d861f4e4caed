"""compile_inference and what `predict` does after many batches: one native call, the same bits as step by step."""

import os
import threading

import numba
import numpy as np
import pytest

import convnet
from convnet import layers
from convnet.engine import fixing, replaying
from convnet.engine import plan as plans
from convnet.engine.lowering import OF_LEVELS
from kernels import replay
from tests.convnet import small_models

SERIAL, PARALLEL = (9, 10, 4), (40, 41, 24)  # sizes on both sides of every operation's limit for one thread


def every_operation(shape, dtype="float32"):
    """Return a model whose steps are all the operations that may be replayed."""
    start = x = layers.Input(shape, dtype=dtype)
    x = layers.Conv2D(8, 3, padding="same")(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU()(x)
    x = layers.GroupNormalization(2)(x)
    x = layers.Activation("gelu")(x)
    x = layers.Activation("tanh")(layers.Add()([x, layers.Conv2D(8, 1)(x)]))
    x = layers.Multiply()([x, layers.Activation("sigmoid")(x)])
    x = layers.Concatenate()([x, x])
    x = layers.MaxPooling2D(3, strides=1)(x)
    x = layers.AveragePooling2D(2, strides=1)(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.Conv2DTranspose(16, 3)(x)
    x = layers.MaxPooling2D(2)(layers.Conv2D(32, 3, activation="relu")(x))
    small = layers.GlobalAveragePooling2D()(x)
    large = layers.Flatten()(x)
    x = layers.Concatenate()([layers.Dense(40, activation="relu")(large), small])
    outputs = [layers.Dense(5, activation="softmax")(x), layers.Dense(5, activation="log_softmax")(x)]
    return convnet.Model(start, outputs)


def scramble(model, rng):
    """Give every parameter other numbers; vectors get positive ones, since some are variances."""
    old = model.get_weights()
    model.set_weights([rng.normal(0, 0.05, w.shape) if w.ndim > 1 else rng.uniform(0.1, 0.5, w.shape) for w in old])


@pytest.mark.parametrize(
    ("shape", "batch", "dtype"),
    [(SERIAL, 1, "float32"), (SERIAL, 3, "float32"), (PARALLEL, 3, "float32"), (SERIAL, 1, "float64")],
)
def test_a_replay_computes_anew_from_every_array_what_the_kernels_compute_step_by_step(shape, batch, dtype):
    rng = np.random.default_rng(0)
    model = every_operation(shape, dtype)
    with model.borrowed((batch, *shape)) as plan:
        plan.run(rng.standard_normal((batch, *shape)))
        plan.replay()
    scramble(model, rng)
    x = rng.standard_normal((batch, *shape))
    with model.borrowed((batch, *shape)) as plan:
        assert plan.is_replayed
        replayed = plan.run(x)
        plan.forward()
        for mine, theirs in zip(replayed.arrays, plan.y.arrays, strict=True):
            np.testing.assert_array_equal(mine, theirs)
            assert len(np.unique(mine)) > 4


def test_the_model_of_these_tests_has_every_operation_that_may_be_replayed():
    with every_operation(SERIAL).borrowed((1, *SERIAL)) as plan:
        found = {step.operation for step in plan.low.steps}
    tried_by_test_fixed_inference = {fixing.OPERATION, fixing.BY_WINOGRAD, fixing.DEPTHWISE}
    tried_by_test_quantization = {"quantize", *OF_LEVELS}
    assert found | tried_by_test_fixed_inference | tried_by_test_quantization == replaying.REPLAYABLE


def test_what_is_trained_or_loaded_after_compiling_counts():
    model = small_models.trained()
    x, y = small_models.data(4, seed=1)
    predict = model.compile_inference(batch=4)
    before = predict(x)
    np.testing.assert_array_equal(before, model.predict(x))
    model.fit(*small_models.data(), epochs=1, verbose=0)
    assert (predict(x) != before).any()
    np.testing.assert_array_equal(predict(x), model.predict(x))
    model.layers[-1].trainable = False
    model.layers[1].activation = "tanh"
    np.testing.assert_array_equal(predict(x), model.predict(x))
    assert y.shape == (4,)


def test_another_number_of_threads_is_another_call():
    model, (x, _) = small_models.trained(), small_models.data(2)
    predict, threads = model.compile_inference(batch=2), numba.get_num_threads()
    expected = predict(x)
    try:
        numba.set_num_threads(1)
        with model.borrowed(x.shape) as plan:
            assert plan.is_replayed == (threads == 1)
        np.testing.assert_array_equal(predict(x), expected)
        with model.borrowed(x.shape) as plan:
            assert plan.is_replayed
    finally:
        numba.set_num_threads(threads)


def test_predict_replays_by_itself_after_many_batches(monkeypatch):
    monkeypatch.setattr(plans, "PAYS_AFTER", 3)
    model, (x, _) = small_models.trained(), small_models.data(8)
    found = []
    for _ in range(5):
        with model.borrowed((2, 8, 8, 1)) as plan:
            found.append((plan.is_replayed, plan.run(x[:2])))
    assert [is_replayed for is_replayed, _ in found] == [False, False, False, True, True]
    for _, y in found:
        np.testing.assert_array_equal(y, found[0][1])


def test_training_and_losses_are_never_replayed_by_themselves(monkeypatch):
    monkeypatch.setattr(plans, "PAYS_AFTER", 1)
    model = small_models.trained()
    x, y = small_models.data(4)
    for _ in range(3):
        model.train_on_batch(x, y)
        model.evaluate(x, y, verbose=0)
    with model.borrowed(x.shape, loss=True) as plan:
        assert not plan.can_be_replayed


def test_threads_each_get_the_result_of_their_own_batch():
    model = small_models.trained()
    x, _ = small_models.data(64)
    predict, expected, wrong = model.compile_inference(batch=1), model.predict(x), []

    def ask(first):
        for n in [*range(first, 64), *range(first)]:
            if not np.array_equal(predict(x[n : n + 1])[0], expected[n]):
                wrong.append(n)

    askers = [threading.Thread(target=ask, args=(n,)) for n in range(0, 64, 16)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert not wrong


def test_a_forked_child_computes_the_same(tmp_path):
    model, (x, _) = small_models.trained(), small_models.data(2)
    predict = model.compile_inference(batch=2)
    np.save(tmp_path / "parent.npy", predict(x))
    child = os.fork()
    if not child:
        try:
            np.save(tmp_path / "child.npy", predict(x))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    np.testing.assert_array_equal(np.load(tmp_path / "child.npy"), np.load(tmp_path / "parent.npy"))


def test_integers_and_lists_are_taken_as_the_model_takes_them():
    model, (x, _) = small_models.trained(), small_models.data(1)
    predict, whole = model.compile_inference(), np.arange(64).reshape(1, 8, 8, 1) % 5
    np.testing.assert_array_equal(predict(whole), model.predict(whole))
    np.testing.assert_array_equal(predict(x.astype(np.float64)), model.predict(x))
    np.testing.assert_array_equal(predict(whole.tolist()), model.predict(whole))


def test_a_batch_of_another_size_is_refused():
    predict = small_models.trained().compile_inference(batch=2)
    with pytest.raises(ValueError, match=r"compiled for batches of shape \(2, 8, 8, 1\), got \(3, 8, 8, 1\)"):
        predict(small_models.data(3)[0])
    with pytest.raises(TypeError, match="must be an array of numbers"):
        predict(np.full((2, 8, 8, 1), "a"))


def test_a_model_without_an_input_and_a_layer_that_draws_numbers_are_refused():
    with pytest.raises(ValueError, match="has not seen an input: call build"):
        convnet.Sequential([layers.Dense(2)]).compile_inference()
    start = layers.Input((4, 4, 1))
    noisy = convnet.Model(start, layers.Dropout(0.5, name="drops")(layers.Flatten()(start), training=True))
    with pytest.raises(ValueError, match=r"computes in Python in drops \(dropout\): call the model itself"):
        noisy.compile_inference()
    with pytest.raises(ValueError, match="batch"):
        small_models.trained().compile_inference(batch=0)


def test_a_call_whose_result_python_takes_is_not_noted():
    from kernels.jit import jit

    @jit()
    def total(x):
        return x.sum()

    with pytest.raises(replay.NotReplayableError, match="total cannot be replayed"):
        replay.note_calls(lambda: total(np.ones(3)))
    assert total(np.ones(3)) == 3.0


def test_a_replay_brings_home_what_another_model_has_on_a_device():
    pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")
    shared, x = layers.Dense(3), np.ones((2, 4), np.float32)
    here, there = (convnet.Model(start, shared(start)) for start in (layers.Input((4,)), layers.Input((4,))))
    predict, found = here.compile_inference(batch=2), []

    def note(*_):
        found.append((predict(x), shared.get_weights()))

    there.compile("sgd", "mse", target="cuda-emulated")
    there.fit(x, np.zeros((2, 3)), epochs=3, verbose=0, callbacks=[convnet.callbacks.LambdaCallback(on_epoch_end=note)])
    for y, (k, b) in found:
        np.testing.assert_allclose(y, x @ k + b, rtol=1e-6)
    assert (found[0][0] != found[-1][0]).all()
