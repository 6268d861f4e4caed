"""The command line as a user meets it: a subprocess, its exit code, its output, and the files it leaves."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.command import ROOT, convnet


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A small simulated CT study as DICOM files."""
    from convnet.data.phantom import Study

    folder = tmp_path_factory.mktemp("study") / "ct"
    Study(train=96, val=32, test=32, contrast=60.0).write(folder)
    return folder


@pytest.fixture(scope="module")
def model(study, tmp_path_factory):
    """A model that `convnet train` made of it."""
    folder = tmp_path_factory.mktemp("model")
    file = folder / "model.safetensors"
    done = convnet(
        "train",
        study,
        "--labels",
        study / "labels.csv",
        "--out",
        file,
        "--network",
        "listing",
        "--epochs",
        4,
        "--figures",
        folder / "figures",
    )
    assert done.returncode == 0, done.stderr
    assert "Not for clinical use" in done.stdout
    assert "160 images: train: 48 'absent', 48 'present'; val: 16 'absent', 16 'present'; test: 16 " in done.stdout
    assert re.search("^training images (not )?mirrored: [^{}]+$", done.stdout, re.MULTILINE)
    assert sorted(p.name for p in (folder / "figures").iterdir()) == ["filters.png", "learning-curves.png"]
    return file


def test_evaluate_gives_the_figures_as_json_and_as_pictures(study, model, tmp_path):
    done = convnet(
        *("evaluate", model, study, "--labels", study / "labels.csv"),
        *("--positive", "present", "--json", "-", "--figures", tmp_path),
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["n"] == 32
    assert np.sum(result["confusion"]) == 32
    assert result["accuracy"] == np.trace(result["confusion"]) / 32
    assert result["auc"] > 0.8  # a lesion of this contrast is plain to see
    assert result["positive"] == "present"
    confusion = np.array(result["confusion"])
    assert result["sensitivity"] == confusion[1, 1] / confusion[1].sum()
    assert result["specificity"] == confusion[0, 0] / confusion[0].sum()
    assert "Not for clinical use" in result["notice"]
    figures = ["confusion.png", "feature-maps.png", "precision-recall.png", "reliability.png", "roc.png"]
    assert sorted(p.name for p in tmp_path.iterdir()) == figures
    assert result["figures"]["auc"]["value"] == pytest.approx(result["auc"])
    assert result["figures"]["accuracy"]["low"] < result["accuracy"] <= result["figures"]["accuracy"]["high"]
    assert result["patients"] == 32
    assert [p["rule"] for p in result["operating_points"]] == [
        "most probable class",
        "largest sensitivity + specificity on validation",
    ]
    for picture in tmp_path.iterdir():
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_an_operating_point_is_asked_for_by_its_sensitivity_on_validation(study, model):
    table = ("evaluate", model, study, "--labels", study / "labels.csv")
    done = convnet(*table, "--positive", "present", "--sensitivity", 0.9)
    assert "sensitivity of 0.9 or more on validation (threshold" in done.stdout
    done = convnet(*table, "--sensitivity", 0.9)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--sensitivity needs --positive" in done.stderr


def test_a_trained_models_layers_are_numbered_as_in_a_script_of_its_own(model):
    """`layer="conv2d"` finds the first convolution: networks that were built to try a size have taken no numbers."""
    from convnet.model import load

    assert [layer.name for layer in load(model).layers if "conv2d" in layer.name] == ["conv2d", "conv2d_1"]


def test_an_unknown_split_is_refused_with_those_that_there_are(study, model):
    done = convnet("evaluate", model, study, "--labels", study / "labels.csv", "--split", "holdout")
    assert done.returncode == 2
    assert all(word in done.stderr for word in ("'holdout'", "'train'", "'val'", "'test'", "'all'"))


def test_every_trained_model_has_its_card(model):
    card = json.loads(model.with_suffix(".card.json").read_text())
    assert card["not_a_medical_device"] is True
    assert card["model"]["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    assert card["data"]["images"]["train"] == {"absent": 48, "present": 48}
    assert card["validation"]["n"] == 32
    assert card["training"]["recipe"]["epochs"] == 4
    page = model.with_suffix(".card.html").read_text()
    for words in ("Not a medical device", "Intended use", "Limits", card["model"]["sha256"], "data:image/png;base64,"):
        assert words in page
    assert not re.search(r"https?:|<script|<link|PHANTOM", page)


def test_a_recipe_in_a_file_trains_an_ensemble_and_the_command_line_is_stronger(study, tmp_path):
    (tmp_path / "recipe.toml").write_text('network = "listing"\nepochs = 2\nruns = 2\nkeep = "last"\nflip = "off"\n')
    file = tmp_path / "m.safetensors"
    data = (study, "--labels", study / "labels.csv")
    done = convnet("train", *data, "--out", file, "--config", tmp_path / "recipe.toml", "--epochs", 3)
    assert done.returncode == 0, done.stderr
    assert "seed 1: kept epoch 3 of 3" in done.stdout
    names = {p.name for p in tmp_path.iterdir()}
    assert {"m.safetensors", "m-1.safetensors", "m-2.safetensors", "m-2.card.html", "m.card.json"} <= names
    done = convnet("compare", tmp_path / "m-1.safetensors", file, *data, "--json", "-")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["n"] == 32
    assert 0 <= (found["delong"]["present"]["p"] or 0) <= 1
    done = convnet("diagnose", file, next((study / "test").iterdir()), "--json", "-")
    assert json.loads(done.stdout)["calibrated"] is True
    (tmp_path / "wrong.toml").write_text("epoch = 2\n")
    done = convnet("train", *data, "--config", tmp_path / "wrong.toml")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "'epoch' is unknown" in done.stderr


def test_cross_validation_answers_whether_more_cases_would_help(study, tmp_path):
    done = convnet(
        *(
            "crossvalidate",
            study,
            "--labels",
            study / "labels.csv",
            "--network",
            "listing",
            "--epochs",
            2,
            "--folds",
            2,
            "--cases",
        ),
        *("--json", tmp_path / "cv.json", "--figures", tmp_path),
    )
    assert done.returncode == 0, done.stderr
    assert "Would more cases help?" in done.stdout
    result = json.loads((tmp_path / "cv.json").read_text())
    assert [s["share"] for s in result["by_share"]] == [0.125, 0.25, 0.5, 1.0]
    assert result["images"] == 128  # train and val
    assert (tmp_path / "cases.png").read_bytes().startswith(b"\x89PNG")


def test_an_audit_is_text_json_and_a_page(study, tmp_path):
    done = convnet(
        *("audit", study, "--labels", study / "labels.csv"),
        *("--json", tmp_path / "audit.json", "--html", tmp_path / "audit.html", "--strict"),
    )
    assert done.returncode == 0, done.stderr  # the simulated study holds no error
    assert json.loads((tmp_path / "audit.json").read_text())["images"] == 160
    assert "Audit of images and labels" in (tmp_path / "audit.html").read_text()
    lines = (study / "labels.csv").read_text().splitlines()
    (study / "torn.csv").write_text("\n".join([*lines[:100], "no-such-file.dcm" + "," * lines[0].count(",")]) + "\n")
    done = convnet("audit", study, "--labels", study / "torn.csv", "--strict")
    (study / "torn.csv").unlink()
    assert done.returncode == 2


def test_every_sensitivity_names_its_class(study, model):
    done = convnet("evaluate", model, study, "--labels", study / "labels.csv")
    assert "sensitivity for class 'absent'" in done.stdout
    assert "sensitivity for class 'present'" in done.stdout


def test_diagnose_gives_each_image_a_result_and_names_what_it_could_not_read(study, model, tmp_path):
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"this is no image")
    one = next((study / "test").iterdir())
    done = convnet("diagnose", model, one, broken, "--json", "-")
    assert done.returncode == 0
    result = json.loads(done.stdout)
    assert [r["path"] for r in result["images"]] == [str(one)]
    assert sum(result["images"][0]["probabilities"].values()) == pytest.approx(1)
    assert result["images"][0]["label"] in ("absent", "present")
    assert [f["path"] for f in result["failed"]] == [str(broken)]
    assert "broken.dcm" in done.stderr
    assert convnet("diagnose", model, one, broken, "--strict").returncode == 2
    assert convnet("diagnose", model, broken).returncode == 2


def test_inspect_tells_the_pipeline_step_by_step_with_a_picture(study, tmp_path):
    file = next((study / "test").iterdir())
    done = convnet("inspect", file, "--picture", tmp_path / "steps.png")
    assert done.returncode == 0, done.stderr
    assert "HU = 1.0 * stored - 1024" in done.stdout
    assert "CT Image Storage" in done.stdout
    assert "PHANTOM" not in done.stdout  # no patient
    assert (tmp_path / "steps.png").read_bytes().startswith(b"\x89PNG")


def test_an_npz_file_trains_like_a_folder(tmp_path):
    rng = np.random.default_rng(0)
    parts = {}
    for name, n in (("train", 200), ("val", 40), ("test", 40)):
        labels = np.arange(n) % 2
        parts[f"{name}_images"] = (rng.integers(0, 100, (n, 28, 28)) + 100 * labels[:, None, None]).astype(np.uint8)
        parts[f"{name}_labels"] = labels[:, None].astype(np.uint8)
    np.savez(tmp_path / "data.npz", **parts)
    for network in ("listing", "gap", "resnet", "formula"):
        file = tmp_path / f"{network}.safetensors"
        done = convnet("train", "--npz", tmp_path / "data.npz", "--network", network, "--out", file, "--epochs", 12)
        assert done.returncode == 0, done.stderr
        done = convnet("evaluate", file, "--npz", tmp_path / "data.npz", "--json", "-")
        assert json.loads(done.stdout)["accuracy"] > 0.8, network


def test_positive_must_be_a_class(study, model):
    done = convnet("evaluate", model, study, "--labels", study / "labels.csv", "--positive", "malignant")
    assert done.returncode == 2
    assert "--positive 'malignant': choose one of the classes: absent, present" in done.stderr


def table(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_evaluate_warns_of_images_that_training_has_seen(study, model):
    labels = study / "labels.csv"
    quiet = convnet("evaluate", model, study, "--labels", labels)
    assert "WARNING" not in quiet.stderr
    loud = convnet("evaluate", model, study, "--labels", labels, "--split", "all", "--json", "-")
    assert "WARNING: 128 of 160 images are, pixel for pixel, among those that" in loud.stderr
    assert json.loads(loud.stdout)["seen_in_training"] == 128


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--size", "9", "--network", "listing"], "--size 9 is too small for the network listing: it needs 10 or more"),
        (["--size", "5", "--network", "gap"], "--size 5 is too small for the network gap: it needs"),
        (["--size", "512", "--network", "listing"], "million parameters: use --network gap"),
        (["--window", "nan", "100"], "window must be two finite numbers"),
        (["--window", "40", "0"], "window must be two finite numbers"),
        (["--out", "."], "is a folder: give a file's name"),
        (["--figures", "labels.csv"], "labels.csv is a file: give a folder"),
    ],
)
def test_what_cannot_work_is_refused_before_training(study, options, message):
    done = convnet("train", ".", "--labels", "labels.csv", *options, cwd=study)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (study / "model.safetensors").exists()


