"""What all optimizers share: schedules of the learning rate, clipping, averages, and their state in files."""

import numpy as np
import pytest

import convnet
from convnet import layers as L
from convnet import optimizers
from convnet.optimizers import schedules

RNG = np.random.default_rng(1)
X, Y = RNG.normal(size=(8, 3)), RNG.normal(size=(8, 2)) * 30


def make(optimizer, dtype="float64"):
    model = convnet.Sequential([L.Input((3,), dtype), L.Dense(4, name="a"), L.Dense(2, name="b")], dtype=dtype)
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    model.compile(optimizer, "mse")
    return model


def gradients(weights):
    """The gradients of the squared error, by formula."""
    k1, b1, k2, b2 = weights
    h = X @ k1 + b1
    d = 2 * (h @ k2 + b2 - Y) / Y.size
    dh = d @ k2.T
    return [X.T @ dh, dh.sum(axis=0), h.T @ d, d.sum(axis=0)]


def clipped(how, bound, given):
    if how == "clipvalue":
        return [np.clip(g, -bound, bound) for g in given]
    if how == "clipnorm":
        return [g * bound / max(np.linalg.norm(g), bound) for g in given]
    length = np.sqrt(sum((g**2).sum() for g in given))
    return [g * min(bound / length, 1) for g in given]


@pytest.mark.parametrize("how", ["clipnorm", "clipvalue", "global_clipnorm"])
@pytest.mark.parametrize("bound", [0.5, 1e6])
def test_clipped_gradients_are_those_of_the_formula(how, bound):
    model = make(optimizers.SGD(0.1, **{how: bound}))
    before = model.get_weights()
    model.train_on_batch(X, Y)
    for w, g, after in zip(before, clipped(how, bound, gradients(before)), model.get_weights(), strict=True):
        assert after == pytest.approx(w - 0.1 * g, rel=1e-10)


def test_the_bounds_are_read_as_in_keras_also_if_given_by_position():
    made = optimizers.SGD(0.01, 0.9, False, None, 1.5)
    assert (made.clipnorm, made.clipvalue, made.global_clipnorm) == (1.5, None, None)
    assert optimizers.Adam(global_clipnorm=2).global_clipnorm == 2
    with pytest.raises(AttributeError):
        made.clipnorm = 3  # it would change nothing


def test_two_ways_of_clipping_are_one_too_many():
    with pytest.raises(ValueError, match="give one of clipnorm, clipvalue and global_clipnorm, got"):
        optimizers.Adam(clipnorm=1.0, clipvalue=1.0)


@pytest.mark.parametrize("frequency", [None, 2])
def test_averages_follow_the_parameters_and_end_in_their_place(frequency):
    model = make(optimizers.SGD(0.01, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=frequency))
    w, average = model.get_weights(), None
    for step in range(1, 4):
        w = [a - 0.01 * g for a, g in zip(w, gradients(w), strict=True)]
        average = w if average is None else [0.8 * a + 0.2 * b for a, b in zip(average, w, strict=True)]
        if frequency and step % frequency == 0:
            w = average
        model.train_on_batch(X, Y)
        for a, b in zip(model.get_weights(), w, strict=True):
            assert a == pytest.approx(b, rel=1e-10)
    model.fit(X, Y, batch_size=8, verbose=0, shuffle=False)
    w = [a - 0.01 * g for a, g in zip(w, gradients(w), strict=True)]
    for a, b, new in zip(model.get_weights(), average, w, strict=True):
        assert a == pytest.approx(0.8 * b + 0.2 * new, rel=1e-10)


