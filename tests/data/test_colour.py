"""Colour is kept where it is asked for, from the file to the result."""

import json

import numpy as np
import pydicom
import pytest
from typer.testing import CliRunner

from convnet import load
from convnet.cli import app
from convnet.data import cohort, dicom
from convnet.data.cohort.write import new_image
from convnet.data.dicom.colour import luminance
from convnet.data.dicom.resize import resize
from convnet.study.metadata import read_preparation

RED, GREEN = np.array([200, 0, 0]), np.array([0, 102, 0])  # of one luminance: grey tells nothing


def stained(n, seed=0):
    """(n,28,28,3) uint8: noise in one of two colours, in turn; and which one."""
    y = np.arange(n) % 2
    noise = np.random.default_rng(seed).uniform(0.6, 1.2, (n, 28, 28, 1))
    return np.uint8(np.clip(noise * np.where(y[:, None], GREEN, RED)[:, None, None, :], 0, 255)), y


@pytest.fixture
def rgb(tmp_path):
    """rgb(pixels, Keyword=value, ...) -> the path of a colour file."""

    def make(pixels, **header):
        ds = new_image("1.2.840.10008.5.1.4.1.1.77.1.2", np.uint8(pixels), "S", "k", "SM")
        for keyword, value in header.items():
            setattr(ds, keyword, value)
        ds.save_as(tmp_path / "rgb.dcm", enforce_file_format=True)
        return tmp_path / "rgb.dcm"

    return make


def test_three_channels_are_the_files_own_colours_and_one_is_their_luminance(rgb):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3))
    (colour,), (grey,) = (dicom.read_images(rgb(pixels), None, channels=c) for c in (3, 1))
    np.testing.assert_array_equal(colour, np.float32(pixels / 255), strict=True)
    np.testing.assert_array_equal(grey, np.float32(luminance(pixels) / 255), strict=True)


def test_each_channel_is_turned_made_square_and_resized_as_a_grey_image_is(rgb):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3))
    way = {"PixelSpacing": [2, 1], "ImageOrientationPatient": [0, 1, 0, 1, 0, 0]}
    for aspect in ("pad", "crop", "stretch"):
        (colour,) = dicom.read_images(rgb(pixels, **way), 16, aspect, channels=3)
        for c in range(3):
            (alone,) = dicom.read_images(rgb(np.repeat(pixels[..., c, None], 3, axis=2), **way), 16, aspect)
            np.testing.assert_allclose(colour[..., c], alone, atol=1e-6)


@pytest.mark.parametrize("name", ["examples_palette.dcm", "examples_ybr_color.dcm"])
def test_the_luminance_of_the_colours_is_the_grey_image(real, name):
    (colour, *_), (grey, *_) = (dicom.read_images(real / name, None, channels=c) for c in (3, 1))
    np.testing.assert_allclose(luminance(colour), grey, atol=1e-6)
    assert np.ptp(colour, axis=2).max() > 0.1


def test_a_grey_file_has_three_equal_channels(real):
    (colour,), (grey,) = (dicom.read_images(real / "CT_small.dcm", 28, channels=c) for c in (3, 1))
    np.testing.assert_array_equal(colour, np.repeat(grey[..., None], 3, axis=2), strict=True)


@pytest.mark.parametrize(("options", "words"), [({"window": (40, 400)}, "of grey values"), ({"channels": 4}, "got 4")])
def test_what_colour_cannot_have_is_refused(rgb, options, words):
    with pytest.raises(ValueError, match=words):
        dicom.read_images(rgb(np.zeros((4, 4, 3))), **{"channels": 3, **options})


def test_colours_written_as_dicom_are_read_back_to_the_bit_with_and_without_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FORMULA_CONVNET_IMAGES", str(tmp_path / "images"))
    x, y = stained(40)
    data = cohort.from_arrays(x, y, splits=["train"] * 20 + ["val"] * 10 + ["test"] * 10, channels=3)
    np.testing.assert_array_equal(data.x, np.float32(x / 255), strict=True)
    table = cohort.write_dicom(data, tmp_path / "study")
    for cache in (False, True, True):
        back = cohort.load_folder(tmp_path / "study", table, cache=cache, channels=3)
        np.testing.assert_array_equal(np.asarray(back.x), data.x, strict=True)
        assert cohort.load_folder(tmp_path / "study", table, cache=cache).x.shape == (40, 28, 28, 1)


def test_an_npz_of_colours_is_read_in_colour_or_in_grey(tmp_path):
    x, y = stained(12)
    arrays = {"images": x, "labels": y}
    np.savez(tmp_path / "a.npz", **{f"{s}_{k}": v for s in ("train", "val", "test") for k, v in arrays.items()})
    data = cohort.load_npz(tmp_path / "a.npz", size=14, channels=3)
    np.testing.assert_array_equal(data.x[3], np.float32(resize(np.float32(x[3] / 255), 14)))
    assert set(data.fact("photometric")) == {"RGB"}
    assert cohort.load_npz(tmp_path / "a.npz").x.shape == (36, 28, 28, 1)


def test_a_network_learns_what_only_colour_tells_and_every_command_takes_its_file(tmp_path):
    x, y = stained(100)
    splits = ["train"] * 60 + ["val"] * 20 + ["test"] * 20
    table = cohort.write_dicom(cohort.from_arrays(x, y, splits=splits, channels=3), tmp_path / "study", modality="SM")
    model, folder = tmp_path / "m.safetensors", tmp_path / "study"

    def run(*arguments):
        done = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    data = (folder, "--labels", table)
    assert "100 of 100 images are stored in colour and read as grey" in run(
        *("train", *data, "--out", tmp_path / "grey.safetensors", "--epochs", 1)
    )
    run("train", *data, "--out", model, "--network", "listing", "--epochs", 5, "--colour")
    assert read_preparation(load(model)).channels == 3
    run("evaluate", model, *data, "--json", tmp_path / "e.json", "--figures", tmp_path / "figures")
    assert json.loads((tmp_path / "e.json").read_text())["auc"] == 1.0
    image = sorted((folder / "test").iterdir())[0]
    out = run("diagnose", model, image, "--overlays", tmp_path / "o", "--json", tmp_path / "d.json")
    (result,) = json.loads((tmp_path / "d.json").read_text())["images"]
    assert result["label"] == "0", out
    assert len(result["pictures"]) == 3
    run("explain", model, image, "--html", tmp_path / "lesson.html")
    run("inspect", image, "--colour", "--picture", tmp_path / "steps.png")
    assert pydicom.dcmread(image).PhotometricInterpretation == "RGB"


def test_a_model_of_colours_with_a_grey_pipeline_is_refused(tmp_path):
    from convnet.study.networks import Listing

    model = Listing(2, name="listing")
    model.build((None, 28, 28, 3))
    model.metadata = {"pipeline": {"size": 28, "aspect": "pad", "window": None}}
    with pytest.raises(ValueError, match=r"prepares 28 pixels, 1 channel\(s\)"):
        read_preparation(model)
    model.metadata["pipeline"]["channels"] = 3
    assert read_preparation(model).channels == 3
