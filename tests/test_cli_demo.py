"""The demos as a user meets them: what they print, and the files they leave."""

import json
import re

from typer.testing import CliRunner


def test_the_demo_leaves_files_model_figures_and_results_with_the_ideal_observer(tmp_path):
    from convnet import demo
    from convnet.data.phantom import Study

    said = []
    demo.run(tmp_path, said.append, verbose=0, phantom_study=Study(train=64, val=32, test=32, contrast=40.0))
    names = {p.name for p in tmp_path.iterdir()}
    figures = {f"{n}.png" for n in ("learning-curves", "confusion", "roc", "filters", "feature-maps")}
    assert names == figures | {"dicom", "model.safetensors", "results.json", "diagnosis.json", "lesson.html"}
    result = json.loads((tmp_path / "results.json").read_text())
    assert 0.9 < result["ideal_observer_auc"] <= 1
    assert any("ideal observer" in line for line in said)
    assert "Not for clinical use" in said[-1]


def test_one_demo_after_the_other_needs_no_option(tmp_path, monkeypatch):
    from convnet import demo
    from convnet.cli import app

    made = []
    for name in ("run", "run_digits"):
        monkeypatch.setattr(demo, name, lambda folder, *_: made.append(folder.name) or (folder / "x").touch())
    monkeypatch.chdir(tmp_path)
    for command in (["demo"], ["demo", "--digits"]):
        CliRunner().invoke(app, command, catch_exceptions=False)
    assert made == ["convnet-demo", "convnet-digits"]


def test_the_digits_demo_learns_ten_classes_from_8x8_pixels(tmp_path):
    from convnet import demo

    demo.run_digits(tmp_path, lambda _: None, verbose=0)
    result = json.loads((tmp_path / "results.json").read_text())
    assert len(result["classes"]) == 10
    assert result["accuracy"] > 0.95
    page = (tmp_path / "lesson.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'<script type="application/json" id="lesson">(.*?)</script>', page, re.DOTALL)[1])
    assert data["values"][0]["shape"] == [8, 8, 1]
    assert len(data["classroom"]["shown"]) == 12
    assert data["label"] != data["answer"]  # the page opens on a digit that the network names wrongly
    assert len(page) < 1_000_000
