"""Every task by the command line: a table or a MedMNIST file in, a model, its metrics, plots and results out."""

import csv
import json
import re

import numpy as np
import pydicom
import pytest
from typer.testing import CliRunner

from convnet.cli import app
from convnet.data.cohort.write import new_image, save
from tests.study.test_tasks import KINDS, images


def command(*arguments):
    done = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def write(task, root):
    """The images of a task as DICOM files with a table."""
    data = images(task, n=180)
    rows = [("path", "label", "patient", "split")]
    for i, split in enumerate(data.splits):
        pixels = np.rint(data.x[i, ..., 0] * 255).astype(np.uint8)
        save(new_image("1.2.840.10008.5.1.4.1.1.7", pixels, data.patients[i], str(i), "OT"), root / f"{i}.dcm")
        if task == "multilabel":
            label = "|".join(c for c, v in zip(data.classes, data.y[i], strict=True) if v) or "No Finding"
        else:
            label = data.classes[data.y[i]] if task == "ordinal" else f"{data.y[i]:.3f}"
        rows.append((f"{i}.dcm", label, data.patients[i], split))
    with (root / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return data


@pytest.mark.parametrize("task", KINDS)
def test_a_table_is_trained_evaluated_and_diagnosed(task, tmp_path):
    pytest.importorskip("highdicom", reason="highdicom is in the extra [clinical]")
    from tests.diagnosis.test_filing import dciodvfy

    folder = tmp_path / "images"
    data = write(task, folder)
    asked = (folder, "--labels", folder / "labels.csv")
    recipe = ("--network", "listing", "--size", 12, "--epochs", 10, "--flip", "off", "--shift", 0, "--dropout", 0)
    told = ("--task", "ordinal") if task == "ordinal" else ()  # the others are recognised
    out = tmp_path / "m.safetensors"
    report = tmp_path / "report.html"
    command("train", *asked, *recipe, *told, "--out", out, "--report", report)
    page = report.read_text()
    assert ("Measured values against predictions" in page) == (task == "regression")
    headings = {"regression": ("Largest errors", "Smallest errors")}.get(task, ("Wrong", "Right"))
    assert all(re.search(f"<h3>{name}(, \\d of \\d+|: none)</h3>", page) for name in headings)
    shown = re.findall(r"<figcaption>(\d+)\.dcm: ([^,]+), predicted ([^ <]+)", page)
    assert shown
    assert page.count("Grad-CAM of &#x27;") == len(shown)
    for n, truth, said in shown:
        label = data.y[int(n)]
        if task == "regression":
            assert truth == f"{label:.4g}"
            assert float(said) == pytest.approx(label, abs=np.ptp(data.y))
        elif task == "ordinal":
            assert truth == data.classes[label]
            assert said in data.classes
        else:
            assert truth == ("|".join(c for c, v in zip(data.classes, label, strict=True) if v) or "no finding")
    figures = tmp_path / "figures"
    result = json.loads(command("evaluate", out, *asked, "--json", "-", "--figures", figures).stdout)
    assert result["task"] == task
    assert result["n"] == len(data.where("test"))
    wanted = {
        "multilabel": {"roc.png", "precision-recall.png", "reliability.png", "feature-maps.png"},
        "ordinal": {"confusion.png", "reliability.png", "feature-maps.png"},
        "regression": {"agreement.png", "feature-maps.png"},
    }[task]
    assert {path.name for path in figures.iterdir()} == wanted
    assert "95% intervals by bootstrap over patients" in command("evaluate", out, *asked).stdout
    same = json.loads(command("compare", out, out, *asked, "--json", "-").stdout)
    assert same["task"] == task
    assert all(one["value"] == 0 for one in same["difference"].values())
    assert set(same["delong"]) == (set(data.classes) if task == "multilabel" else set())
    files = [folder / f"{i}.dcm" for i in data.where("test")[:2]]
    made = ("--dicom", tmp_path / "dcm", "--overlays", tmp_path / "png", "--record", tmp_path / "runs.jsonl")
    found = json.loads(command("diagnose", out, *files, *made, "--json", "-").stdout)
    assert len(found["reports"]) >= 1
    for path in (tmp_path / "dcm").iterdir():
        assert dciodvfy(path) == [], path
        assert pydicom.dcmread(path)
    text = command("diagnose", out, *files, "--record", tmp_path / "runs.jsonl").stdout
    assert all(str(file) in text for file in files)


def test_a_file_of_several_labels_is_recognised(tmp_path):
    data = images("multilabel", n=120)
    arrays = {}
    for split in ("train", "val", "test"):
        at = data.where(split)
        arrays[f"{split}_images"] = np.rint(data.x[at, ..., 0] * 255).astype(np.uint8)
        arrays[f"{split}_labels"] = data.y[at].astype(np.uint8)
    np.savez(tmp_path / "chest.npz", **arrays)
    npz, out = ("--npz", tmp_path / "chest.npz"), tmp_path / "m.safetensors"
    command("train", *npz, "--size", 12, "--epochs", 3, "--out", out)
    result = json.loads(command("evaluate", out, *npz, "--json", "-").stdout)
    assert (result["task"], result["classes"]) == ("multilabel", ["0", "1"])
    rows = json.loads(command("crossvalidate", *npz, "--size", 12, "--epochs", 2, "--folds", 2, "--json", "-").stdout)
    assert rows["task"] == "multilabel"


def test_a_lesson_is_for_one_class_an_image(tmp_path):
    from convnet.data.preparation import Preparation
    from convnet.study.complete import train_recipe
    from convnet.study.recipe import Recipe

    data = images("regression", n=60)
    model = train_recipe(data, Recipe("listing", epochs=1, flip="off"), Preparation(12), verbose=0).model.model
    model.save(tmp_path / "m.safetensors")
    np.save(tmp_path / "x.npy", data.x[0])
    done = CliRunner().invoke(app, ["explain", str(tmp_path / "m.safetensors"), str(tmp_path / "x.npy")])
    assert "is of --task regression" in str(done.exception)
