"""What diagnose leaves behind: overlays, DICOM that an independent validator accepts, and a record of the run."""

import hashlib
import json
import shutil
import subprocess

import numpy as np
import pydicom
import pytest
from PIL import Image
from typer.testing import CliRunner

import convnet
from convnet import overlay
from convnet.cli import app
from convnet.data import dicom
from convnet.diagnose import cases
from convnet.evaluation import NOTICE
from convnet.weights import load

hd = pytest.importorskip("highdicom", reason="highdicom is in the extra [clinical]")

SECRET = {
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


def read(folder, names):
    return [pydicom.dcmread(folder / "dcm" / name) for name in names]


def dciodvfy(path):
    """The errors that David Clunie's validator finds."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed: apt-get install dicom3tools")
    done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]


@pytest.fixture
def lax(model_file, tmp_path):
    """A model file that abstains from nothing, for images that are not like its training."""
    model = load(model_file)
    del model.metadata["scope"]
    model.save(tmp_path / "lax.safetensors")
    return tmp_path / "lax.safetensors"


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


def multiframe(ct, lax):
    path = ct(name="two.dcm")
    ds = pydicom.dcmread(path)
    ds.SOPClassUID = pydicom.uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.NumberOfFrames, ds.PixelData = 2, ds.PixelData * 2
    ds.save_as(path)
    return path


def test_everything_written_is_valid_dicom(run, ct, phantom):
    result, out = run(ct(**SECRET), *sorted((phantom / "test").iterdir())[:3], ct(name="mr.dcm", Modality="MR"))
    found = sorted((out / "dcm").iterdir())
    assert len(found) == 4 * 2 + len(result["reports"])
    for path in found:
        assert dciodvfy(path) == [], path


def test_multi_frame_and_slides_results_are_valid_dicom(run, ct, lax):
    result, out = run(multiframe(ct, lax), model=lax)
    assert len(result["images"]) == 2
    (report,) = read(out, result["reports"])
    for path in (out / "dcm").iterdir():
        assert dciodvfy(path) == [], path
    groups = hd.sr.srread(out / "dcm" / result["reports"][0]).content.get_image_measurement_groups()
    assert [g.source_images[0].referenced_frame_numbers for g in groups] == [[1], [2]]
    frames = [read(out, r["dicom"])[0].SourceImageSequence[0].ReferencedFrameNumber for r in result["images"]]
    assert frames == [1, 2]


def test_the_report_says_what_the_result_says(run, ct):
    path = ct(**SECRET)
    result, out = run(path)
    (one,) = result["images"]
    report = hd.sr.srread(out / "dcm" / result["reports"][0])
    (group,) = report.content.get_image_measurement_groups()
    values = {m.name.meaning: m.value for m in group.get_measurements()}
    for name, p in one["probabilities"].items():
        assert values[f"Probability of {name}"] == pytest.approx(p, abs=1e-6)
    said = {e.name.meaning: e.value.meaning for e in group.get_qualitative_evaluations()}
    assert said == {"Notice": NOTICE, "Result": one["label"]}
    assert report.CompletionFlag, report.VerificationFlag == ("COMPLETE", "UNVERIFIED")
    assert report.PreliminaryFlag == "PRELIMINARY"
    assert group.source_images[0].referenced_sop_instance_uid == pydicom.dcmread(path).SOPInstanceUID


def test_an_abstention_is_reported_with_its_reasons_and_without_numbers(run, ct):
    result, out = run(ct(Modality="MR"))
    assert result["images"][0]["dicom"] == []
    assert "pictures" not in result["images"][0]
    (group,) = hd.sr.srread(out / "dcm" / result["reports"][0]).content.get_image_measurement_groups()
    said = [e.value.meaning for e in group.get_qualitative_evaluations()]
    assert "The network abstains" in said
    assert any("modality is 'MR'" in s for s in said)
    assert not any("Probability" in m.name.meaning for m in group.get_measurements())


def test_results_belong_to_the_source_and_refer_to_it(run, ct):
    path = ct(**SECRET)
    source = pydicom.dcmread(path)
    result, out = run(path)
    captures, reports = read(out, result["images"][0]["dicom"]), read(out, result["reports"])
    assert len(captures) == 2
    for ds in captures + reports:
        for keyword in ("StudyInstanceUID", *SECRET):
            if keyword != "StudyDescription":
                assert ds[keyword].value == source[keyword].value, keyword
        assert ds.SeriesInstanceUID != source.SeriesInstanceUID
        assert ds.SOPInstanceUID != source.SOPInstanceUID
        assert "not for clinical use" in ds.SeriesDescription
    for ds in captures:
        item = ds.SourceImageSequence[0]
        assert (item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) == (
            source.SOPClassUID,
            source.SOPInstanceUID,
        )
        assert (ds.Rows, ds.Columns) == (source.Rows, source.Columns)
        assert list(ds.PixelSpacing) == list(source.PixelSpacing)
        assert NOTICE in ds.ImageComments
    assert len({ds.SeriesInstanceUID for ds in captures}) == 1
    assert [ds.InstanceNumber for ds in captures] == [1, 2]
    evidence = reports[0].CurrentRequestedProcedureEvidenceSequence[0]
    named = {i.ReferencedSOPInstanceUID for s in evidence.ReferencedSeriesSequence for i in s.ReferencedSOPSequence}
    assert named == {source.SOPInstanceUID, *(ds.SOPInstanceUID for ds in captures)}


def test_a_file_without_a_study_is_refused_before_anything_is_filed(run, ct, tmp_path, model_file):
    path = ct()
    ds = pydicom.dcmread(path)
    del ds.StudyInstanceUID
    ds.save_as(path)
    arguments = ["diagnose", model_file, path, "--dicom", tmp_path / "d", "--record", tmp_path / "r"]
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert done.exit_code == 2
    assert "states no StudyInstanceUID" in done.output


def test_a_header_that_cannot_be_filed_costs_its_own_report_alone_and_is_not_quoted(ct, model_file, tmp_path):
    bad, good = (
        ct(name="bad.dcm", PatientName="Planted", StudyDate="20261399", StudyInstanceUID="1.2.3"),
        ct(name="good.dcm"),
    )
    arguments = ["diagnose", model_file, bad, good, "--dicom", tmp_path / "d", "--json", tmp_path / "j"]
    done = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0
    result = json.loads((tmp_path / "j").read_text())
    assert len(result["images"]) == 2
    (failed,) = result["failed"]
    assert failed["path"] == str(bad)
    assert "no DICOM result could be made of its header" in failed["reason"]
    assert "Planted" not in done.output
    assert len(result["reports"]) == 1
    assert len(list((tmp_path / "d").iterdir())) == 3


def test_a_sex_that_dicom_does_not_know_is_left_empty(run, ct):
    result, out = run(ct(PatientSex="U"))
    assert [ds.PatientSex for ds in read(out, result["reports"])] == [""]
    assert all(dciodvfy(path) == [] for path in (out / "dcm").iterdir())


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
    assert [list(ds.PatientOrientation) for ds in read(out, one["dicom"])] == [letters] * 2
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


def test_every_run_adds_a_line_for_each_image_with_hashes_and_no_identifier(run, ct, model_file, tmp_path):
    path = ct(name="Planted_Name.dcm", **SECRET)
    broken = tmp_path / "planted_broken.dcm"
    broken.write_bytes(b"no image")
    run(path)
    result, out = run(path, broken)
    text = (out / "runs.jsonl").read_text()
    entries = [json.loads(line) for line in text.splitlines()]
    assert len(entries) == 3
    assert entries[0]["input"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert entries[0]["model"] == hashlib.sha256(model_file.read_bytes()).hexdigest()
    assert entries[0]["result"]["probabilities"] == entries[1]["result"]["probabilities"]
    assert entries[0]["result"]["probabilities"] == result["images"][0]["probabilities"]
    assert entries[2]["input"] is None
    assert "is not a DICOM image file" in entries[2]["result"]["failed"]
    assert {"python", "numpy", "formula-convnet", "pydicom"} <= set(entries[0]["versions"])
    assert all(e["notice"] == NOTICE for e in entries)
    ds = pydicom.dcmread(path)
    for planted in (*SECRET.values(), "planted", str(tmp_path), ds.SOPInstanceUID, ds.StudyInstanceUID):
        assert planted.lower() not in text.lower()
    pictures = list((out / "png").iterdir())
    assert len(pictures) == 3
    for picture in pictures:
        assert b"lanted" not in picture.read_bytes()
        assert "lanted" not in picture.name


def test_a_warning_never_quotes_the_patient(run, ct, recwarn, capfd):
    run(ct(PatientName="Plantedwithoutcomma"))
    assert not any("Planted" in str(w.message) for w in recwarn)
    assert "Planted" not in capfd.readouterr().err


def test_the_trace_of_an_electrocardiogram_is_drawn_and_not_filed(tmp_path, real_ecg):
    model = __import__("convnet").networks.NETWORKS["wave"](2, name="wave")
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
