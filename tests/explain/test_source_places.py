"""The table of places in the source, held to the source: a loop that has moved names itself here."""

import pytest

from convnet.explain.lessons import source_places
from convnet.explain.lessons.sources import excerpt
from kernels.verify.formulas import FORMULAS

PASSES = [
    (operation, name, *entry) for operation, passes in source_places.PLACES.items() for name, entry in passes.items()
]


def places(value):
    """Every Place within a constant of the module."""
    if isinstance(value, dict):
        return {place for v in value.values() for place in places(v)}
    if isinstance(value, tuple) and len(value) == 3 and str(value[0]).endswith(".py"):
        return {value}
    return {place for v in value for place in places(v)} if isinstance(value, tuple) else set()


PLACES = sorted({place for name, value in vars(source_places).items() if name.isupper() for place in places(value)})


@pytest.mark.parametrize("place", PLACES, ids=lambda place: " ".join(place))
def test_a_place_is_one_line_of_its_function(place):
    file, function, mark = place
    found = excerpt(place)
    lines = found["text"].split("\n")
    assert lines[0].startswith(f"def {function}(")
    assert mark in lines[found["line"] - found["first"]]


@pytest.mark.parametrize(("operation", "name", "formula", "reference", "fast"), PASSES)
def test_a_pass_has_a_known_formula_a_reference_and_a_kernel(operation, name, formula, reference, fast):
    kernel = operation.split()[0].removesuffix("_inference")
    assert formula in FORMULAS[kernel] or "=" in formula, f"kernels/verify/formulas.py has no {formula} of {kernel}"
    assert reference[0] == f"{kernel}/reference.py"
    assert fast is None or fast[0] != reference[0]
