"""Losses on arrays: their gradients, losses and metrics of a user's own, and regularizers."""

import warnings

import numpy as np
import pytest

import convnet
from convnet import layers as L
from convnet import losses, regularizers

RNG = np.random.default_rng(3)
P = RNG.uniform(0.05, 0.95, (4, 3, 3, 2))
Y = (RNG.uniform(size=P.shape) > 0.5).astype(float)
WEIGHTS = RNG.uniform(0.5, 2, P.shape[:-1])
ONE_HOT = np.eye(2)[Y[..., 0].astype(int)]

CASES = [
    (losses.MeanAbsoluteError(), Y),
    (losses.Huber(0.4), Y),
    (losses.BinaryFocalCrossentropy(gamma=1.5, label_smoothing=0.1), Y),
    (losses.BinaryFocalCrossentropy(True, 0.3, from_logits=True), Y),
    (losses.BinaryFocalCrossentropy(gamma=0.0), Y),
    (losses.CategoricalFocalCrossentropy(alpha=[0.2, 0.7], label_smoothing=0.2), ONE_HOT),
    (losses.CategoricalFocalCrossentropy(gamma=1.0, from_logits=True), ONE_HOT),
    (losses.Dice(), Y),
    (losses.Dice(axis=(1, 2, 3)), Y),
    (losses.Dice("sum", axis=(1, 2)), Y),
    (losses.FunctionLoss(lambda y, p: ((y - p) ** 4).mean(axis=-1)), Y),
    (losses.FunctionLoss(lambda y, p: np.abs(y - p).sum(axis=(1, 2, 3)) ** 2), Y),
    (losses.FunctionLoss(lambda y, p: ((y - p) ** 2).mean()), Y),
    (losses.FunctionLoss(lambda y, p: (y - p).sum(-1) ** 2, lambda y, p: -2 * (y - p).sum(-1)[..., None] + 0 * p), Y),
]  # fmt: skip


def head(loss, y, weights):
    out = np.empty_like(P)
    buffer = loss.target_buffer(P.shape, P.dtype)
    loss.fill(buffer, y)
    loss.bind("cpu", buffer, P, weights, logits=False).backward(out=out)
    return out


@pytest.mark.parametrize(("loss", "y"), CASES)
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_gradient_of_a_loss_on_arrays_is_the_central_difference(loss, y, reduction, weighted):
    loss.reduction = reduction
    each_image = loss.values_shape(y, P) != P.shape[:-1]
    weights = None
    if weighted:
        scalar = loss.values_shape(y, P) == ()
        weights = np.full_like(WEIGHTS, 1.5) if scalar else WEIGHTS
        if each_image:
            weights = np.broadcast_to(weights[:, :1, :1], WEIGHTS.shape)
    gradient = head(loss, y, weights)
    for index in [(0, 0, 0, 0), (1, 2, 0, 1), (3, 1, 1, 0)]:
        found = []
        for step in (1e-6, -1e-6):
            moved = P.copy()
            moved[index] += step
            found.append(loss(y, moved, weights))
        assert gradient[index] == pytest.approx((found[0] - found[1]) / 2e-6, rel=1e-5, abs=1e-8)


def test_dice_of_images_is_the_formula_and_a_region_weighs_as_one():
    each = losses.Dice(None, axis=(1, 2, 3))(Y, P)
    formula = 1 - 2 * (Y * P).sum(axis=(1, 2, 3)) / (Y.sum(axis=(1, 2, 3)) + P.sum(axis=(1, 2, 3)))
    assert each == pytest.approx(formula)
    with pytest.raises(ValueError, match="rows of one value weigh differently"):
        losses.Dice(axis=(1, 2, 3))(Y, P, WEIGHTS)


def small():
    model = convnet.Sequential([L.Input((3,), "float64"), L.Dense(2, name="d")], dtype="float64")
    return model, RNG.normal(size=(6, 3)), RNG.normal(size=(6, 2))


@pytest.mark.parametrize("how", ["function", "with its gradient", "pair", "call", "call and gradient"])
def test_a_loss_of_a_users_own_trains_as_the_built_in_one(how):
    def squares(y, p):
        return ((y - p) ** 2).mean(axis=-1)

    def slope(y, p):
        return 2 * (p - y) / p.shape[-1]

    class Mine(losses.Loss):
        def call(self, y_true, y_pred):
            return squares(y_true, y_pred)

    class MineToo(Mine):
        def gradient(self, y_true, y_pred):
            return slope(y_true, y_pred)

    own = {
        "function": squares,
        "with its gradient": losses.FunctionLoss(squares, slope),
        "pair": lambda y, p: (squares(y, p), slope(y, p)),
        "call": Mine(),
        "call and gradient": MineToo(name="mine"),
    }[how]
    model, x, y = small()
    weights, found = model.get_weights(), []
    for loss in ("mse", own):
        model.set_weights(weights)
        model.compile(convnet.optimizers.SGD(0.1), loss, metrics=[lambda y, p: np.abs(y - p).max(axis=-1)])
        logs = [model.train_on_batch(x, y, sample_weight=np.arange(6.0)) for _ in range(3)]
        found.append((logs, model.get_weights()))
    for a, b in zip(*[logs for logs, _ in found], strict=True):
        assert a == pytest.approx(b, rel=1e-7)
    for a, b in zip(*[w for _, w in found], strict=True):
        assert a == pytest.approx(b, rel=1e-7)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (losses.FunctionLoss(lambda y, p: ((y - p) ** 2).sum(-1), lambda y, p: y - p), "gradient is not that of its"),
        (lambda y, p: ((p - p.mean(axis=0)) ** 2).sum(axis=-1), "only on the outputs that it is for"),
        (lambda y, p: p, r"must return one number for each row \(6,\)"),
        (losses.FunctionLoss(lambda y, p: p.sum(axis=-1), lambda y, p: np.ones(3)), "must have shape"),
    ],
)  # fmt: skip
def test_a_gradient_that_is_not_the_values_own_is_refused(loss, message):
    model, x, y = small()
    model.compile("sgd", loss)
    with pytest.raises(ValueError, match=message):
        model.train_on_batch(x, y)


