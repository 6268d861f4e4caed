"""Every line that the lesson shows is marked once in its reference and once in its kernel."""

import pytest

from convnet.explain.lessons import source_places
from convnet.explain.lessons.source_places import PASSES, Place, find_place, find_places, list_passes
from convnet.explain.lessons.sources import OWN_FORMULAS, excerpt, formula_of
from kernels import registry

LABELS = sorted(find_places())
OF_PASSES = [f"{operation}.{name}" for operation, passes in list_passes().items() for name in passes]
# loops that a kernel takes for some sizes: the reference has one for all
LOOPS = {"conv2d": {"narrow", "depthwise", "window", "window_depthwise"}} | {
    "maxpool2d": {"side_by_side"},
    "avgpool2d": {"side_by_side"},
}


def line_of(found):
    return found["text"].split("\n")[found["numbers"].index(found["line"])]


@pytest.mark.parametrize("label", OF_PASSES)
def test_a_pass_has_one_line_in_its_reference_and_one_in_its_kernel(label):
    operation = label.split(".")[0]
    reference, fast = find_place(label, "reference"), find_place(label, "fast")
    assert operation.removeprefix("log_").startswith(reference.file.removesuffix("/reference.py"))
    assert fast.file.split("/")[0] in (reference.file.split("/")[0], "cpu")
    for place in (reference, fast):
        assert line_of(excerpt(place)).strip()[0] not in "#\"'"


@pytest.mark.parametrize("label", LABELS)
def test_a_mark_is_a_pass_or_a_loop_that_the_lesson_knows(label):
    operation, name = label.split(".")
    if name not in PASSES:
        assert name in LOOPS[operation]
        assert not find_places()[label]["reference"]
        find_place(label, "fast")


def test_every_operation_is_marked():
    """A fused operation is shown as the operations that it fuses."""
    marked = {find_place(label, "reference").file.split("/")[0] for label in OF_PASSES}
    assert marked == set(registry.OPERATIONS) - {"convpool"}


@pytest.mark.parametrize("label", OF_PASSES)
def test_a_pass_has_a_formula(label):
    assert " = " in formula_of(label)


def test_every_formula_of_its_own_belongs_to_a_pass():
    assert set(OWN_FORMULAS) <= set(OF_PASSES)


def test_the_marks_themselves_are_not_shown_and_the_numbers_are_the_files():
    for places in find_places().values():
        for place in (p for role in places.values() for p in role):
            found = excerpt(place)
            assert "# lesson:" not in found["text"]
            assert len(found["numbers"]) == found["text"].count("\n") + 1
            assert found["text"].startswith("def ")


def test_a_missing_or_repeated_mark_names_itself(monkeypatch):
    with pytest.raises(ValueError, match=r"one line marked `# lesson: conv2d\.sideways` \(fast\).*found none"):
        find_place("conv2d.sideways", "fast")
    twice = {"a.data": {"reference": [Place("a/reference.py", 3), Place("a/reference.py", 9)], "fast": []}}
    monkeypatch.setattr(source_places, "find_places", lambda: twice)
    with pytest.raises(ValueError, match=r"found kernels/a/reference\.py:3, kernels/a/reference\.py:9"):
        find_place("a.data", "reference")
