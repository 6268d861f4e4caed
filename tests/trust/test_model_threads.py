"""Models in many Python threads: everybody's own answer, and each training's own bits."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import convnet
from convnet import layers

X = np.random.default_rng(0).random((64, 12, 12, 1), np.float32)
Y = np.arange(64) % 2


def small(seed=None, drop=0.0, norm=False):
    if seed is not None:
        convnet.set_random_seed(seed)
    middle = [layers.BatchNormalization()] if norm else []
    stack = [layers.Input((12, 12, 1)), layers.Conv2D(4, 3, activation="relu"), *middle, layers.MaxPooling2D(2)]
    model = convnet.Sequential([*stack, layers.Flatten(), layers.Dropout(drop), layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("ask", ["predict", "__call__", "evaluate", "explain"])
def test_eight_threads_get_the_answers_to_their_own_questions(ask):
    model = small(0)
    asked = [X[n : n + 8 + n % 3] * (n + 1) for n in range(8)]

    def answer(n):
        if ask == "explain":
            return str(model.explain(asked[n], n, 1))
        return getattr(model, ask)(asked[n], *((Y[: len(asked[n])], None, 0) if ask == "evaluate" else ()))

    wanted = [answer(n) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            for found, right in zip(pool.map(answer, range(8)), wanted, strict=True):
                assert np.array_equal(found, right)


def test_models_trained_in_two_threads_with_their_own_seeds_get_the_bits_of_a_training_alone():
    def train(seed):
        model = small(seed, drop=0.5)
        model.fit(X, Y, epochs=2, batch_size=8, verbose=0)
        return model.get_weights()

    wanted = [train(1), train(2)]
    for _ in range(5):
        with ThreadPoolExecutor(2) as pool:
            assert all(map(same, pool.map(train, (1, 2)), wanted))


def test_a_model_read_while_another_thread_trains_it_gives_the_answer_of_one_finished_step():
    """Statistics of a batch normalization belong to the step as weights do."""
    x = X[:4]
    model, steps = small(0, norm=True), []
    right = [model.predict(x)]
    for n in range(8):
        model.train_on_batch(X[n * 8 : n * 8 + 8], Y[n * 8 : n * 8 + 8])
        right.append(model.predict(x))
    for _ in range(4):
        model, done, found = small(0, norm=True), threading.Event(), []

        def read(model=model, done=done, found=found):
            while not done.is_set():
                found.append(model.predict(x))

        with ThreadPoolExecutor(3) as pool:
            jobs = [pool.submit(read) for _ in range(3)]
            model.fit(X, Y, batch_size=8, epochs=1, shuffle=False, verbose=0)
            done.set()
            for job in jobs:
                job.result(timeout=20)
        steps += [next((n for n, r in enumerate(right) if np.array_equal(r, f)), None) for f in found]
    assert None not in steps
    assert len(set(steps)) > 2, "the readers saw too few of the steps to prove anything"


def test_one_thread_at_a_time_trains_a_model():
    model, started = small(0), threading.Event()

    class Wait(convnet.callbacks.Callback):
        def on_epoch_begin(self, *_):
            started.set()
            with pytest.raises(RuntimeError, match="is being trained in another thread"), ThreadPoolExecutor(1) as pool:
                pool.submit(model.train_on_batch, X, Y).result(timeout=20)

    model.fit(X, Y, epochs=1, verbose=0, callbacks=[Wait()])
    assert started.is_set()
    model.train_on_batch(X, Y)


def test_callbacks_may_use_the_model_that_is_trained():
    seen = []

    class Use(convnet.callbacks.Callback):
        def on_train_batch_end(self, *_):
            self.model.set_weights(self.model.get_weights())
            with ThreadPoolExecutor(2) as pool:
                seen.extend(pool.map(self.model.predict, (X[:3], X[3:5])))

    small(0).fit(X, Y, epochs=1, verbose=0, callbacks=[Use()])
    assert len(seen) == 4


def test_layers_made_in_threads_have_names_of_their_own():
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda _: layers.Dense(2).name, range(400)))
    assert len(set(names)) == 400


def test_loading_in_one_thread_leaves_the_weights_that_another_draws_alone(tmp_path):
    small(0).save(tmp_path / "m.safetensors")
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(convnet.load, tmp_path / "m.safetensors") for _ in range(30)]
        made = [pool.submit(small) for _ in range(30)]
        assert all(np.any(job.result().get_weights()[0]) for job in [*jobs, *made])


def test_two_thousand_shapes_leave_few_recordings():
    model = convnet.Sequential([layers.Conv2D(2, 3), layers.GlobalAveragePooling2D(), layers.Dense(2)])
    for side in range(3, 120):
        model.predict(np.zeros((1, side, 5, 1), np.float32))
    assert len(model._graphs) < 40
    assert model.predict(np.zeros((1, 3, 5, 1), np.float32)).shape == (1, 2)


def test_reading_costs_a_single_thread_less_than_a_microsecond():
    """Taking a plan and giving it back, which is all that safety adds to one thread's predict."""
    from timeit import repeat

    model = small(0)
    model.predict(X[:1])
    key = (X[:1].shape, False, False, False)
    assert min(repeat(lambda: model.plans.give(model.plans.take(key)), number=2000, repeat=5)) / 2000 < 1e-6
