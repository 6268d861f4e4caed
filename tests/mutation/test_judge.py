"""A mutant is judged by what it changes: the passes that it reaches, and whether its compiled code is another."""

import re
import time

import numpy as np
import pytest

pytest.importorskip("resource", reason="mutants run in forked processes")

from kernels import device, jit
from kernels.amx import processor
from kernels.conv2d import matrix_unit
from tests.mutation import apply
from tests.mutation.child import Answer, Child, allow
from tests.mutation.judge import Judge, users
from tests.mutation.kept import WAITING, Kept
from tests.mutation.operators import Mutant
from tests.mutation.reach import reached as whole_reach
from tests.mutation.simulated import is_simulated
from tests.mutation.targets import ROOT

RELU = "kernels/relu/cpu.py"


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    """A judge limits launches, and lets the matrix unit's variants run; afterwards both are as they were."""
    for owner, name in ((device.Emulated, "launch"), (processor, "missing"), (matrix_unit, "unit")):
        monkeypatch.setattr(owner, name, getattr(owner, name))


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def line_of(path: str, text: str) -> int:
    return read(path)[: read(path).index(text)].count("\n") + 1


def reached(path: str, text: str) -> set[tuple[str, str, str]]:
    return set(users(Mutant(path, line_of(path, text), 0, "", "", "", read(path))))


def judge(old: str, new: str) -> Answer:
    """The verdict on relu with a text exchanged, by verify alone."""
    assert read(RELU).count(old) == 1
    mutant, one = Mutant(RELU, line_of(RELU, old), 0, "", old, new, read(RELU).replace(old, new)), Judge()
    wanted = [user for user in users(mutant) if user.op == "relu"]
    one.prepare(mutant, wanted)
    return Child(lambda: one.verdict(mutant, wanted)).answer()


def test_only_the_passes_that_mention_a_function_are_reached():
    found = reached("kernels/conv2d/tiles_weights.py", "def _task")
    assert ("conv2d", "cpu", "backward_weights") in found
    assert {name for _, _, name in found} == {"backward_weights"}
    assert {variant for _, variant, _ in reached("kernels/conv2d/cuda_naive.py", "def _backward_data")} == {
        "cuda_naive"
    }


def test_a_function_of_other_functions_and_one_with_a_compiled_form_are_followed():
    assert {op for op, _, _ in reached("kernels/unary/formulas.py", "def tanh")} == {"unary"}
    assert {"sigmoid", "softmax"} <= {op for op, _, _ in reached("kernels/cpu/exponential.py", "def _exp32")}
    assert {op for op, _, _ in reached("kernels/cuda/fetch.py", "def fetch")} >= {"conv2d", "dense", "convpool"}


def test_what_only_eight_bits_or_fixed_weights_reach_is_held_to_their_problems():
    found = reached("kernels/conv2d/tiles_int8.py", "def _task")
    assert {op for op, _, _ in found} == {"conv2d_int8", "convpool_int8", "dense_int8"}
    assert {op for op, _, _ in reached("kernels/conv2d/fixed.py", "def lay_out")} == {"conv2d_fixed"}


@pytest.mark.parametrize(
    ("old", "new", "result"),
    [
        ("v if y[i] > zero else zero", "v if y[i] >= zero else zero", "killed"),
        ("y[i] = zero if x[i] <= zero else x[i]", "y[i] = x[i] if x[i] > zero else zero", "killed"),  # of a NaN
        ("zero = y.dtype.type(0)", "zero = y.dtype.type(0 - 0)", "equivalent"),
    ],
)
def test_a_mistake_is_noticed_unless_the_compiled_code_is_the_same(old, new, result):
    answer = judge(old, new)
    assert answer.result == result, answer


def test_a_mistake_in_what_python_runs_is_no_change_of_compiled_code_and_yet_another_program():
    assert judge("run(dy.reshape(-1), y.reshape(-1), out", "run(y.reshape(-1), dy.reshape(-1), out").result == "killed"


def compiled_names() -> Answer:
    """Return the symbols of relu's functions, compiled anew in a process that has loaded them from the disk."""
    from kernels import relu

    mutant = Mutant(RELU, line_of(RELU, "zero = y.dtype.type(0)"), 0, "", "", "", read(RELU))
    apply.load(whole_reach(mutant.path, mutant.line))
    last = len(jit.ENTRIES)
    apply.put(mutant)
    relu.backward(np.ones(9, np.float32), np.ones(9, np.float32))
    used = [entry for entry in jit.ENTRIES[last:] if entry.overloads]
    return Answer("done", " ".join(r.fndesc.mangled_name for e in used for r in e.overloads.values()))


def test_a_mutants_symbols_are_none_that_code_from_the_disk_may_have():
    """Of two functions with one symbol, the linker takes the one that was there first: the original."""
    answer = Child(compiled_names).answer()
    assert answer.result == "done", answer
    names = answer.by.split()
    assert names
    assert all(int(re.search(r"B\d+v(\d+)", name)[1]) >= apply.NEW for name in names), names


def test_the_tests_find_the_matrix_unit_as_it_is():
    before = processor.missing, matrix_unit.unit
    apply.use_matrix_unit()
    assert processor.missing() is None
    apply.leave_matrix_unit()
    assert (processor.missing, matrix_unit.unit) == before


def test_what_the_simulator_alone_runs_is_known():
    path = "kernels/cuda/vectors.py"
    there, elsewhere = (line_of(path, text) for text in ("return a[i], a[i + 1]", "four = builder.load"))
    assert [is_simulated(Mutant(path, line, 0, "", "", "", read(path))) for line in (there, elsewhere)] == [True, False]


def test_a_mutant_that_cannot_be_loaded_was_noticed():
    answer = judge("BLOCK = 1 << 14", "BLOCK = 1 << -14")
    assert answer == Answer("killed", "it cannot be loaded: ValueError: negative shift count")


def forever() -> Answer:
    allow(1)
    while True:
        time.process_time()


def crash() -> Answer:
    import ctypes

    return Answer("survived", str(ctypes.string_at(0)))


def test_a_process_that_does_not_end_or_that_dies_has_noticed():
    assert Child(forever).answer() == Answer("killed", "it does not end")
    assert Child(crash).answer() == Answer("killed", "the process ended by SIGSEGV")
    assert Child(lambda: Answer("survived", "")).answer() == Answer("survived", "")
    assert Child(lambda: 1 // 0).answer().result == "failed"  # a fault of the judge's own is no verdict


def test_a_result_that_is_kept_does_not_say_where_the_checkout_lies(tmp_path):
    kept = Kept(tmp_path / "results.jsonl")
    kept.add(Mutant("a.py", 1, 0, "kind", "x", "y", "y"), "killed", f"line 3 of {ROOT}/kernels/a.py", 1.0)
    assert kept.path.read_text(encoding="utf-8").count("line 3 of kernels/a.py") == 1


def test_a_verdict_is_not_lost_to_a_row_that_waits(tmp_path):
    mutant = Mutant("a.py", 1, 0, "kind", "x", "y", "y")
    for rows in ((WAITING, "killed"), ("killed", WAITING)):
        kept = Kept(tmp_path / f"{rows[0]}.jsonl")
        for result in rows:
            kept.add(mutant, result, "", 1.0)
        assert Kept(kept.path).is_done(mutant, waiting=False)
