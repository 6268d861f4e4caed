"""Models whose kernels run on the emulated device: the same numbers as on the CPU, and nothing leaves it unasked."""

import copy

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

import convnet
from convnet import layers
from kernels import adam, conv2d, crossentropy, dense, device, maxpool2d, softmax, targets
from tests.convnet.test_gradients import STACKS
from tests.convnet.test_listing import CNN
from tests.rounding import gamma

EMULATED = "cuda-emulated"
NAIVE = {"variant": "cpu_naive"}  # in float64: the literal loops, compiled, and held to the reference by its own tests


def listing(target, dtype):
    """The listing's network, with the same weights on every target, and two images with their labels."""
    convnet.set_random_seed(1)
    model = CNN()
    model.compute_dtype = np.dtype(dtype)
    model.compile("adam", "sparse_categorical_crossentropy", target=target)
    model.build((None, 28, 28, 1))
    return model, np.random.default_rng(0).random((2, 28, 28, 1)).astype(dtype), np.array([3, 7])


class Oracle:
    """The listing's network by the formulas in float64: loss, gradients, and how far rounding can carry them.

    A number that n roundings went into is off by at most gamma_n times the sum of its terms' magnitudes, each term
    being the product along a path from the input, or the loss, to it. The same passes on magnitudes give these sums.
    """

    def __init__(self, weights, x, labels):
        k1, b1, k2, b2, k3, b3, k4, b4 = self.w = [w.astype(float) for w in weights]
        self.x, self.labels = x.astype(float), labels
        self.roundings = sum(np.prod(k.shape[:-1]) + np.prod(k.shape[:-2]) * k.shape[-1] for k in (k1, k2, k3, k4))
        self.roundings += 2 * (26 * 26 + 11 * 11) + 40  # the sums over positions; biases, softmax, the mean
        self.masks, self.places = [], []
        self.acts, z = self.forward(self.w, self.x, self.note)
        self.sizes, z_size = self.forward([abs(w) for w in self.w], abs(self.x), self.replay())
        how = {"kind": "sparse", "from_logits": True, "variant": "reference"}
        self.loss = float(crossentropy.forward(labels, z, **how))
        dz = crossentropy.backward(labels, z, **how)
        # what an error of z does: softmax moves by at most 2 p_k times it
        self.gamma = {t: gamma(int(self.roundings), t) for t in (np.float32, np.float64)}
        p = softmax.forward(z, variant="reference")
        self.z_size, self.dz_shift = z_size, 2 * p / len(p) * z_size.max()
        self.gradients = self.backward(dz, self.acts, self.w)
        absolute = [abs(w) for w in self.w]
        self.magnitudes = self.backward(abs(dz), self.sizes, absolute)
        self.shifts = self.backward(self.dz_shift, self.sizes, absolute)

    def note(self, a):
        """relu and pooling, and where they let through."""
        self.masks.append(a > 0)
        if a.ndim == 2:
            return a * self.masks[-1]
        y, place = maxpool2d.forward(np.ascontiguousarray(a * self.masks[-1]), 2, **NAIVE)
        self.places.append(place)
        return y

    def replay(self):
        """The same choices, made for other numbers."""
        masks, places = iter(self.masks), iter(self.places)

        def passed(a):
            a = a * next(masks)
            return a if a.ndim == 2 else chosen(a, next(places))

        return passed

    def forward(self, w, x, passed):
        """(what the weights of each layer are multiplied with, the logits)."""
        k1, b1, k2, b2, k3, b3, k4, b4 = w
        p1 = passed(conv2d.forward(x, k1, b1, **NAIVE))
        p2 = np.ascontiguousarray(passed(conv2d.forward(p1, k2, b2, **NAIVE)))
        flat = p2.reshape(2, -1)
        r3 = passed(dense.forward(flat, k3, b3, **NAIVE))
        return (x, p1, flat, r3), dense.forward(r3, k4, b4, **NAIVE)

    def backward(self, dz, acts, w):
        x, p1, flat, r3 = acts
        _, _, k2, _, k3, _, k4, _ = w
        m1, m2, m3 = self.masks
        dk4, db4 = dense.backward_weights(r3, dz, **NAIVE)
        d3 = dense.backward_data(dz, k4, **NAIVE) * m3
        dk3, db3 = dense.backward_weights(flat, d3, **NAIVE)
        dp2 = dense.backward_data(d3, k3, **NAIVE).reshape(2, 5, 5, 64)
        d2 = maxpool2d.backward(dp2, self.places[1], m2.shape, size=2, **NAIVE) * m2
        dk2, db2 = conv2d.backward_weights(p1, d2, k2.shape, **NAIVE)
        dp1 = conv2d.backward_data(d2, k2, p1.shape, **NAIVE)
        d1 = maxpool2d.backward(dp1, self.places[0], m1.shape, size=2, **NAIVE) * m1
        dk1, db1 = conv2d.backward_weights(x, d1, self.w[0].shape, **NAIVE)
        return dk1, db1, dk2, db2, dk3, db3, dk4, db4


