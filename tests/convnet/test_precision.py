"""precision=: layers that fill the matrix unit's tiles run on it, within the bounds of its variants."""

import numpy as np
import pytest

import convnet
from convnet import layers
from convnet.engine.precision import PRECISIONS
from kernels.amx import processor
from kernels.conv2d import matrix_unit
from tests import matrix_unit as unit


def make(precision="float32", seed=3):
    convnet.utils.set_random_seed(seed)
    model = convnet.Sequential(
        [
            layers.Conv2D(16, 3, activation="relu"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.build((None, 10, 10, 1))
    model.compile("sgd", "sparse_categorical_crossentropy", precision=precision)
    return model


X = np.random.default_rng(4).random((6, 10, 10, 1), np.float32)
Y = np.array([0, 1, 2, 0, 1, 2])


@pytest.fixture
def there_is_a_unit(monkeypatch):
    unit.use(monkeypatch)


def test_predictions_and_a_training_step_are_those_of_float32_as_nearly_as_the_precision_says(there_is_a_unit):
    plain = make()
    expected, loss = plain.predict(X), plain.train_on_batch(X, Y)
    off = {}
    for precision in PRECISIONS:
        model = make(precision)
        assert model.precision == precision
        off[precision] = abs(model.predict(X) - expected).max()
        assert abs(model.train_on_batch(X, Y) - loss) < 0.01 * loss
        steps = zip(model.get_weights(), plain.get_weights(), strict=True)
        off[precision] += max(abs(a - b).max() for a, b in steps)
    assert 0 < off["bfloat16x6"] < 1e-5
    assert off["bfloat16x6"] < off["bfloat16x3"] < off["bfloat16"] < 0.02


def test_only_layers_that_fill_the_tiles_run_on_the_unit(there_is_a_unit, monkeypatch):
    """The first convolution has one channel, the last layer three outputs."""
    seen, forward = [], matrix_unit.forward

    def watch(x, k, *rest, variant, operation="conv2d", **settings):
        seen.append((operation, variant, k.shape[-2:]))
        forward(x, k, *rest, variant=variant, operation=operation, **settings)

    monkeypatch.setattr(matrix_unit, "forward", watch)
    make("bfloat16").predict(X)
    assert seen == [("convpool", "cpu_amx_bf16", (16, 32)), ("dense", "cpu_amx_bf16", (288, 16))]


def test_a_compiled_inference_may_have_a_precision_of_its_own(there_is_a_unit):
    model = make()
    plain = model.compile_inference(batch=6)
    six, one = (model.compile_inference(6, precision=precision) for precision in ("bfloat16x6", "bfloat16"))
    np.testing.assert_array_equal(plain(X), model.predict(X))
    assert 0 < abs(six(X) - plain(X)).max() < 1e-5
    assert 1e-5 < abs(one(X) - plain(X)).max() < 0.02
    chosen = make("bfloat16").compile_inference(6)
    np.testing.assert_array_equal(chosen(X), one(X))


def test_an_unknown_precision_another_target_and_float64_are_refused(there_is_a_unit):
    with pytest.raises(ValueError, match="compile: there is no precision 'half'; choose one of: float32, bfloat16"):
        make("half")
    with pytest.raises(ValueError, match="compile_inference: there is no precision 'half'"):
        make().compile_inference(1, precision="half")
    with pytest.raises(ValueError, match="is for target='cpu', got 'cuda-emulated'"):
        make().compile("sgd", "mse", target="cuda-emulated", precision="bfloat16")


@pytest.mark.skipif(processor.missing() is None, reason="this machine has the matrix unit")
def test_without_a_matrix_unit_it_is_refused_by_the_features_name():
    with pytest.raises(RuntimeError, match=r"compile: precision='bfloat16' needs .*amx_tile and amx_bf16"):
        make("bfloat16")
    with pytest.raises(RuntimeError, match=r"compile_inference: precision='bfloat16x6' needs Intel's matrix unit, AMX"):
        make().compile_inference(1, precision="bfloat16x6")