def test_a_loss_that_would_take_thousands_of_evaluations_asks_for_its_gradient():
    model = convnet.Sequential([L.Input((64, 64, 1)), L.Conv2D(1, 1)])
    model.compile("sgd", lambda y, p: ((y - p) ** 2).sum(axis=(1, 2, 3)))
    with pytest.raises(ValueError, match="8192 evaluations a step"):
        model.train_on_batch(np.zeros((1, 64, 64, 1)), np.zeros((1, 64, 64, 1)))


def test_a_model_with_a_loss_of_a_users_own_is_saved_without_it(tmp_path):
    model, x, y = small()
    model.compile("adam", lambda y, p: np.abs(y - p).sum(axis=-1))
    model.fit(x, y, verbose=0)
    with pytest.warns(UserWarning, match="saved without loss, metrics and optimizer: <lambda> is your own code"):
        model.save(tmp_path / "m.safetensors")
    other = convnet.load(tmp_path / "m.safetensors")
    assert other.loss is None
    assert np.array_equal(other.predict(x), model.predict(x))


@pytest.mark.parametrize("loss", [losses.Huber(0.5), losses.Dice(axis=-1), losses.BinaryFocalCrossentropy(gamma=3.0)])
def test_the_settings_of_a_loss_are_saved(tmp_path, loss):
    model, x, _ = small()
    model.compile("sgd", loss)
    model.save(tmp_path / "m.safetensors")
    assert convnet.load(tmp_path / "m.safetensors").loss.get_config() == loss.get_config()


def test_a_regularizer_adds_its_cost_and_its_gradient():
    model = convnet.Sequential(
        [L.Input((3,), "float64"), L.Dense(2, kernel_regularizer=regularizers.L1L2(0.3, 0.2), bias_regularizer="l2")],
        dtype="float64",
    )
    x, y = RNG.normal(size=(6, 3)), RNG.normal(size=(6, 2))
    k, b = RNG.normal(size=(3, 2)), RNG.normal(size=2)
    model.set_weights([k, b])
    model.compile(convnet.optimizers.SGD(1.0), "mse")
    difference = x @ k + b - y
    loss = (difference**2).mean() + 0.3 * np.abs(k).sum() + 0.2 * (k**2).sum() + 0.01 * (b**2).sum()
    assert model.evaluate(x, y, verbose=0) == pytest.approx(loss)
    assert model.train_on_batch(x, y) == pytest.approx(loss)
    dk = x.T @ difference * 2 / difference.size + 0.3 * np.sign(k) + 0.4 * k
    db = difference.sum(axis=0) * 2 / difference.size + 0.02 * b
    assert k - model.get_weights()[0] == pytest.approx(dk)
    assert b - model.get_weights()[1] == pytest.approx(db)
    model.layers[0].trainable = False
    difference = x @ model.get_weights()[0] + model.get_weights()[1] - y
    assert model.evaluate(x, y, verbose=0) == pytest.approx((difference**2).mean())


def test_a_regularizer_is_saved_and_its_change_is_noticed(tmp_path):
    model = convnet.Sequential(
        [L.Input((3,)), L.Dense(2, kernel_regularizer={"class_name": "L2", "config": {"l2": 0.5}})]
    )
    model.compile("sgd", "mse")
    x, y = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 2))
    model.save(tmp_path / "m.safetensors")
    assert convnet.load(tmp_path / "m.safetensors").evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
    with_cost = model.evaluate(x, y, verbose=0)
    model.layers[0].kernel_regularizer = None
    cost = 0.5 * (model.get_weights()[0].astype(float) ** 2).sum()
    assert with_cost - model.evaluate(x, y, verbose=0) == pytest.approx(cost, rel=1e-5)


@pytest.mark.parametrize("name", ["activity_regularizer", "kernel_constraint", "bias_constraint"])
def test_what_there_is_not_is_refused_by_name(name):
    with pytest.raises(TypeError, match=f"{name} not supported"):
        L.Dense(2, **{name: "l2"})


def test_nothing_is_warned_of_when_a_built_in_loss_is_saved(tmp_path):
    model, _, _ = small()
    model.compile("adam", "mae", ["mae"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.save(tmp_path / "m.safetensors")
