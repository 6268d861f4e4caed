"""Which lines and blocks run is found in the compiled code itself, by a mark in every block."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kernels.algebra.coverage import mark, watched
from kernels.verify import certificate, paths, paths_kept, table, verifier
from kernels.verify.operations import load_operations
from kernels.verify.reach import Reach
from kernels.verify.restrictions import RESTRICTIONS, Restriction

ROOT = Path(__file__).resolve().parents[2]
TEXT = """
define i32 @_ZN7kernelsB1(i1 %c) {
  br i1 %c, label %a, label %b

a:
  %x = phi i32 [ 0, %0 ]
  ret i32 0

b:
  ret i32 1
}
"""


def test_every_block_has_a_mark_but_those_that_report_an_error():
    text, places = mark(TEXT, np.zeros(8, np.uint8))
    assert list(places) == [0, 1]
    lines = text.splitlines()
    assert "store i8 1" in lines[lines.index("a:") + 2]  # after the phi
    assert lines[lines.index("b:") + 1] == "  ret i32 1"


def test_a_line_that_numba_writes_into_a_caller_of_another_file_keeps_the_name_of_its_own(tmp_path):
    (tmp_path / "inner.py").write_text("import numba\n@numba.njit(inline='always')\ndef twice(x):\n    return 2 * x\n")
    outer = "import numba\nfrom inner import twice\n\n\n\n@numba.njit(debug=True)\ndef f(x):\n    return twice(x) + 1\n"
    (tmp_path / "outer.py").write_text(outer)
    code = (
        "from kernels.algebra.inlined_lines import name_files; name_files(); import outer; outer.f(1.0); "
        "from kernels.algebra import coverage; from pathlib import Path; coverage.ROOT = Path('.').resolve(); "
        "(text,) = outer.f.inspect_llvm().values(); print(*sorted(set(coverage._lines(text).values())))"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=True)
    assert "inner.py:4" in done.stdout.split()
    assert not {"outer.py:3", "outer.py:4"} & set(done.stdout.split())


def test_a_tail_is_reached_by_a_length_that_has_one():
    from kernels import relu

    def reached(size):
        found = {}
        with watched(found):
            relu.forward(np.ones(size, np.float32))
        return sum(len(k.reached) for k in found.values())

    assert reached(64) != reached(67)


@pytest.mark.parametrize("by_a_link", [False, True])
def test_verify_reaches_every_line_of_a_small_operation(tmp_path, by_a_link):
    (tmp_path / "link").symlink_to(ROOT)
    root = tmp_path / "link" if by_a_link else ROOT
    code = "import sys; sys.argv[1:] = ['--op', 'add']; from kernels.verify import paths; paths.main()"
    environment = {**os.environ, "PYTHONPATH": str(root), "NUMBA_DEBUGINFO": "1"}
    environment["FORMULA_CONVNET_CACHE"] = str(tmp_path / "cache")  # compiled from that place
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (kept,) = [c for c in paths_kept.read() if (c.operation, c.target) == ("add", "cpu")]
    assert done.stdout.startswith(kept.statement.partition(";")[0])  # the number of blocks is the processor's


def test_counting_the_blocks_of_ptx_anew_finds_the_kept_count():
    pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")
    found = paths_kept.count("relu", "cuda-emulated", paths.measure("relu", "cuda-emulated"))
    (kept,) = [c for c in paths_kept.read() if (c.operation, c.target) == ("relu", "cuda-emulated")]
    assert (found.lines, found.unreached) == (kept.lines, kept.unreached)


LINES = [("add/cpu.py", 1, "a = 1"), ("add/cpu.py", 2, "b = 2")]


def counted(unreached, **changes):
    return paths_kept.Count("add", "cpu", 3, 9, 8, 1, ["add/cpu.py"], unreached=unreached, **changes)


def test_a_line_is_counted_with_its_text_and_named_if_it_is_unreached():
    lines = {n: frozenset({f"add/cpu.py:{n}"}) for n in (1, 2)}
    found = paths_kept.count("add", "cpu", [paths.Reached("k", {1}, lines)])
    text = (ROOT / "kernels/add/cpu.py").read_text("utf-8").splitlines()[1].strip()
    assert found.open == [f"kernels/add/cpu.py:2: {text}"]
    assert found.statement == "add, cpu: 1 of 2 lines of source; 1 of 2 blocks of 1 compiled kernels"
    assert found.current


@pytest.fixture
def restricted(monkeypatch, tmp_path):
    """Keep a count of `add` whose line 1 is unreached, and let `add` be restricted."""
    rule = Restriction("no array is long", ())
    monkeypatch.setattr(paths_kept, "FOLDER", tmp_path)
    monkeypatch.setattr(paths_kept, "RESTRICTIONS", {"add": (rule,)})
    return counted(LINES, compiled_into={"add/cpu.py:1": ["f", "g"], "add/cpu.py:2": ["f"]})


def keep_count_of_relu(ran, beyond, concerned=()):
    op = load_operations()["relu"]
    reach = Reach(ran, {"no array is long": beyond}, {"no array is long": list(concerned)})
    source = paths_kept.digest(op, "cpu", ["add/cpu.py"])
    paths_kept.keep(paths_kept.Count("relu", "cpu", 9, 9, 9, 2, ["add/cpu.py"], source, reach=reach))


def test_a_line_that_only_calls_of_another_operation_reach_does_not_count_and_the_reason_is_told(restricted):
    keep_count_of_relu({"f": {"add/cpu.py": "1,3"}}, {"f": {"add/cpu.py": "1"}})
    assert restricted.open == ["kernels/add/cpu.py:2: b = 2"]
    assert restricted.excused == ["kernels/add/cpu.py:1: a = 1: no array is long; relu reaches it"]
    assert "1 of 2 lines of source (1 more are for other operations)" in restricted.statement
    assert paths_kept.unneeded([restricted]) == []
    assert paths_kept.unneeded([]) == ["add: no array is long"]


@pytest.mark.parametrize(
    ("ran", "beyond"),
    [
        ({"f": {"add/cpu.py": "3"}}, {}),  # nobody reaches it
        ({"h": {"add/cpu.py": "1,3"}}, {"h": {"add/cpu.py": "1"}}),  # in a kernel that is not add's
        ({"f": {"add/cpu.py": "1"}, "g": {"add/cpu.py": "1,3"}}, {"f": {"add/cpu.py": "1"}}),  # g reaches it within
        ({"f": {"add/cpu.py": "1,3"}}, {"f": {"add/cpu.py": "1,3"}}),  # no call to which the restriction applies
    ],
)
def test_a_line_that_may_be_within_reach_stays_open(restricted, ran, beyond):
    keep_count_of_relu(ran, beyond)
    assert "kernels/add/cpu.py:1: a = 1" in restricted.open


def test_a_kernel_with_the_arguments_of_the_restriction_says_the_same_if_no_call_of_the_kernel_itself_does(restricted):
    ran, beyond = {"h": {"add/cpu.py": "1,3"}}, {"h": {"add/cpu.py": "1"}}
    keep_count_of_relu(ran, beyond, ["h"])
    assert restricted.open == ["kernels/add/cpu.py:2: b = 2"]
    keep_count_of_relu({**ran, "f": {"add/cpu.py": "1"}}, beyond, ["h"])
    assert len(dataclasses.replace(restricted).open) == 2  # known anew


def test_no_line_is_out_of_the_reach_of_an_operation_without_restrictions(restricted, monkeypatch):
    keep_count_of_relu({"f": {"add/cpu.py": "1,3"}}, {"f": {"add/cpu.py": "1"}})
    monkeypatch.setattr(paths_kept, "RESTRICTIONS", {})
    assert len(restricted.open) == 2


def test_a_count_that_refers_to_an_older_one_is_no_longer_current(restricted, monkeypatch):
    restricted.source = paths_kept.digest(load_operations()["add"], "cpu", ["add/cpu.py"])
    keep_count_of_relu({"f": {"add/cpu.py": "1,3"}}, {"f": {"add/cpu.py": "1"}})
    assert restricted.current
    monkeypatch.setattr(type(load_operations()["relu"]), "large", ({"M": 7},))
    assert not restricted.current


def test_a_count_holds_for_the_source_and_the_problems_that_it_was_made_of(monkeypatch, tmp_path):
    monkeypatch.setattr(paths_kept, "FOLDER", tmp_path)
    op = load_operations()["add"]
    paths_kept.keep(counted([], source=paths_kept.digest(op, "cpu", ["add/cpu.py"]), vectors=256))
    assert [c.operation for c in paths_kept.find(["add", "relu"], "cpu")[0]] == ["add"]
    assert paths_kept.find(["add", "relu"], "cpu")[1] == ["relu"]
    assert paths_kept.find(["add"], "cuda-emulated") == ([], ["add"])
    assert paths_kept.table().splitlines()[2:] == ["| add | cpu | 256 bits | 3 of 3 | 8 of 9 | yes |"]
    monkeypatch.setattr(type(op), "large", ({"M": 7},))
    assert paths_kept.find(["add"], "cpu") == ([], ["add"])
    assert paths_kept.table().endswith("| no |")


def test_every_line_that_was_counted_is_reached_or_has_a_reason():
    counts = paths_kept.read()
    assert {c.target for c in counts} == {"cpu", "cuda-emulated"}
    assert [line for c in counts for line in c.open] == []


def test_no_restriction_is_left_over_or_broken_by_the_operations_own_problems():
    counts = paths_kept.read()
    assert paths_kept.unneeded(counts) == []
    broken = [
        (c.operation, r.text) for c in counts for r in RESTRICTIONS.get(c.operation, ()) if r.text in c.reach.beyond
    ]
    assert broken == []


def test_verify_fails_and_names_the_line_if_a_count_of_this_source_has_an_unreached_line(monkeypatch, tmp_path):
    monkeypatch.setattr(paths_kept, "FOLDER", tmp_path)
    op = load_operations()["add"]
    paths_kept.keep(counted(LINES, source=paths_kept.digest(op, "cpu", ["add/cpu.py"])))
    outcome = verifier.Outcome([verifier.Row("add", "cpu", "forward", "float32")], 1.0, False)
    assert outcome.ok
    outcome = dataclasses.replace(outcome, counts=tuple(paths_kept.find(["add"], "cpu")[0]))
    assert not outcome.ok
    said = "\n".join(table.notes(certificate.make(outcome)))
    assert "FAILED: no problem reaches kernels/add/cpu.py:2: b = 2" in said
    assert "2 lines FAILED to be reached" in said
    outcome = dataclasses.replace(outcome, counts=(), uncounted=("add",))
    assert "Lines not counted since the source changed: add." in "\n".join(table.notes(certificate.make(outcome)))
