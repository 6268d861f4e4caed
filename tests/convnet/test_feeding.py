"""fit, evaluate and predict on generators, sequences and loaders."""

import threading
import time
import traceback

import numpy as np
import pytest

import convnet
from convnet import layers as L
from convnet.feeding.prefetch import DEPTH

RNG = np.random.default_rng(2)
X, Y = RNG.normal(size=(20, 3)).astype("f4"), RNG.integers(0, 2, 20)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    until = time.monotonic() + 5
    while time.monotonic() < until and any(t.name == "convnet-prefetch" for t in threading.enumerate()):
        time.sleep(0.01)
    assert not [t for t in threading.enumerate() if t.name == "convnet-prefetch"]


def make():
    model = convnet.Sequential([L.Input((3,)), L.Dense(2, activation="softmax")])
    model.set_weights([np.arange(6, dtype="f4").reshape(3, 2) / 10, np.zeros(2, "f4")])
    model.compile("sgd", "sparse_categorical_crossentropy", ["accuracy"])
    return model


def batches(size=8, endless=False, weight=None):
    while True:
        for start in range(0, 20, size):
            some = slice(start, start + size)
            yield (X[some], Y[some]) if weight is None else (X[some], Y[some], weight[some])
        if not endless:
            return


class Tensor:
    """As other libraries' tensors: no NumPy array, but it can become one."""

    def __init__(self, array):
        self.array = array

    def detach(self):
        return self

    def cpu(self):
        return self

    def numpy(self):
        return self.array


class Loader:
    """As PyTorch's DataLoader: iterable again and again, yields lists of tensors."""

    def __iter__(self):
        return ([Tensor(x), Tensor(y)] for x, y in batches())

    def __len__(self):
        return 3


class Dataset:
    """As Keras's PyDataset."""

    def __init__(self):
        self.seen, self.told = [], []

    def __len__(self):
        return 3

    def __getitem__(self, place):
        self.seen.append(place)
        some = slice(8 * place, 8 * place + 8)
        return X[some], Y[some]

    def on_epoch_begin(self):
        self.told.append("begin")

    def on_epoch_end(self):
        self.told.append("end")


class Dataless:
    """As tf.data's Dataset: iterable, its length not always known."""

    def __iter__(self):
        return batches()

    def __len__(self):
        raise TypeError("the length is unknown")


def trained(x, epochs=2, **how):
    model = make()
    history = model.fit(x, epochs=epochs, verbose=0, shuffle=False, **how).history
    return history, model.get_weights()


def same(a, b):
    assert a[0] == b[0]
    assert all(np.array_equal(p, q) for p, q in zip(a[1], b[1], strict=True))


@pytest.mark.parametrize("source", [Loader, Dataset, Dataless, lambda: batches(endless=True)])
def test_training_on_batches_is_training_on_the_arrays(source):
    found = trained(source(), **({"steps_per_epoch": 3} if not isinstance(source, type) else {}))
    same(found, trained(X, y=Y, batch_size=8))


def test_sample_weights_and_class_weights_of_batches_count():
    weight = np.arange(20.0)
    same(
        trained(batches(weight=weight), epochs=1, class_weight={1: 3.0}),
        trained(X, y=Y, batch_size=8, sample_weight=weight, epochs=1, class_weight={1: 3.0}),
    )


def test_an_epoch_of_given_steps_goes_on_where_the_last_one_ended():
    seen = []

    def source():
        for number, batch in enumerate(batches(4, endless=True)):
            seen.append(number)
            yield batch

    given = source()
    make().fit(given, epochs=3, steps_per_epoch=2, verbose=0)
    assert seen[:6] == [0, 1, 2, 3, 4, 5]
    assert len(seen) == 6, "more was taken from the generator than was asked for"
    assert np.array_equal(next(given)[0], X[4:8])


