"""The examples on the site's own pages run, and say what they print."""

import doctest
import re

import pytest

from tests.command import convnet
from tests.docs import markdown

PAGES = [path for path in markdown.PAGES if path.is_relative_to(markdown.ROOT / "docs")]


@pytest.mark.parametrize("path", PAGES, ids=markdown.name)
def test_it_prints_what_the_page_says(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    failed, _ = doctest.testfile(str(path), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


@pytest.mark.parametrize("page", ["results_per_patient", "tasks"])
def test_a_study_runs_as_the_page_says(page, tmp_path, monkeypatch):
    """The page's Python and its commands, in their order; what they write is there."""
    path = markdown.ROOT / f"docs/howto/{page}.md"
    monkeypatch.chdir(tmp_path)
    failed, _ = doctest.testfile(str(path), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failed == 0
    for line in re.findall(r"^    convnet (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE):
        run = convnet(*line.split(), cwd=tmp_path)
        assert run.returncode == 0, f"{line}: {run.stderr}"
        if line.startswith("evaluate m.safetensors"):
            assert "calibrated on 40 validation patients" in run.stdout
            assert re.search(r"by image \(n 480\) +by patient \(n 60\)", run.stdout)
            assert (tmp_path / "figures/roc-by-patient.png").exists()
        if line.startswith("diagnose"):
            assert len(re.findall(r"^patient header-", run.stdout, re.MULTILINE)) == 60
        if "measured" in line:
            assert (tmp_path / "measured/agreement.png").exists()


def test_the_tour_of_the_file_formats_reaches_a_result_for_each_patient(tmp_path, monkeypatch):
    """The page's Python and its commands, in their order; what they print and write is what the page promises."""
    path = markdown.ROOT / "docs/howto/formats.md"
    monkeypatch.chdir(tmp_path)
    failed, _ = doctest.testfile(str(path), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failed == 0
    printed = {}
    for line in re.findall(r"^    convnet (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE):
        run = convnet(*line.split(), cwd=tmp_path)
        assert run.returncode == 0, f"{line}: {run.stderr}"
        printed[" ".join(line.split()[:3])] = run.stdout + run.stderr
    assert "axial slice 3 of 25" in printed["inspect tour/head.mha --frame"]
    assert "coronal slice 20 of 41" in printed["inspect tour/head.nii.gz --slices"]
    assert "jfif" in printed["inspect tour/photograph.jpg --phi"]
    assert "nothing was found" in printed["audit kaggle --labels"]
    assert re.search(r"by image \(n 60\) +by patient \(n 20\)", printed["evaluate pictures.safetensors kaggle"])
    pictures = printed["diagnose pictures.safetensors kaggle.zip"]
    assert len(re.findall(r"^patient patient-\w+ \(3 images, kaggle.zip/images/", pictures, re.MULTILINE)) == 80
    assert re.search(r"by image \(n 112\) +by patient \(n 14\)", printed["evaluate slices.safetensors series"])
    slices = printed["diagnose slices.safetensors series/test"]
    assert len(re.findall(r"^patient header-\w+ \(8 images, series/test/", slices, re.MULTILINE)) == 14
    assert "disc/77654033/CR1/6154: the model abstains" in printed["diagnose slices.safetensors disc/DICOMDIR"]
    for name in ("ct-steps.png", "head-steps.png", "audit.html", "training.html", "pictures.html", "slices.html"):
        assert (tmp_path / name).exists()


def test_the_kernel_on_the_page_is_proven(tmp_path):
    page = (markdown.ROOT / "docs/howto/own_kernel.md").read_text(encoding="utf-8")
    (tmp_path / "my_conv.py").write_text(re.search(r"^```python\n(.+?)^```$", page, re.MULTILINE | re.DOTALL)[1])
    run = convnet("verify", "--kernel", "my_conv.py", "--op", "conv2d", cwd=tmp_path)
    assert run.returncode == 0, run.stdout
