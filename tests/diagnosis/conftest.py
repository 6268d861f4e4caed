"""A small simulated CT study, and a model that `convnet train`'s own functions made of it."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import convnet
from convnet.cli import app
from convnet.data import cohort
from convnet.data.phantom import Study
from convnet.data.preparation import Preparation
from convnet.model import load
from convnet.study.complete import complete
from convnet.study.train import train


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
    trained = train(data, network="listing", epochs=10, verbose=0, flip="off", shift=0.0)
    complete(trained, data, Preparation(28))
    model = trained.model
    for name in ("temperature", "operating_points"):  # the network's own probabilities
        del model.metadata[name]
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


@pytest.fixture
def secret():
    """Header values that name a patient."""
    return {
        "PatientName": "Planted^Name",
        "PatientID": "PLANTED-ID",
        "PatientBirthDate": "19231123",
        "AccessionNumber": "PLANTED-ACC",
        "ReferringPhysicianName": "Planted^Doctor",
        "StudyDescription": "PLANTED-STUDY",
    }


@pytest.fixture
def run(model_file, tmp_path):
    """run(files...) -> (result, folder): `convnet diagnose` with overlays, DICOM and a record below `folder`."""

    def diagnose(*files, model=model_file):
        out = tmp_path / "out"
        arguments = ["--overlays", out / "png", "--dicom", out / "dcm", "--record", out / "runs.jsonl", "--json", "-"]
        out.mkdir(exist_ok=True)
        done = CliRunner().invoke(
            app, [str(a) for a in ("diagnose", model, *files, *arguments)], catch_exceptions=False
        )
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout), out

    return diagnose


@pytest.fixture
def bright(tmp_path):
    """A model file whose network, made by hand, says "present" where anything is bright, wherever it is."""
    conv, dense = convnet.layers.Conv2D(1, 5, padding="same"), convnet.layers.Dense(2, activation="softmax")
    model = convnet.Sequential(
        [convnet.layers.Input((40, 40, 1)), conv, convnet.layers.GlobalAveragePooling2D(), dense], name="bright"
    )
    model.set_weights(
        [np.full((5, 5, 1, 1), 1 / 25, "f4"), np.zeros(1, "f4"), np.float32([[-9, 9]]), np.zeros(2, "f4")]
    )
    model.metadata = {
        "classes": ["absent", "present"],
        "pipeline": {"size": 40, "aspect": "pad", "window": None},
    }
    model.save(tmp_path / "bright.safetensors")
    return tmp_path / "bright.safetensors"
