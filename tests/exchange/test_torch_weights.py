"""PyTorch's state_dicts: matched by a stated rule, converted, and checked against sums in PyTorch's own layout."""

import pickle

import numpy as np
import pytest
from safetensors.numpy import save_file

import convnet
from convnet import layers
from convnet.model_file import ModelFileError

RNG = np.random.default_rng(2)
X = RNG.standard_normal((3, 7, 6, 2)).astype("f")


def numbers(*shape):
    return RNG.standard_normal(shape).astype("f")


STATE = {
    "features.0.weight": numbers(4, 2, 3, 3),
    "features.0.bias": numbers(4),
    "features.1.weight": numbers(4),
    "features.1.bias": numbers(4),
    "features.1.running_mean": numbers(4),
    "features.1.running_var": np.abs(numbers(4)) + 0.5,
    "features.1.num_batches_tracked": np.array(3),
    "classifier.0.weight": numbers(5, 4 * 5 * 4),
    "classifier.0.bias": numbers(5),
}


def network():
    return convnet.Sequential([
        layers.Input((7, 6, 2)),
        layers.Conv2D(4, 3, name="first"),
        layers.BatchNormalization(epsilon=1e-5, name="norm"),
        layers.Activation("relu"),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(5, name="last"),
    ])  # fmt: skip


def in_torchs_layout(state):
    """The same network, channels first and in float64, by sums."""
    x = X.transpose(0, 3, 1, 2).astype(float)
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))
    y = np.einsum("nchwpq,fcpq->nfhw", windows, state["features.0.weight"]) + state["features.0.bias"][:, None, None]
    mean, var, gamma, beta = (
        state[f"features.1.{n}"][:, None, None] for n in ("running_mean", "running_var", "weight", "bias")
    )
    y = np.maximum((y - mean) / np.sqrt(var + 1e-5) * gamma + beta, 0)
    return y.reshape(3, -1) @ state["classifier.0.weight"].T + state["classifier.0.bias"]


def check(model):
    np.testing.assert_allclose(model.predict(X, verbose=0), in_torchs_layout(STATE), rtol=1e-4, atol=1e-5)


def test_a_state_dict_is_matched_by_order_and_converted():
    model = network()
    report = model.load_torch(STATE)
    check(model)
    assert report.by == "order"
    assert [(m.theirs, m.ours) for m in report.matched[:3]] == [
        ("features.0.weight", "first/kernel"),
        ("features.0.bias", "first/bias"),
        ("features.1.weight", "norm/gamma"),
    ]
    assert report.unused == ["features.1.num_batches_tracked"]
    assert not report.notes
    assert "rows of a flattened image C H W -> H W C" in str(report)


def test_a_file_of_safetensors_is_read(tmp_path):
    save_file(STATE, tmp_path / "state.safetensors")
    model = network()
    model.load_torch(tmp_path / "state.safetensors", names={
        "classifier.0": "last", "features.0": "first", "features.1": "norm"
    })  # fmt: skip
    check(model)


def test_shapes_tell_modules_apart(tmp_path):
    """In the file "classifier" stands before "features"."""
    save_file(STATE, tmp_path / "state.safetensors")
    model = network()
    assert model.load_torch(tmp_path / "state.safetensors").by == "shapes"
    check(model)


def test_names_in_an_alphabet_are_no_order(tmp_path):
    state = {f"{name}.{last}": numbers(*s) for name in ("b", "a") for last, s in (("weight", (6, 6)), ("bias", (6,)))}
    save_file(state, tmp_path / "state.safetensors")
    model = convnet.Sequential([layers.Input((6,)), layers.Dense(6, name="d"), layers.Dense(6, name="e")])
    before = model.get_weights()
    with pytest.raises(ModelFileError, match=r"'a' and 'b' have arrays of the same shapes.*names=\{'a': 'd'"):
        model.load_torch(tmp_path / "state.safetensors")
    for w, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(w, old)
    assert model.load_torch(tmp_path / "state.safetensors", names={"a": "e", "b": "d"}).by == "names"
    np.testing.assert_array_equal(model.get_weights()[0], state["b.weight"].T)


def test_numbered_names_are_an_order(tmp_path):
    state = {f"{i}.weight": numbers(6, 6) for i in range(0, 24, 2)}
    save_file(state, tmp_path / "state.safetensors")
    model = convnet.Sequential([layers.Input((6,)), *[layers.Dense(6, use_bias=False) for _ in range(12)]])
    model.load_torch(tmp_path / "state.safetensors")
    for w, theirs in zip(model.get_weights(), state.values(), strict=True):
        np.testing.assert_array_equal(w, theirs.T)


