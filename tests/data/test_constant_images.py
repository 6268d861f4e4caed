"""Images in which there is nothing to see: training refuses them, and pictures of the pipeline show them black."""

import numpy as np
import pytest
from typer.testing import CliRunner

from convnet.cli import app
from convnet.data import cohort, dicom
from convnet.study.plots import pipeline_steps, shown_range
from convnet.study.train import require_content, train


def test_training_on_constant_images_is_refused_with_the_reason():
    data = cohort.from_arrays(np.zeros((40, 28, 28)), np.arange(40) % 2)
    with pytest.raises(ValueError, match=r"training images are constant .*nothing can be learned.*--window"):
        train(data, epochs=1, verbose=0)


def test_one_image_with_something_in_it_is_enough():
    x = np.ones((5, 4, 4, 1), np.float32)
    with pytest.raises(ValueError, match="all 5 training images"):
        require_content(x)
    x[4, 1, 2] = 0
    require_content(x)


def test_from_the_window_on_pictures_are_on_the_networks_own_scale(make):
    pixels = np.arange(16, dtype=np.uint16).reshape(4, 4)
    steps = dicom.steps(make(pixels, WindowCenter=5000, WindowWidth=10), 4)  # all black
    ranges = {step.name: shown_range(steps, n) for n, step in enumerate(steps)}
    assert ranges == {"stored": (0, 15), "modality": (0, 15), "window": (0, 1), "resize": (0, 1), "scale": (0, 1)}
    shown = [axes.images[0].get_clim() for axes in pipeline_steps(steps).axes]
    assert shown == [ranges[step.name] for step in steps]


def test_inspect_says_that_an_image_is_constant(make):
    pixels = np.arange(16, dtype=np.uint16).reshape(4, 4)
    black = CliRunner().invoke(app, ["inspect", str(make(pixels, WindowCenter=5000, WindowWidth=10))])
    assert "This image is constant (0 everywhere): the network sees nothing in it." in black.output
    plain = CliRunner().invoke(app, ["inspect", str(make(pixels))])
    assert plain.exit_code == 0
    assert "constant" not in plain.output
