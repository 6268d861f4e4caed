"""Overlays lie on the image itself, in its own rows and columns."""

import json

import numpy as np
import pydicom
import pytest
from PIL import Image
from typer.testing import CliRunner

from convnet.cli import app
from convnet.data import dicom
from convnet.diagnosis import overlay
from convnet.diagnosis.diagnose import cases
from convnet.model import load
from convnet.notice import NOTICE
from convnet.study.networks import NETWORKS

pytest.importorskip("highdicom", reason="highdicom is in the extra [clinical]")


@pytest.mark.parametrize("orientation", [[1, 0, 0, 0, 1, 0], [-1, 0, 0, 0, -1, 0], [0, 1, 0, 1, 0, 0]])
def test_overlays_have_the_files_own_rows_and_columns_and_lie_where_the_signal_is(run, ct, bright, orientation):
    rng = np.random.default_rng(0)
    pixels = 1024 + 20 + rng.normal(0, 10, (80, 48))
    pixels[60:66, 10:16] += 60  # a lesion, far from the middle
    path = ct(pixels, ImageOrientationPatient=orientation, PixelSpacing=[1, 1])
    result, out = run(path, model=bright)
    (one,) = result["images"]
    assert one["label"] == "present"
    names = [name for name in one["pictures"] if "grad-cam" in name or "occlusion" in name]
    assert len(names) == 2
    (case,) = cases(load(bright), [path], pictures=True)
    assert case.grey.shape == (80, 48)
    shown = next(s.array for s in dicom.steps(path, None) if s.name == "window")
    np.testing.assert_array_equal(case.grey, np.rint(shown * 255))
    index = list(one["probabilities"]).index("present")
    for found in overlay.maps(load(bright), case.image, "present", index, case.geometry):
        assert found.values.shape == (80, 48)
        i, j = np.unravel_index(found.values.argmax(), found.values.shape)
        assert np.hypot(i - 62.5, j - 12.5) < 5, found.name
    letters = {1: ["L", "P"], -1: ["R", "A"], 0: ["P", "L"]}[orientation[0]]
    filed = [pydicom.dcmread(out / "dcm" / name) for name in one["dicom"]]
    assert [list(ds.PatientOrientation) for ds in filed] == [letters] * 2
    for name in names:
        with Image.open(out / "png" / name) as picture:
            assert (picture.height, picture.width) == (80, 48)
            assert picture.text["Comment"] == NOTICE


def test_an_inverted_image_with_padding_is_shown_under_its_overlay_as_the_pipeline_shows_it(ct, bright):
    pixels = np.linspace(900, 1200, 40 * 30).reshape(40, 30).astype(np.int16)
    pixels[:5] = -2000
    path = ct(pixels, PhotometricInterpretation="MONOCHROME1", PixelSpacing=[2, 1])
    ds = pydicom.dcmread(path)
    ds.add_new("PixelPaddingValue", "SS", -2000)
    ds.save_as(path)
    (case,) = cases(load(bright), [path], pictures=True)
    steps = {s.name: s.array for s in dicom.steps(path, None)}
    assert (steps["padding"][:5] == 0).all()
    np.testing.assert_array_equal(case.grey, np.rint(steps["padding"] * 255))


def test_a_blend_covers_by_strength_and_leaves_what_was_not_seen():
    grey = np.full((1, 4), 100, np.uint8)
    out = overlay.blend(grey, np.array([[2.0, -2.0, 0.0, np.nan]]))
    np.testing.assert_array_equal(out[0, 2:], 100)
    np.testing.assert_array_equal(out[0, 0], np.rint(35 + 0.65 * np.array([213, 94, 0])))
    np.testing.assert_array_equal(out[0, 1], np.rint(35 + 0.65 * np.array([0, 114, 178])))
    np.testing.assert_array_equal(overlay.blend(grey, np.zeros((1, 4))), 100)
    np.testing.assert_allclose(overlay.blend(grey, np.full((1, 4), 1e-6)), 100, atol=1)


def test_the_notice_is_written_into_a_picture_that_has_room():
    dark = np.zeros((128, 400, 3), np.uint8)
    assert overlay.signed(dark, "Grad-CAM").max() == 255
    assert (overlay.signed(dark, "Grad-CAM")[:90] == 0).all()
    np.testing.assert_array_equal(overlay.signed(dark[:20, :20], "Grad-CAM"), 0)


def test_the_trace_of_an_electrocardiogram_is_drawn_and_not_filed(tmp_path, real_ecg):
    model = NETWORKS["wave"](2, name="wave")
    model.build((None, 1, 1000, 12))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.metadata = {"classes": ["a", "b"], "pipeline": {"size": 1000, "aspect": "pad", "window": None}}
    model.save(tmp_path / "wave.safetensors")
    arguments = ["diagnose", tmp_path / "wave.safetensors", real_ecg, "--overlays", tmp_path / "o"]
    arguments += ["--dicom", tmp_path / "d", "--record", tmp_path / "r", "--json", tmp_path / "j"]
    done = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0
    assert "no DICOM report" in done.output
    assert list((tmp_path / "d").iterdir()) == []
    (name,) = json.loads((tmp_path / "j").read_text())["images"][0]["pictures"]
    with Image.open(tmp_path / "o" / name) as picture:
        assert picture.width > picture.height > 300


@pytest.fixture
def real_ecg():
    import pydicom.data

    return pydicom.data.get_testdata_file("waveform_ecg.dcm")
