"""`convnet verify` holds the variants on the matrix unit to the same properties, each within its own bound."""

import numpy as np
import pytest

from kernels import registry
from kernels.verify import properties
from kernels.verify.implementation import Registered
from kernels.verify.operations import load_operations
from kernels.verify.problems import case
from kernels.verify.property_list import PROPERTIES, applies
from tests import matrix_unit as unit


@pytest.mark.parametrize("name", registry.MATRIX_UNIT)
def test_every_property_holds_on_small_problems(monkeypatch, name):
    unit.use(monkeypatch)
    op, rng = load_operations()[name], np.random.default_rng(1)
    for variant in registry.opt_in(name, "cpu"):
        impl, g = Registered(op, variant), op.draw(rng)
        for what, wanted in PROPERTIES.items():
            for part in op.passes:
                if applies(what, op, impl, part, np.float32):
                    wanted.check(op, impl, part, case(op, impl, g, np.float32, wanted.kind, 2, False))


@pytest.mark.parametrize(
    ("name", "geometry"),
    [("dense", {"N": 5, "C": 20, "F": 20}), ("convpool", {"N": 1, "H": 6, "W": 7, "C": 2, "P": 3, "Q": 3, "F": 20})],
)
def test_numbers_cut_to_bfloat16_break_every_bound_but_that_of_one_product(monkeypatch, name, geometry):
    op = load_operations()[name]
    p = op.problem(geometry, np.float32, "random", 1)
    rounded = p.map_floats(lambda a: (a.view(np.uint32) + np.uint32(0x8000) & np.uint32(0xFFFF0000)).view(np.float32))
    monkeypatch.setattr(properties, "results", lambda op, impl, name, p: properties.exact(op, name, rounded))
    for variant, holds in (("cpu_amx_bf16", True), ("cpu_amx_3", False), ("cpu_amx", False), ("cpu", False)):
        if holds:
            properties.random(op, Registered(op, variant), "forward", p)
        else:
            with pytest.raises(properties.Broken, match="times the bound"):
                properties.random(op, Registered(op, variant), "forward", p)


def test_nothing_is_listed_where_there_is_no_unit(monkeypatch):
    monkeypatch.setattr(registry.processor, "missing", lambda: "nothing")
    assert registry.opt_in("conv2d", "cpu") == ()
    monkeypatch.setattr(registry.processor, "missing", lambda: None)
    assert registry.opt_in("conv2d", "cpu") == registry.MATRIX_UNIT["conv2d"]
    assert registry.opt_in("relu", "cpu") == ()
