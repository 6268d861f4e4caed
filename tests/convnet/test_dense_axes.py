"""Dense on more than vectors: the same product at every place, as a squeeze-and-excitation block has it."""

import numpy as np
import pytest

import convnet
from convnet import layers
from tests.rounding import gamma


@pytest.mark.parametrize("shape", [(5,), (4, 5), (3, 4, 5), (2, 3, 4, 5)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_product_at_every_place(shape, dtype):
    rng = np.random.default_rng(0)
    model = convnet.Sequential([layers.Dense(7)], dtype=dtype)
    x = rng.standard_normal((3, *shape)).astype(dtype)
    model.build(x.shape)
    k, b = rng.standard_normal((5, 7)), rng.standard_normal(7)
    model.set_weights([k.astype(dtype), b.astype(dtype)])
    k, b = (w.astype(float) for w in model.get_weights())
    y, bound = x.astype(float) @ k + b, gamma(7, np.dtype(dtype)) * (np.abs(x.astype(float)) @ np.abs(k) + np.abs(b))
    assert model.predict(x, verbose=0).shape == y.shape
    assert (np.abs(model.predict(x, verbose=0) - y) <= bound).all()
    assert model.count_params() == 42


def test_a_squeeze_and_excitation_block_is_saved_exported_and_explained(tmp_path):
    convnet.set_random_seed(0)
    image = convnet.Input((6, 5, 8))
    side = layers.Reshape((1, 1, 8))(layers.GlobalAveragePooling2D()(image))
    side = layers.Dense(8, activation="sigmoid")(layers.Dense(2, activation="relu")(side))
    model = convnet.Model(image, layers.Multiply()([image, side]))
    x = np.random.default_rng(0).random((2, 6, 5, 8)).astype(np.float32)
    y = model.predict(x, verbose=0)
    model.save(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(convnet.load(tmp_path / "m.safetensors").predict(x, verbose=0), y)
    assert model.explain(x, 1, 2, 3, 4).value == pytest.approx(float(y[1, 2, 3, 4]), rel=1e-5)
    model.compile("sgd", "mse")
    before = model.evaluate(x, np.zeros_like(y), verbose=0)
    model.fit(x, np.zeros_like(y), epochs=3, verbose=0)
    assert model.evaluate(x, np.zeros_like(y), verbose=0) < before
