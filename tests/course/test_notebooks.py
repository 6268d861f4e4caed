"""The course's notebooks: they run from top to bottom, show what they say, and are kept without outputs."""

import re
import shutil
from importlib.util import find_spec

import pytest

from convnet.course.folder import COURSE, copy_course
from convnet.exercises.catalogue import EXERCISES, find

nbformat = pytest.importorskip("nbformat", reason="needs Jupyter's nbformat: pip install '.[test]'")
nbclient = pytest.importorskip("nbclient", reason="needs Jupyter's nbclient: pip install '.[test]'")

NOTEBOOKS = sorted(COURSE.glob("*.ipynb"))
SOLUTIONS = COURSE / "teacher" / "solutions"
# checks that take ten seconds and more; tests/exercises has them, here the starting file is checked
LONG = ("maxpool", "tiles")
EVERY = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def cells(path, kind):
    return [cell.source for cell in read(path).cells if cell.cell_type == kind]


def graded(path):
    """The exercise that the notebook's last code cell checks."""
    return re.fullmatch(r'check\("(\w+)"\)', cells(path, "code")[-1])[1]


def test_there_are_seven_in_order_each_leading_to_the_next():
    assert [path.stem[:3] for path in NOTEBOOKS] == [f"0{n}_" for n in range(1, 8)]
    for number, path in enumerate(NOTEBOOKS, 1):
        words = cells(path, "markdown")
        assert words[0].startswith(f"# {number} ")
        following = NOTEBOOKS[number].name if number < 7 else "COURSE.md"
        assert f"({following})" in words[-1]


@EVERY
def test_it_is_kept_without_outputs(path):
    notebook = read(path)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
        assert cell.metadata == {}
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.language_info == {"name": "python"}  # no version of the machine that it was saved on


@EVERY
def test_it_can_be_read_in_a_quarter_of_an_hour(path):
    """200 words a minute for the prose, and 10 lines of code."""
    prose = sum(len(text.split()) for text in cells(path, "markdown"))
    code = sum(len(text.splitlines()) for text in cells(path, "code"))
    assert prose / 200 + code / 20 < 15


def test_the_exercises_of_all_notebooks_are_all_that_there_are():
    named = {name for path in NOTEBOOKS for text in (*cells(path, "code"), *cells(path, "markdown"))
             for name in re.findall(r'begin\("(\w+)"\)', text)}  # fmt: skip
    assert named == {exercise.name for exercise in EXERCISES}


@EVERY
def test_it_runs_from_top_to_bottom_and_grades_its_exercise(path, tmp_path, monkeypatch):
    if "gpu" in path.stem and find_spec("numba_cuda") is None:
        pytest.skip("needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")
    monkeypatch.setenv("PYTHONPATH", str(COURSE.parents[1]))
    copy_course(tmp_path)
    name = graded(path)
    if name not in LONG:
        shutil.copy(SOLUTIONS / f"{name}.py", tmp_path)
    notebook = read(tmp_path / path.name)
    where = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=where).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 1
    verdict = "".join(output.text for output in notebook.cells[-2].outputs)
    if name in LONG:
        assert "NotImplementedError" in verdict
        assert (tmp_path / f"{name}.py").read_bytes() == find(name).start.read_bytes()
    else:
        assert verdict.startswith("solved: ")
        assert (tmp_path / f"{name}.py").read_bytes() == (SOLUTIONS / f"{name}.py").read_bytes()
    assert_claims(path.stem[:2], notebook)


def assert_claims(number, notebook):
    """What the prose says about the numbers and faults that the cells show."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    text = "\n".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs)
    if number == "03":
        accuracy = float(re.search(r"training never saw: ([\d.]+)", text)[1])
        assert accuracy > 0.9
        assert float(re.search(r"^accuracy: ([\d.]+)", text, re.MULTILINE)[1]) > 0.9
    if number == "04":
        auc, low, high, ideal = map(float, re.search(
            r"AUC ([\d.]+), 95 % interval ([\d.]+) to ([\d.]+)[^\n]*\nthe best [^\n]*: ([\d.]+)", text
        ).groups())  # fmt: skip
        assert 0.8 < low < auc < high
        assert auc < ideal
    if number == "06":
        faults = re.findall(r"^([a-z-]+): \w+, line \d+ of", text, re.MULTILINE)
        assert faults == ["out-of-bounds", "race", "missed-barrier"]
    if number == "07":
        assert "all 2 passes are their formula" in text
        assert "FAILED conv2d forward, broken, float32: small integers agree bit for bit" in text