SCHEDULES = {
    schedules.ExponentialDecay(0.1, 10, 0.5): lambda s: 0.1 * 0.5 ** (s / 10),
    schedules.ExponentialDecay(0.1, 10, 0.5, staircase=True): lambda s: 0.1 * 0.5 ** (s // 10),
    schedules.InverseTimeDecay(0.1, 5, 0.5): lambda s: 0.1 / (1 + 0.5 * s / 5),
    schedules.PiecewiseConstantDecay([3, 7], [1.0, 0.5, 0.1]): lambda s: 1.0 if s <= 3 else 0.5 if s <= 7 else 0.1,
    schedules.PolynomialDecay(0.1, 8, 0.01, 2.0): lambda s: 0.09 * (1 - min(s, 8) / 8) ** 2 + 0.01,
    schedules.PolynomialDecay(0.1, 8, 0.01, cycle=True): lambda s: 0.09 * (1 - s / (8 * max(-(-s // 8), 1))) + 0.01,
    schedules.CosineDecay(0.1, 10, 0.1): lambda s: 0.1 * (0.45 * (1 + np.cos(np.pi * min(s, 10) / 10)) + 0.1),
    schedules.CosineDecay(0.0, 10, warmup_target=0.2, warmup_steps=4): lambda s: (
        0.2 * s / 4 if s < 4 else 0.1 * (1 + np.cos(np.pi * min(s - 4, 10) / 10))
    ),
    schedules.CosineDecayRestarts(0.1, 4, 1.0, 0.5): lambda s: (
        0.05 * 0.5 ** (s // 4) * (1 + np.cos(np.pi * (s % 4) / 4))
    ),
}


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
def test_a_schedule_is_its_formula_and_each_step_has_its_rate(schedule, tmp_path):
    for s in range(30):
        assert schedule(s) == pytest.approx(SCHEDULES[schedule](s), abs=1e-12)
    model = make(optimizers.SGD(schedule))
    assert model.optimizer.learning_rate == schedule(0)
    for step in range(3):
        before = model.get_weights()
        model.train_on_batch(X, Y)
        for w, g, after in zip(before, gradients(before), model.get_weights(), strict=True):
            assert after == pytest.approx(w - SCHEDULES[schedule](step) * g, rel=1e-9)
    model.save(tmp_path / "m.safetensors")
    other = convnet.load(tmp_path / "m.safetensors")
    assert other.optimizer.schedule.get_config() == schedule.get_config()
    assert other.optimizer.learning_rate == schedule(3)
    with pytest.raises(TypeError, match="which sets the rate of each step"):
        model.optimizer.learning_rate = 0.1


def test_restarts_that_grow_begin_again_where_the_stretches_end():
    schedule = schedules.CosineDecayRestarts(0.1, 4, t_mul=2.0)
    for start in (0, 4, 12, 28):
        assert schedule(start) == pytest.approx(0.1)
        assert start == 0 or schedule(start - 1) < 0.05


@pytest.mark.parametrize("optimizer", [
    lambda: optimizers.Adam(0.01),
    lambda: optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    lambda: optimizers.SGD(0.01, momentum=0.9, use_ema=True),
])  # fmt: skip
@pytest.mark.parametrize("frozen_at_the_end", [False, True])
def test_a_model_frozen_in_mid_training_goes_on_from_its_file_to_the_bit(tmp_path, optimizer, frozen_at_the_end):
    model = make(optimizer(), "float32")
    x, y = X.astype("f4"), Y.astype("f4")
    for frozen in (False, True, False, True)[: 4 if frozen_at_the_end else 3]:
        model.get_layer("a").trainable = not frozen
        for _ in range(3):
            model.train_on_batch(x, y)
    model.save(tmp_path / "m.safetensors")
    other = convnet.load(tmp_path / "m.safetensors")
    for m in (model, other):
        m.train_on_batch(x, y)
        m.get_layer("a").trainable = True
        m.train_on_batch(x, y)
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        assert np.array_equal(a, b)


def test_a_schedule_of_a_users_own_trains_and_is_not_saved(tmp_path):
    class Mine(schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.1 / (step + 1)

    model = make(optimizers.SGD(Mine()))
    model.train_on_batch(X, Y)
    assert model.optimizer.learning_rate == 0.05
    with pytest.warns(UserWarning, match="Mine is your own code"):
        model.save(tmp_path / "m.safetensors")
    assert convnet.load(tmp_path / "m.safetensors").optimizer is None