def chosen(a, place):
    """The numbers that a 2x2 pooling chose at `place`."""
    N, Ho, Wo, C = place.shape
    n, i, j, c = np.indices(place.shape)
    return a[n, 2 * i + place // 2, 2 * j + place % 2, c]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_step_of_the_listing_has_the_loss_and_every_gradient_of_the_formulas(dtype):
    model, x, labels = listing(EMULATED, dtype)
    before = model.get_weights()
    exact = Oracle(before, x, labels)
    loss = model.train_on_batch(x, labels)
    g = exact.gamma[dtype]
    assert abs(loss - exact.loss) <= g * (2 * exact.z_size.max() + exact.loss)
    arena = model.arena()
    found = [targets.to_host(arena.gradients[p]) for p in arena.parameters]
    assert [p.shape for p in arena.parameters] == [w.shape for w in before]
    for gradient, e, size, shift in zip(found, exact.gradients, exact.magnitudes, exact.shifts, strict=True):
        assert gradient.dtype == dtype
        assert np.abs(e).max() > 0
        assert np.all(np.abs(gradient - e) <= g * (size + shift))
    for new, old, gradient in zip(model.get_weights(), before, found, strict=True):
        p, m, v = (a.astype(float) for a in (old, np.zeros_like(old), np.zeros_like(old)))
        adam.update(p, gradient.astype(float), m, v, step=1, variant="reference")
        np.testing.assert_array_less(np.abs(new - p), gamma(12, dtype) * (np.abs(old) + 0.01))


def small():
    """A network of every kind of layer that the listing has, on images of 8x8."""
    convnet.set_random_seed(2)
    model = convnet.Sequential(
        [
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", target=EMULATED)
    model.build((None, 8, 8, 1))
    return model, np.random.default_rng(0).random((2, 8, 8, 1), np.float32), np.array([3, 7])


def test_from_step_to_step_only_batches_go_and_outputs_come_back(monkeypatch):
    model, x, labels = small()
    model.train_on_batch(x, labels)
    moved, backend = [], type(device.backend(EMULATED))
    copy, empty = backend.copy, backend.empty
    for way in ("to_device", "to_host"):
        monkeypatch.setattr(
            backend, way, lambda self, to, source, way=way: moved.append((way, to.shape)) or copy(self, to, source)
        )
    monkeypatch.setattr(
        backend, "empty", lambda self, shape, dtype: moved.append(("empty", shape)) or empty(self, shape, dtype)
    )
    for _ in range(2):
        model.train_on_batch(x, labels)
        step = [("to_device", (2, 8, 8, 1)), ("to_device", (2,)), ("to_host", (2, 10)), ("to_host", ())]
        assert moved == step
        moved.clear()
    model.get_weights()
    assert [way for way, _ in moved] == ["to_host"] * 4


def pair(stack):
    """The same model on the CPU and on the emulated device, in float64."""
    made = []
    for target in ("cpu", EMULATED):
        convnet.set_random_seed(4)
        model = convnet.Sequential(stack(), dtype="float64")
        model.compile(convnet.optimizers.SGD(0.02, 0.9), "mse", target=target)
        model.build((None, 7, 6, 2))
        made.append(model)
    return made


def assert_same(one, other):
    """Equal but for some thousand roundings."""
    one, other = np.asarray(one), np.asarray(other)
    assert np.abs(one - other).max() <= gamma(5_000, np.float64) * max(np.abs(one).max(), 1)


class Residual(layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = layers.Conv2D(2, 3, padding="same", activation="relu")

    def call(self, x):
        return self.inner(x) + x


MORE = {
    "residual": [Residual, ()],
    "dropout": [layers.Dropout, (0.4,)],
    "frozen": [layers.Conv2D, (2, 3), {"trainable": False}],
}


@pytest.mark.parametrize("kind", [*STACKS, *MORE])
def test_every_layer_trains_on_the_device_as_on_the_cpu(kind):
    cls, arguments, *options = {**STACKS, **MORE}[kind]

    def stack():
        given = copy.deepcopy(arguments)  # a layer among them belongs to one model
        made = [layers.Conv2D(2, 1), cls(*given, **(options[0] if options else {}))]
        return made + [layers.Flatten()] * (kind not in ("gap", "tied")) + [layers.Dense(4)]

    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((3, 7, 6, 2)), rng.standard_normal((3, 4))
    cpu, emulated = pair(stack)
    for _ in range(2):
        assert_same(cpu.train_on_batch(x, y), emulated.train_on_batch(x, y))
    for a, b in zip(cpu.get_weights(), emulated.get_weights(), strict=True):
        assert_same(a, b)
    assert_same(cpu.predict(x), emulated.predict(x))


LOSSES = [
    ("mse", "sigmoid", np.eye(3, 4)),
    ("sparse_categorical_crossentropy", "softmax", np.array([0, 3, 1])),
    ("categorical_crossentropy", "softmax", np.full((3, 4), 0.25)),
    ("categorical_crossentropy", "sigmoid", np.eye(3, 4)),
    ("binary_crossentropy", "sigmoid", np.eye(3, 4)),
]


@pytest.mark.parametrize(("loss", "last", "y"), LOSSES)
def test_fit_and_evaluate_with_every_loss_are_those_of_the_cpu(loss, last, y):
    x = np.random.default_rng(3).standard_normal((3, 5))
    histories, losses = [], []
    for target in ("cpu", EMULATED):
        convnet.set_random_seed(4)
        model = convnet.Sequential([layers.Dense(4, activation=last)], dtype="float64")
        model.compile(convnet.optimizers.Adam(0.01), loss, ["accuracy"], target=target)
        fitted = model.fit(x, y, batch_size=2, epochs=2, sample_weight=[1, 2, 3], validation_data=(x, y), verbose=0)
        histories.append(fitted.history)
        losses.append(model.evaluate(x, y, verbose=0))
    assert_same(*losses)
    for name in histories[0]:
        assert_same(histories[0][name], histories[1][name])


def dense_model(target, layer=None):
    model = convnet.Sequential([layer or layers.Dense(2)], dtype="float64")
    model.compile(convnet.optimizers.SGD(0.1), "mse", target=target)
    model.build((None, 3))
    return model


def test_weights_that_are_set_between_steps_are_those_that_the_next_step_uses():
    x, y = np.ones((2, 3)), np.zeros((2, 2))
    model = dense_model(EMULATED)
    model.train_on_batch(x, y)
    model.set_weights([np.full((3, 2), 2.0), np.ones(2)])
    np.testing.assert_array_equal(model.predict(x), np.full((2, 2), 7.0))
    assert model.train_on_batch(x, y) == 49
    model.compile(convnet.optimizers.SGD(0.1), "mse", target="cpu")
    # dL/dk = 2 * 7 / 2 = 7 for each of two outputs and images
    np.testing.assert_allclose(model.get_weights()[0], 2 - 0.1 * 7 * 1, rtol=1e-15)


def test_two_models_on_two_targets_may_share_a_layer():
    x, y = np.ones((2, 3)), np.zeros((2, 2))
    layer = layers.Dense(2)
    there, here = dense_model(EMULATED, layer), dense_model("cpu", layer)
    other = dense_model(EMULATED, layer)
    for model in (there, here, other, there, other, here):
        before = layer.get_weights()
        expected = float(np.mean((x @ before[0] + before[1]) ** 2))
        assert_same(model.train_on_batch(x, y), expected)
        assert np.abs(layer.get_weights()[0] - before[0]).max() > 0


def test_a_model_trained_on_the_device_is_saved_with_its_optimizer(tmp_path):
    model, x, labels = small()
    model.train_on_batch(x, labels)
    model.save(tmp_path / "m.safetensors")
    loaded = convnet.load(tmp_path / "m.safetensors")
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert loaded.optimizer.iterations == 1
    for a, b in zip(model.optimizer.state[0], loaded.optimizer.state[0], strict=True):
        np.testing.assert_array_equal(targets.to_host(a), b)


def test_the_same_seed_gives_the_same_bits():
    runs = []
    for _ in range(2):
        model, x, labels = small()
        model.train_on_batch(x, labels)
        runs.append(model.get_weights())
    for a, b in zip(*runs, strict=True):
        np.testing.assert_array_equal(a, b)
