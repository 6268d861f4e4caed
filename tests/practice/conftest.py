"""A small simulated CT study, and a model that `convnet train`'s own functions made of it."""

import numpy as np
import pytest

from convnet import scope, study
from convnet.data import cohort
from convnet.data.phantom import Study
from convnet.weights import load


@pytest.fixture(scope="session")
def phantom(tmp_path_factory):
    """The folder of the study."""
    folder = tmp_path_factory.mktemp("practice") / "ct"
    Study(train=96, val=32, test=32, contrast=60.0).write(folder)
    return folder


@pytest.fixture(scope="session")
def model_file(phantom, tmp_path_factory):
    """The model's file, its scope in it."""
    data = cohort.load_folder(phantom, phantom / "labels.csv", size=28)
    model, _ = study.train(data, epochs=10, verbose=0, flip="off", shift=0.0)
    model.metadata["pipeline"] = {"size": 28, "aspect": "pad", "window": None}
    model.metadata["scope"] = scope.learn(model, data)
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    model.save(path)
    return path


@pytest.fixture
def model(model_file):
    """The model, read anew for each test."""
    return load(model_file)


@pytest.fixture
def ct(phantom, tmp_path):
    """ct(pixels or None, Keyword=value, ...) -> a file of the study's test split, changed."""
    import pydicom

    def make(pixels=None, name="image.dcm", **header):
        source = sorted((phantom / "test").iterdir())[1]
        ds = pydicom.dcmread(source)
        ds.PatientName = "Nameless^Nobody"
        if pixels is not None:
            pixels = np.asarray(pixels, np.int16)
            ds.Rows, ds.Columns, ds.PixelData = *pixels.shape, pixels.tobytes()
        for keyword, value in header.items():
            setattr(ds, keyword, value)
        ds.save_as(tmp_path / name)
        return tmp_path / name

    return make