def test_a_task_of_one_class_is_refused(study, tmp_path):
    rows = (study / "labels.csv").read_text().splitlines()
    labels = table(tmp_path / "one.csv", [rows[0], *(r for r in rows if ",absent," in r)])
    done = convnet("train", study, "--labels", labels, "--out", tmp_path / "m.safetensors")
    assert done.returncode == 2
    assert "needs images of two classes or more, but there is only 'absent'" in done.stderr
    rows = [rows[0], *(r for r in rows[1:] if ",absent," in r or not r.endswith(",train"))]
    done = convnet("train", study, "--labels", table(tmp_path / "t.csv", rows), "--out", tmp_path / "m.safetensors")
    assert done.returncode == 2
    assert "no image of class 'present' in the split 'train'" in done.stderr


def test_an_empty_patient_cell_does_not_hide_a_patient_in_two_splits(study, tmp_path):
    import shutil

    one = next((study / "train").iterdir())
    for name in ("a", "b", "c"):
        shutil.copy(one, tmp_path / f"{name}.dcm")
    rows = ["path,label,patient,split", "a.dcm,x,,train", "b.dcm,y,,test", "c.dcm,x,someone,val"]
    done = convnet("train", tmp_path, "--labels", table(tmp_path / "t.csv", rows), "--out", tmp_path / "m.safetensors")
    assert done.returncode == 2
    assert "more than one split" in done.stderr


def test_ctrl_c_before_the_first_epoch_is_complete_writes_no_model(study, tmp_path):
    import signal
    import time

    out = tmp_path / "m.safetensors"
    process = subprocess.Popen(
        [sys.executable, "-m", "convnet", "train", study, "--labels", study / "labels.csv", "--out", out],
        env={**os.environ, "PYTHONPATH": str(ROOT), "FORMULA_CONVNET_CACHE": str(tmp_path / "empty")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
    )
    assert "images that stay in one split" in process.stderr.readline()
    assert "recipe: network gap, 100 epochs" in process.stderr.readline()
    line = process.stderr.readline()  # kernels are being compiled into an empty cache: seconds before the first epoch
    assert "Compiling kernels" in line
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert err.strip() == "convnet: interrupted"
    assert not out.exists()
