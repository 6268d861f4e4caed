"""Keras's own tests of the layers, losses, metrics, optimizers and callbacks that are here, run on ours and counted.

They are taken from the installed package. `pytest -s` prints the counts.
"""

import os
import re
import unittest
import warnings

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = pytest.importorskip("keras", reason="needs Keras: pip install 'formula-convnet[peers]'", exc_type=ImportError)

from tests.peers.keras_own.explained import EXPLAINED  # noqa: E402  (needs Keras)
from tests.peers.keras_own.loading import folder, load  # noqa: E402

IMAGE = "layers/preprocessing/image_preprocessing"
FILES = [
    *(f"layers/activations/{n}_test.py" for n in ("activation", "elu", "leaky_relu", "prelu", "relu", "softmax")),
    *(f"layers/convolutional/{n}_test.py" for n in ("conv", "conv_transpose", "depthwise_conv", "separable_conv")),
    *(f"layers/core/{n}_test.py" for n in ("dense", "input_layer")),
    "layers/merging/merging_test.py",
    *(f"layers/normalization/{n}_normalization_test.py" for n in ("batch", "group", "layer")),
    *(f"layers/pooling/{n}_pooling_test.py" for n in ("average", "global_average", "global_max", "max")),
    *(f"layers/preprocessing/{n}_test.py" for n in ("normalization", "rescaling")),
    *(f"{IMAGE}/{n}_test.py" for n in ("random_contrast", "random_flip", "random_rotation", "random_translation")),
    *(f"{IMAGE}/{n}_test.py" for n in ("random_zoom", "resizing")),
    *(f"layers/regularization/{n}_test.py" for n in ("dropout", "spatial_dropout", "gaussian_dropout")),
    *(f"layers/regularization/{n}_test.py" for n in ("gaussian_noise", "alpha_dropout")),
    *(f"layers/reshaping/{n}_test.py" for n in ("cropping1d", "cropping2d", "flatten", "permute", "repeat_vector")),
    *(f"layers/reshaping/{n}_test.py" for n in ("reshape", "up_sampling1d", "up_sampling2d", "zero_padding1d")),
    "layers/reshaping/zero_padding2d_test.py",
    *(f"losses/{n}_test.py" for n in ("loss", "losses")),
    *(f"metrics/{n}_metrics_test.py" for n in ("accuracy", "confusion", "f_score", "hinge", "iou", "probabilistic")),
    *(f"metrics/{n}_test.py" for n in ("metric", "reduction_metrics", "regression_metrics")),
    *(f"optimizers/{n}_test.py" for n in ("adadelta", "adagrad", "adam", "adamax", "adamw", "lion", "nadam")),
    *(f"optimizers/{n}_test.py" for n in ("rmsprop", "sgd")),
    "optimizers/schedules/learning_rate_schedule_test.py",
    *(f"callbacks/{n}_test.py" for n in ("backup_and_restore", "callback", "csv_logger", "early_stopping")),
    *(f"callbacks/{n}_test.py" for n in ("lambda_callback", "learning_rate_scheduler", "model_checkpoint")),
    *(f"callbacks/{n}_test.py" for n in ("reduce_lr_on_plateau", "tensorboard", "terminate_on_nan")),
]


def run(file):
    """The number of tests passed and not here, and for each that failed its name and the error's last line."""
    passed, absent, failed = 0, 0, {}
    try:
        classes = load(folder() / file)
    except unittest.SkipTest:
        return 0, 1, {}
    for name, cls in classes.items():
        result = unittest.TestResult()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            unittest.defaultTestLoader.loadTestsFromTestCase(cls).run(result)
        found = [(test, text.strip().splitlines()[-1]) for test, text in (*result.failures, *result.errors)]
        bad = [(test, error) for test, error in found if not error.startswith("Skipped: ")]
        failed |= {f"{file}::{name}::{test.id().split('.')[-1]}": error for test, error in bad}
        absent += len(result.skipped) + len(found) - len(bad)
        passed += result.testsRun - len(result.skipped) - len({test.id().split(" ")[0] for test, _ in found})
    return passed, absent, failed


def explain(test, error):
    return next((reason for pattern, reason in EXPLAINED if re.search(pattern, f"{test}: {error}")), None)


@pytest.mark.parametrize("file", FILES)
def test_every_failure_is_explained(file):
    try:
        passed, absent, failed = run(file)
    except ModuleNotFoundError as error:
        pytest.skip(f"Keras's test needs {error.name}")
    print(f"{file}: {passed} passed, {len(failed)} explained, {absent} of what is not here")
    assert not {test: error for test, error in failed.items() if explain(test, error) is None}