def test_a_sequence_is_shuffled_by_batches_and_told_of_epochs():
    data = Dataset()
    convnet.set_random_seed(0)
    make().fit(data, epochs=4, verbose=0)
    epochs = [data.seen[i : i + 3] for i in range(0, 12, 3)]
    assert all(sorted(epoch) == [0, 1, 2] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1
    assert data.told == ["begin", "end"] * 4


def test_evaluate_and_predict_take_batches():
    model = make()
    by_arrays = model.evaluate(X, Y, batch_size=8, verbose=0)
    assert model.evaluate(Loader(), verbose=0) == by_arrays
    assert model.evaluate(batches(endless=True), steps=3, verbose=0) == by_arrays
    for source in (Loader(), Dataset(), (x for x, _ in batches()), ((x,) for x, _ in batches())):
        assert np.array_equal(model.predict(source), model.predict(X, batch_size=8))
    assert len(model.predict(batches(endless=True), steps=2)) == 16


def test_validation_data_may_yield_batches():
    found = trained(X, y=Y, batch_size=8, validation_data=Loader())
    same(found, trained(X, y=Y, batch_size=8, validation_data=(X, Y), validation_batch_size=8))
    history, _ = trained(X, y=Y, batch_size=8, validation_data=batches(endless=True), validation_steps=3)
    assert history == found[0]


def test_dicts_of_several_inputs_and_outputs_come_in_batches():
    a, b = L.Input((3,), name="a"), L.Input((3,), name="b")
    model = convnet.Model([a, b], [L.Dense(1, name="u")(L.Add()([a, b])), L.Dense(1, name="v")(b)])
    model.compile("sgd", "mse")
    source = [({"a": Tensor(X[i : i + 5]), "b": X[i : i + 5]}, {"u": Y[i : i + 5], "v": Y[i : i + 5]}) for i in (0, 5)]
    logs = model.fit(iter(source), verbose=0).history
    assert set(logs) == {"loss", "u_loss", "v_loss"}
    assert [y.shape for y in model.predict(([x["a"].array, x["b"]] for x, _ in source))] == [(10, 1), (10, 1)]


def broken(after):
    for number, batch in enumerate(batches(4)):
        if number == after:
            raise KeyError("the fourth file is gone")
        yield batch


@pytest.mark.parametrize("after", [0, 2])
def test_an_error_in_a_generator_reaches_the_user_with_its_traceback(after):
    model = make()
    with pytest.raises(KeyError, match="the fourth file is gone") as caught:
        model.fit(broken(after), verbose=0)
    lines = "".join(traceback.format_tb(caught.value.__traceback__))
    assert "raise KeyError" in lines
    model.fit(X, Y, verbose=0)


def test_an_error_of_the_model_ends_the_thread():
    with pytest.raises(ValueError, match="label 7"):
        make().fit(((X[:4], np.full(4, 7 if n else 1)) for n in range(50)), verbose=0)


def test_stopping_within_an_epoch_ends_the_thread_and_wastes_little():
    taken = []

    def source():
        for number in range(1000):
            taken.append(number)
            yield X[:4], Y[:4]

    class Stop(convnet.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 2

    make().fit(source(), verbose=0, callbacks=[Stop()])
    assert len(taken) <= 3 + DEPTH + 1


def test_fetching_and_computing_overlap():
    at = {}

    def source():
        for number in range(3):
            at[f"made {number}"] = time.perf_counter()
            yield X[:4], Y[:4]

    class Slow(convnet.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            time.sleep(0.2)
            at.setdefault(f"begun {batch}", time.perf_counter())

    make().fit(source(), verbose=0, callbacks=[Slow()])
    assert at["made 1"] < at["begun 0"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.fit(Loader(), Y), "x yields batches, so y belongs into them"),
        (lambda m: m.fit(Loader(), batch_size=3), "so batch_size belongs into them"),
        (lambda m: m.fit(Loader(), validation_split=0.5), "so validation_split belongs"),
        (lambda m: m.fit(Loader(), class_weight="balanced"), "needs all labels at once"),
        (lambda m: m.fit(X, Y, steps_per_epoch=3), "steps_per_epoch is for generators"),
        (lambda m: m.fit(iter([])), "the data have no batches"),
        (lambda m: m.fit(x for x, _ in batches()), "got x alone"),
        (lambda m: m.predict(iter([])), "the data have no batches"),
        (lambda m: m.fit(X, Y, epochs=2, validation_data=batches()), "the data ran out"),
    ],
)
def test_what_does_not_go_with_batches_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(make())


def test_a_generator_that_ends_ends_the_training_and_says_so():
    with pytest.warns(UserWarning, match="the data ran out after 1 epochs"):
        history, _ = trained(batches(), epochs=3)
    assert len(history["loss"]) == 1
    with pytest.warns(UserWarning, match="ran out after 3 of 5 batches"):
        trained(batches(), epochs=1, steps_per_epoch=5)
