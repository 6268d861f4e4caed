"""What an operation's calls have in common holds for every call that drawn problems make, not for those of a count."""

from functools import cache, partial

import numpy as np
import pytest

from kernels.algebra.coverage import Reached
from kernels.verify import restrictions
from kernels.verify.calls import calls, launches
from kernels.verify.implementation import Registered
from kernels.verify.operations import load_all
from kernels.verify.reach import CONCERNS, Reach, find, pack, unpack
from kernels.verify.restrictions import RESTRICTIONS, Restriction

DRAWN = 60  # geometries of each operation and dtype
CUDA = [name for name in RESTRICTIONS if load_all()[name].variants("cuda-emulated")]


@cache
def arguments_of_calls(operation, target):
    """Return the arguments, by name, of every kernel that all passes call on drawn problems."""
    op, rng = load_all()[operation], np.random.default_rng(20)
    found = []
    problems = [op.problem(op.fit(op.draw(rng)), t, "integers", seed) for t in op.dtypes for seed in range(DRAWN)]
    watch = calls if target == "cpu" else partial(launches, run=False)
    for variant in op.variants(target):
        impl = Registered(op, variant, target)
        if impl.factor is not None:
            continue  # it has kernels of its own
        with watch(found.append):
            for p in problems:
                for name in op.passes:
                    impl.call(name, *op.arguments(name, p))
    return found


@pytest.mark.parametrize("operation", RESTRICTIONS)
def test_every_call_of_an_operation_is_one_to_which_its_restrictions_apply(operation):
    found = arguments_of_calls(operation, "cpu")
    assert len(found) >= DRAWN
    assert [r.text for r in RESTRICTIONS[operation] for c in found if not r.holds(c)] == []


@pytest.mark.parametrize("operation", CUDA)
def test_the_same_holds_for_every_launch(operation):
    pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")
    found = arguments_of_calls(operation, "cuda-emulated")
    assert len(found) >= DRAWN
    assert [r.text for r in RESTRICTIONS[operation] for c in found if not r.holds(c)] == []


def test_a_restriction_that_does_not_hold_is_found():
    rule = Restriction("the stride is 1", (lambda stride: stride == (1, 1),))
    held = [rule.holds(c) for c in arguments_of_calls("conv2d", "cpu")]
    assert True in held
    assert False in held


def test_a_kernel_without_a_tests_arguments_passes_it():
    rule = Restriction("two", (lambda a, b: a == b,))
    assert rule.holds({"a": 1})
    assert rule.holds({"a": 1, "b": 1, "c": 2})
    assert not rule.holds({"a": 1, "b": 2, "c": 2})
    assert [rule.concerns(a) for a in ({"a": 1}, {"a": 1, "b": 2})] == [False, True]


def test_a_condition_that_is_decided_skips_one_of_its_branches(monkeypatch, tmp_path):
    monkeypatch.setattr(restrictions, "ROOT", tmp_path)
    (tmp_path / "a.py").write_text("if x == Y:\n    a = 1\nelse:\n    a = 2\n    b = 3\nif z:\n    c = 4\n", "utf-8")

    def skipped(*decides):
        return [n for n in range(1, 8) if Restriction("", (), decides).skips("a.py", n)]

    assert skipped() == []
    assert skipped(("x == Y", True)) == [4, 5]
    assert skipped(("x == Y", False), ("z", False)) == [2, 7]


def test_lines_are_kept_as_ranges_of_their_file():
    places = {"a.py:3", "a.py:4", "a.py:5", "a.py:9", "b/c.py:12"}
    assert pack(places) == {"a.py": "3-5,9", "b/c.py": "12"}
    assert unpack(pack(places)) == places


def test_a_line_ran_within_a_restriction_if_one_kernel_had_such_a_call():
    reach = Reach({"f": {"a.py": "1-4"}, "g": {"a.py": "2-3"}}, {"r": {"f": {"a.py": "3-4"}}})
    assert reach.lines(["f", "g"]) == {"a.py:1", "a.py:2", "a.py:3", "a.py:4"}
    assert reach.lines_within("r", ["f"]) == {"a.py:1", "a.py:2"}
    assert reach.lines_within("r", ["f", "g"]) == {"a.py:1", "a.py:2", "a.py:3"}
    assert reach.lines_within("r", ["h"]) == set()


def test_what_ran_only_in_calls_without_a_label_is_beyond_it():
    places = {n: frozenset({f"a.py:{n}"}) for n in (1, 2, 3)}
    kernel = Reached("f(float32)", places=places)
    kernel.add({1, 2}, ["r", CONCERNS + "r"])
    kernel.add({2, 3}, [CONCERNS + "r"])
    other = Reached("f(float64)", {3}, {3: frozenset({"a.py:4"})})
    reach = find([kernel, other], ["r", "s"])
    assert reach.ran == {"f": {"a.py": "1-4"}}
    assert reach.beyond == {"r": {"f": {"a.py": "3-4"}}, "s": {"f": {"a.py": "1-4"}}}
    assert reach.concerned == {"r": ["f"]}
