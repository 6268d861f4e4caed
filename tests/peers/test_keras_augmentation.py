"""Augmentation layers beside Keras 3, with ranges of one number, so that both draw it. Skipped without Keras."""

import os

import numpy as np
import pytest

from convnet import layers

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", reason="needs Keras: pip install 'formula-convnet[peers]'", exc_type=ImportError)
if keras.backend.backend() != "tensorflow":
    pytest.skip("Keras's other backends fill the outside in other ways", allow_module_level=True)

X = np.random.default_rng(0).uniform(0, 1, (3, 9, 7, 2)).astype("f")


@pytest.mark.parametrize("fill", ["reflect", "constant", "nearest"])
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("RandomRotation", {"factor": (0.1, 0.1)}),
        ("RandomRotation", {"factor": (-0.3, -0.3)}),
        ("RandomTranslation", {"height_factor": (0.25, 0.25), "width_factor": (-0.1, -0.1)}),
        ("RandomZoom", {"height_factor": (0.2, 0.2), "width_factor": (-0.3, -0.3)}),
        ("RandomZoom", {"height_factor": (0.4, 0.4)}),
    ],
)
def test_a_moved_image_is_kerass(name, settings, fill):
    ours, theirs = (getattr(m, name)(**settings, fill_mode=fill, fill_value=0.3) for m in (layers, keras.layers))
    expected = keras.ops.convert_to_numpy(theirs(X, training=True))
    np.testing.assert_allclose(ours(X, training=True), expected, rtol=0, atol=5e-5)  # Keras's matrices are float32


@pytest.mark.parametrize("name", ["RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom", "RandomContrast"])
def test_defaults_and_ranges_are_kerass(name):
    arguments = {"RandomFlip": (), "RandomTranslation": (0.2, 0.3)}.get(name, (0.2,))
    ours, theirs = (getattr(m, name)(*arguments) for m in (layers, keras.layers))
    for setting in set(layers.BUILT_IN[name].settings) - {"seed", "height_factor", "width_factor"}:
        assert getattr(ours, setting) == getattr(theirs, setting), setting
