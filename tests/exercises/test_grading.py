"""Grading: what a submission's process may not do, what it cannot forge, and what a score means."""

import contextlib
import csv
import json
import os
import random
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import kernels
from convnet.exercises import score
from convnet.exercises.catalogue import EXERCISES, find
from convnet.exercises.grading import Settings, grade, remote, wire
from convnet.exercises.grading.remote import Limits, explain_missing_isolation
from tests.command import convnet
from tests.exercises import hostile
from tests.exercises.changing import SOLUTIONS, changed

SECONDS = 4.0
ISOLATED = pytest.mark.skipif(explain_missing_isolation() is not None, reason="needs Linux with user namespaces")
KERNELS = os.path.dirname(kernels.__file__)


def hand_in(folder, student, text, exercise="sum"):
    (folder / student).mkdir(parents=True, exist_ok=True)
    (folder / student / f"{exercise}.py").write_text(text)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """One folder of all attacks, graded once: {student: its result}, and the folder afterwards."""
    folder = tmp_path_factory.mktemp("class")
    hand_in(folder, "an_honest_one", hostile.SUM)
    other = str(folder / "an_honest_one" / "sum.py")
    known = {"REFERENCE": f"{KERNELS}/conv2d/reference.py", "TESTS": str(SOLUTIONS / "sum.py"), "OTHER": other,
             "FOLDER": str(folder), "PID": os.getpid()}  # fmt: skip
    given = "".join(f"{name} = {value!r}\n" for name, value in known.items())
    for name, code in hostile.RIGHT.items():
        hand_in(folder, name, f"{given}{hostile.GUARDED}\n{code}\n{hostile.SUM}")
    for name, (text, _) in hostile.WRONG.items():
        hand_in(folder, name, text)
    (folder / "linked").mkdir()
    (folder / "linked" / "sum.py").symlink_to(other)
    (folder / "linked_folder").symlink_to(folder / "an_honest_one")
    found = grade(folder, Settings((find("sum"),), 4, Limits(seconds=SECONDS), seed=3))
    return {s["student"]: s["results"][0] for s in found["students"]}, folder, found


@ISOLATED
@pytest.mark.parametrize("name", hostile.RIGHT)
def test_an_attack_is_held_back(name, attacked):
    result = attacked[0][name]
    assert result["solved"], result["feedback"]


@ISOLATED
@pytest.mark.parametrize("name", hostile.WRONG)
def test_nothing_but_right_results_scores(name, attacked):
    result = attacked[0][name]
    assert result["score"] == 0
    assert hostile.WRONG[name][1] in " ".join(result["feedback"])
    assert len(json.dumps(result)) < 20_000


@ISOLATED
def test_links_are_not_followed_and_nobody_else_is_touched(attacked):
    results, folder, found = attacked
    assert results["linked"]["feedback"] == ["sum.py is a link, not a file"]
    assert "linked_folder" not in results
    assert (folder / "an_honest_one" / "sum.py").read_text() == hostile.SUM
    assert results["an_honest_one"]["score"] == 100
    assert "namespaces" in found["isolation"]


@ISOLATED
def test_what_is_printed_is_bounded_in_the_feedback(attacked):
    said = attacked[0]["prints_much"]["feedback"]
    assert any("characters more" in line for line in said)
    assert sum(map(len, said)) < 3000


@ISOLATED
def test_a_score_is_the_share_of_the_aspects_that_are_right(tmp_path):
    source = changed(tmp_path, "sum", ("0 if b is None else b[f]", "0")).read_text()
    hand_in(tmp_path / "class", "no_bias", source)
    hand_in(
        tmp_path / "class", "half", (SOLUTIONS / "maxpool.py").read_text().split("\n\n\ndef backward")[0], "maxpool"
    )
    found = grade(tmp_path / "class", Settings(limits=Limits(seconds=20), seed=7))
    half, no_bias = (s["results"] for s in found["students"])
    right = [a["aspect"] for a in no_bias[0]["aspects"] if a["solved"]]
    assert right == ["one image, one channel, one filter", "several channels", "several filters", "several images",
                     "a kernel of one number"]  # fmt: skip
    assert no_bias[0]["score"] == round(100 * len(right) / len(no_bias[0]["aspects"]), 1)
    assert no_bias[0]["feedback"][0] == "the bias is missing: start each sum from b[f]"
    assert half[1]["score"] == 50
    assert half[1]["feedback"] == ["maxpool.py does not define backward"]
    assert no_bias[1]["feedback"] == ["maxpool.py was not handed in"]
    assert found["exercises"] == ["sum", "maxpool"]


@ISOLATED
def test_every_solution_gets_full_marks(tmp_path):
    quick = [e for e in EXERCISES if not e.fast and not e.emulated]
    for exercise in quick:
        hand_in(tmp_path, "teacher", (SOLUTIONS / f"{exercise.name}.py").read_text(), exercise.name)
    (student,) = grade(tmp_path, Settings(jobs=2, seed=1))["students"]
    assert [(r["exercise"], r["score"]) for r in student["results"]] == [(e.name, 100) for e in quick]


