"""A folder of slices gives a result for each patient: joined from the images' own, and honest about what it lacks."""

import csv
import json

import numpy as np
import pydicom
import pytest
from scipy.special import expit, logit
from typer.testing import CliRunner

from convnet.cli import app
from convnet.data import cohort as cohorts
from convnet.diagnosis.group_result import LostImage, group_lines, join_results, place
from convnet.diagnosis.result import Result
from convnet.evaluation.grouping import Grouping
from convnet.model import load
from convnet.study.metadata import ModelRecord
from tests.study.test_groups import series


def command(*arguments):
    done = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The series cohort as DICOM files: a patient's slices are one study."""
    root = tmp_path_factory.mktemp("series") / "slices"
    cohorts.write_dicom(series(), root, modality="CT")
    return root


@pytest.fixture(scope="module")
def model(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "m.safetensors"
    recipe = ("--network", "listing", "--size", 12, "--epochs", 8, "--flip", "off", "--shift", 0, "--group", "patient")
    done = command("train", folder, "--labels", folder / "labels.csv", "--out", out, *recipe)
    assert "by patient (n 12)" in done.output
    return out


def diagnose(model, *files, options=()):
    return json.loads(command("diagnose", model, *files, *options, "--json", "-").stdout)


def joined_apart(result, group, rule):
    """The probability of "ill" by numpy alone, from the images' results of the same run."""
    shown = [r["probabilities"]["ill"] for r in result["images"] if r["group"] == group and r["probabilities"]]
    shift = rule["calibrated"]["biases"][1] - rule["calibrated"]["biases"][0]
    return float(expit(rule["calibrated"]["slope"] * logit(shown).mean() + shift)), len(shown)


def test_a_folder_gives_a_result_for_each_patient_joined_from_its_images(folder, model):
    result = diagnose(model, folder / "test")
    assert len(result["images"]) == 144
    assert len(result["groups"]) == 18
    assert (result["ungrouped"], result["unassigned"]) == (0, 0)
    for group in result["groups"]:
        p, used = joined_apart(result, group["group"], result["grouping"])
        assert (group["images"], group["used"]) == (8, used)
        assert group["probabilities"]["ill"] == pytest.approx(p, rel=1e-9)
        assert group["label"] == ("ill" if p > 0.5 else "healthy")


def test_evaluate_and_diagnose_agree_on_every_patient(folder, model, tmp_path):
    lax = load(model)
    del lax.metadata["scope"]  # it abstains from nothing, as evaluate does
    model = tmp_path / "lax.safetensors"
    lax.save(model)
    asked = ("--labels", folder / "labels.csv", "--json", "-")
    measured = json.loads(command("evaluate", model, folder, *asked).stdout)["by_group"]
    result = diagnose(model, folder / "test")
    patients = {r["path"]: r["group"] for r in result["images"]}
    with (folder / "labels.csv").open() as file:
        labels = {patients.get(str(folder / row["path"])): row["label"] for row in csv.DictReader(file)}
    right = [labels[group["group"]] == group["label"] for group in result["groups"]]
    assert measured["n"] == len(right) == 18
    assert np.mean(right) == measured["accuracy"]


def test_a_patient_with_an_unreadable_slice_says_so_and_the_others_do_not(folder, model, tmp_path):
    files = sorted((folder / "test").iterdir())[:16]  # two patients
    for file in files:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    ds = pydicom.dcmread(tmp_path / files[2].name)
    ds.PixelData = ds.PixelData[:10]  # its header is sound
    ds.save_as(tmp_path / files[2].name)
    (tmp_path / "damaged.dcm").write_bytes(b"no image")
    (tmp_path / "labels.csv").write_text("path,label\n")
    result = diagnose(model, tmp_path)
    first, second = result["groups"]
    assert (first["images"], len(second["left_out"])) == (8, second["images"] - second["used"])
    assert [one["path"] for one in first["left_out"] if "abstains" not in one["reason"]] == [
        str(tmp_path / files[2].name)
    ]
    assert result["unassigned"] == 1
    text = command("diagnose", model, tmp_path).stdout
    assert f"made of {first['used']} of its 8 images; left out: " in text
    assert "1 file of an unknown patient could not be read: any patient may lack images" in text


def test_with_fewer_than_half_of_its_images_a_group_abstains():
    sound = Result("a.dcm", 0, "1", "ill", {"healthy": 0.2, "ill": 0.8}, group="P")
    away = Result("b.dcm", 0, "2", abstains=("modality is 'MR'",), group="P")
    lost = LostImage("c.dcm", "is damaged", "P")
    record = ModelRecord(classes=("healthy", "ill"), grouping=Grouping("patient"))
    (half,) = join_results([sound, away], [], record)
    assert (half.label, half.probabilities["ill"], half.used) == ("ill", pytest.approx(0.8), 1)
    (fewer,) = join_results([sound, away], [lost], record)
    assert (fewer.label, fewer.images, fewer.used) == (None, 3, 1)
    assert fewer.abstains == ("only 1 of its 3 images can be used: at least half are needed",)
    assert [one["path"] for one in fewer.left_out] == ["b.dcm", "c.dcm"]
    (none,) = join_results([], [lost], record)
    assert [place(one, fewer.to_plain()) for one in fewer.left_out] == ["b.dcm", "c.dcm"]
    twice = {"members": [], "left_out": [{"path": "a.nii", "frame": n} for n in (1, 3)]}
    assert [place(one, twice) for one in twice["left_out"]] == ["a.nii, frame 1", "a.nii, frame 3"]
    assert (none.label, none.images) == (None, 1)


def test_an_image_without_a_patient_is_in_no_patients_result(folder, model, tmp_path):
    file = sorted((folder / "test").iterdir())[0]
    ds = pydicom.dcmread(file)
    ds.PatientID = ""
    ds.save_as(tmp_path / "nobody.dcm")
    result = diagnose(model, tmp_path / "nobody.dcm")
    assert (result["groups"], result["ungrouped"]) == ([], 1)
    assert group_lines(result) == [
        "no patient is stated by 1 image, in no result by patient; --patients TABLE says whose they are"
    ]
    (series_,) = diagnose(model, tmp_path / "nobody.dcm", options=("--group", "series"))["groups"]
    assert series_["level"] == "series"


def test_options_of_diagnose_replace_the_models_rule_without_its_calibration(folder, model):
    patient = sorted((folder / "test").iterdir())[:8]
    own = diagnose(model, *patient)
    other = diagnose(model, *patient, options=("--aggregate", "max", "--finding", "ill"))
    none = diagnose(model, *patient, options=("--group", "none"))
    assert own["grouping"]["calibrated"] is not None
    assert other["grouping"] == {"level": "patient", "aggregate": "max", "finding": "ill", "calibrated": None}
    most = max(r["probabilities"]["ill"] for r in other["images"] if r["probabilities"])
    assert other["groups"][0]["probabilities"]["ill"] == pytest.approx(most, rel=1e-9)
    assert "groups" not in none
    assert "group" not in none["images"][0]


def test_the_results_of_patients_name_nobody(folder, model, tmp_path):
    patient = sorted((folder / "test").iterdir())[:8]
    name = str(pydicom.dcmread(patient[0]).PatientID)
    done = command("diagnose", model, *patient, "--record", tmp_path / "runs.jsonl", "--json", "-")
    log = (tmp_path / "runs.jsonl").read_text()
    assert name not in done.stdout + log
    last = json.loads(log.splitlines()[-1])
    assert (len(last["input"]), last["result"]["level"]) == (last["result"]["used"], "patient")
    assert "group" not in last["result"]


def test_the_structured_report_of_a_study_holds_the_patients_result(folder, model, tmp_path):
    hd = pytest.importorskip("highdicom", reason="highdicom is in the extra [clinical]")
    from tests.diagnosis.test_filing import dciodvfy

    result = diagnose(model, *sorted((folder / "test").iterdir())[:16], options=("--dicom", tmp_path / "dcm"))
    assert len(result["reports"]) == 2
    for name, group in zip(result["reports"], result["groups"], strict=True):
        report = hd.sr.srread(tmp_path / "dcm" / name)
        first, *frames = report.content.get_image_measurement_groups()
        assert len(frames) == 8
        values = {m.name.meaning: m.value for m in first.get_measurements()}
        assert values["Images of the patient"] == 8
        assert values["Images that the result is made of"] == group["used"] == len(first.source_images)
        assert values["Probability of ill"] == pytest.approx(group["probabilities"]["ill"], abs=1e-6)
        said = {e.name.meaning: e.value.meaning for e in first.get_qualitative_evaluations()}
        assert said["Result"] == group["label"]
        assert dciodvfy(tmp_path / "dcm" / name) == []


def test_an_empty_folder_is_refused(model, tmp_path):
    (tmp_path / "empty").mkdir()
    done = CliRunner().invoke(app, ["diagnose", str(model), str(tmp_path / "empty")])
    assert "is a folder without images" in str(done.exception)


def test_the_rule_is_in_the_model_file(model):
    kept = load(model).metadata["grouping"]
    assert (kept["level"], kept["aggregate"], kept["groups"]) == ("patient", "mean-log-odds", 12)


@pytest.fixture
def pictures(folder, tmp_path):
    """The test images of three patients as PNG files, and a table of whose they are."""
    from PIL import Image

    (tmp_path / "png").mkdir()
    rows = []
    for file in sorted((folder / "test").iterdir())[:24]:
        ds = pydicom.dcmread(file)
        Image.fromarray(ds.pixel_array).save(tmp_path / "png" / f"{file.stem}.png")
        rows.append((f"{file.stem}.png", str(ds.PatientID)))
    with (tmp_path / "whose.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file name", "person"), *rows])
    return tmp_path / "png"


def test_a_table_says_whose_pictures_are(pictures, folder, model):
    whose = ("--patients", pictures.parent / "whose.csv", "--path-column", "file name", "--patient-column", "person")
    alone = diagnose(model, pictures)
    assert (alone["groups"], alone["ungrouped"]) == ([], 24)
    (pictures / sorted(p.name for p in pictures.iterdir())[1]).write_bytes(b"damaged")
    result = diagnose(model, pictures, options=whose)
    assert (result["ungrouped"], result["unassigned"]) == (0, 0)
    assert [group["images"] for group in result["groups"]] == [8, 8, 8]
    assert any("abstains" not in one["reason"] for one in result["groups"][0]["left_out"])
    last = result["groups"][-1]
    p, used = joined_apart(result, last["group"], result["grouping"])
    assert last["used"] == used
    assert last["probabilities"]["ill"] == pytest.approx(p, rel=1e-9)
    assert "SYNTH" not in json.dumps(result)