class Block(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv2, self.conv1 = (layers.Conv2D(2, 1, use_bias=False) for _ in "12")

    def call(self, x):
        return self.conv2(self.conv1(x)) + x


class Residual(convnet.Model):
    def __init__(self):
        super().__init__()
        self.layer1 = [Block(), Block()]

    def call(self, x):
        for block in self.layer1:
            x = block(x)
        return x


def test_attributes_with_torchs_names_say_it_all(tmp_path):
    state = {f"module.layer1.{i}.conv{j}.weight": numbers(2, 2, 1, 1) for i in (1, 0) for j in (1, 2)}
    save_file(state, tmp_path / "state.safetensors")
    model = Residual()
    model.build((None, 7, 6, 2))
    assert model.load_torch(tmp_path / "state.safetensors").by == "paths"
    for i, block in enumerate(model.layer1):
        for j, conv in ((1, block.conv1), (2, block.conv2)):
            theirs = state[f"module.layer1.{i}.conv{j}.weight"]
            np.testing.assert_array_equal(conv.get_weights()[0], theirs.transpose(2, 3, 1, 0))


def test_what_the_file_does_not_hold_is_noted():
    model = network()
    model.layers[1].epsilon = 1e-3
    assert model.load_torch(STATE).notes == [
        "norm has epsilon=0.001, which the file does not hold; PyTorch's default is 1e-05"
    ]


@pytest.mark.parametrize(("change", "message"), [
    ({"features.0.weight": numbers(4, 2, 3, 4)}, r"features.0.weight is \(4, 2, 3, 4\), here \(3, 4, 2, 4\)"),
    ({"features.0.weight": numbers(4, 2)}, "has 2 axes, a Conv2D's weight has 4"),
    ({"classifier.0.weight": numbers(5, 81)}, "has 81 inputs, the layer's flattened input has 80"),
    ({"classifier.0.gain": numbers(5)}, r"classifier.0.gain of shape \(5,\) has no place in Dense 'last'"),
    ({"classifier.0.bias": None}, "nothing for last/bias"),
    ({"more.weight": numbers(3, 3)}, "4 modules with parameters, the model 3 layers"),
])  # fmt: skip
def test_what_does_not_fit_changes_nothing(change, message):
    state = {name: array for name, array in {**STATE, **change}.items() if array is not None}
    model = network()
    before = model.get_weights()
    with pytest.raises(ModelFileError, match=message):
        model.load_torch(state)
    for w, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(w, old)


@pytest.mark.parametrize(("names", "message"), [
    ({"nowhere": "first"}, "the file has no module 'nowhere'"),
    ({"features.0": "nowhere"}, "the model has no layer 'nowhere'"),
    ({"features.0": "first"}, "layer 'norm' is given 0 modules"),
])  # fmt: skip
def test_wrong_names_are_named(names, message):
    with pytest.raises(ModelFileError, match=message):
        network().load_torch(STATE, names)


def test_batch_normalisation_of_a_flattened_image_is_permuted():
    model = convnet.Sequential([layers.Input((2, 3, 4)), layers.Flatten(), layers.BatchNormalization()])
    arrays = {n: numbers(24) for n in ("weight", "bias", "running_mean")} | {"running_var": np.ones(24, "f")}
    model.load_torch({f"bn.{n}": a for n, a in arrays.items()})
    for found, name in zip(model.get_weights(), arrays, strict=True):
        np.testing.assert_array_equal(found, arrays[name].reshape(4, 2, 3).transpose(1, 2, 0).reshape(-1))


def test_a_vector_needs_no_permutation():
    model = convnet.Sequential([layers.Input((4, 4, 3)), layers.GlobalAveragePooling2D(), layers.Dense(2)])
    model.load_torch({"fc.weight": STATE["classifier.0.weight"][:2, :3], "fc.bias": numbers(2)})
    np.testing.assert_array_equal(model.get_weights()[0], STATE["classifier.0.weight"][:2, :3].T)


def test_a_pickle_is_never_opened(tmp_path):
    """Neither by us nor by PyTorch, which is asked for weights only; where it is missing, the remedy is named."""

    class Evil:
        def __reduce__(self):
            return (tmp_path / "touched").touch, ()

    for name in ("m.pt", "m.pth", "m.safetensors", "m.keras"):
        (tmp_path / name).write_bytes(pickle.dumps(Evil()))
        with pytest.raises((ModelFileError, ImportError), match=r"weights_only=True|safetensors"):
            network().load_torch(tmp_path / name)
    assert not (tmp_path / "touched").exists()


def test_a_file_that_is_none_is_named(tmp_path):
    with pytest.raises(ModelFileError, match="no such file"):
        network().load_torch(tmp_path / "nowhere.pt")
    (tmp_path / "m.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises(ModelFileError, match="not a safetensors file"):
        network().load_torch(tmp_path / "m.safetensors")


def test_a_checkpoint_or_a_module_is_refused_with_what_to_give():
    with pytest.raises(ModelFileError, match=r"give the state_dict itself, checkpoint\['net'\]"):
        network().load_torch({"net": STATE, "epoch": np.array(3)})
    with pytest.raises(TypeError, match=r"expects a \.safetensors or \.pt file, or a state_dict, got list"):
        network().load_torch([1])