@ISOLATED
def test_the_command_writes_json_and_a_table(tmp_path):
    hand_in(tmp_path / "class", "=anna", hostile.SUM)
    done = convnet(
        *(
            "exercise",
            "grade",
            tmp_path / "class",
            "--json",
            tmp_path / "scores.json",
            "--csv",
            tmp_path / "scores.csv",
        ),
        *("--jobs", "2", "--timeout", "30"),
    )
    assert done.returncode == 0, done.stderr
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["students"][0]["score"] == 100
    rows = list(csv.reader((tmp_path / "scores.csv").open()))
    assert rows == [["student", "sum", "score", "of"], ["'=anna", "100.0", "100.0", "100"]]
    assert f"Seed: {scores['seed']}." in done.stdout
    again = convnet("exercise", "grade", tmp_path / "class", "--json", "-", "--seed", str(scores["seed"]))
    assert json.loads(again.stdout)["seed"] == scores["seed"]


def test_without_a_submission_or_without_isolation_it_says_so(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"no submission found, expected STUDENT/EXERCISE\.py"):
        grade(tmp_path, Settings())
    hand_in(tmp_path, "anna", hostile.SUM)
    replaced = ("explain_missing_isolation", lambda: "no namespaces")
    monkeypatch.setattr(import_module("convnet.exercises.grading.grade"), *replaced)
    with pytest.raises(ValueError, match=r"cannot be isolated here: no namespaces.*--trusted"):
        grade(tmp_path, Settings())
    found = grade(tmp_path, Settings(trusted=True, limits=Limits(seconds=20)))
    assert found["students"][0]["score"] == 100
    assert "trusted" in found["isolation"]


def test_two_gradings_ask_for_other_numbers_unless_the_seed_is_given():
    from convnet.exercises.grading.grade import make_task

    one, other, same = (make_task(find("sum"), seed).problems["several images"][0]["x"] for seed in (1, 2, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    "value", [np.arange(6.0).reshape(2, 3), (np.int8([1]), 2.5, None, ((1, 2), "a")), {"a": np.True_}]
)
def test_what_is_sent_arrives(value):
    assert repr(receive(wire.pack(value))) == repr(value)


def receive(data):
    data = memoryview(data)
    place = 0

    def read(count):
        nonlocal place
        if place + count > len(data):
            raise EOFError
        place += count
        return bytes(data[place - count : place])

    return wire.read_message(read, 2**20)


def test_bytes_that_are_no_message_are_an_error_and_nothing_else():
    rng, good = random.Random(0), wire.pack((np.arange(4), {"a": (1, 2.0)}, None))
    for _ in range(3000):
        bad = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            bad[rng.randrange(len(bad))] = rng.randrange(256)
        with contextlib.suppress(wire.WireError, EOFError):
            receive(bytes(bad[: rng.randint(0, len(bad))] if rng.random() < 0.3 else bad))


def test_a_message_that_claims_more_than_it_holds_takes_no_memory():
    header = json.dumps({"dtype": "<f8", "shape": [2**40]}).encode()
    with pytest.raises(wire.WireError):
        receive(wire.HEAD.pack(len(header), len(header)) + header)
    with pytest.raises(wire.WireError, match="larger than"):
        receive(wire.HEAD.pack(2**40, 2) + b"{}")


def test_no_process_and_no_folder_is_left(tmp_path):
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    import tempfile

    before = set(os.listdir(tempfile.gettempdir()))
    hand_in(tmp_path, "anna", "def forward(x, k, b=None, **s):\n    while True: pass\n")
    grade(tmp_path, Settings(limits=Limits(seconds=1), trusted=True))
    assert not [name for name in set(os.listdir(tempfile.gettempdir())) - before if name.startswith("exercise-")]


def test_the_page_on_gradescope_writes_what_gradescope_reads(tmp_path):
    page = (SOLUTIONS.parents[3] / "docs/howto/grading.md").read_text(encoding="utf-8")
    (tmp_path / "to_gradescope.py").write_text(re.search(r"^```python\n(import json\n.+?)^```$", page, re.M | re.S)[1])
    hand_in(tmp_path / "class", "student", hostile.SUM.replace("0 if b is None else b[f]", "0"))
    found = grade(tmp_path / "class", Settings(trusted=True, limits=Limits(seconds=20)))
    (tmp_path / "scores.json").write_text(json.dumps(found))
    subprocess.run([sys.executable, "to_gradescope.py", "scores.json", "results.json"], cwd=tmp_path, check=True)
    document = json.loads((tmp_path / "results.json").read_text())
    assert document["score"] == found["students"][0]["score"] == round(100 * 5 / 9, 1)
    assert {"name": "sum: a bias (forward)", "score": 0, "max_score": 1} in document["tests"]
    assert "the bias is missing" in document["tests"][-1]["output"]


def test_score_is_a_plain_number_of_points_for_nbgrader(tmp_path, capsys):
    hand_in(tmp_path, "anna", hostile.SUM)
    points = score("sum", tmp_path / "anna" / "sum.py", of=10, trusted=True)
    assert repr(points) == "10.0"
    assert capsys.readouterr().out == "solved\n"


@ISOLATED
def test_a_folder_may_be_named_from_where_one_is(tmp_path, monkeypatch):
    hand_in(tmp_path / "class", "ann", hostile.SUM)
    monkeypatch.chdir(tmp_path)
    found = grade(Path("class"), Settings((find("sum"),), seed=0))
    assert found["students"][0]["score"] == 100


@ISOLATED
def test_a_process_that_cannot_be_started_is_the_graders_fault_and_gives_no_scores(tmp_path, monkeypatch):
    hand_in(tmp_path, "ann", hostile.SUM)
    monkeypatch.setattr(remote, "WORKER", tmp_path / "missing.py")
    with pytest.raises(remote.GradingError, match=r"a submission's process could not be started: .*missing"):
        grade(tmp_path, Settings((find("sum"),), seed=0))
