"""A sample of `python -m kernels.verify.exhaustive`, and what it would say of a wrong kernel."""

import re

import numpy as np
import pytest

from kernels import avgpool2d, maxpool2d, registry, relu, targets
from kernels.algebra import comparisons
from kernels.verify import exhaustive
from kernels.verify.exhaustive import FUNCTIONS, count_wrong_maxima, measure, orders

MOVES = ("ld.", "st.", "mov.", "selp.", "setp.")  # of PTX, and its comparison


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_within_its_units_of_the_last_place(name):
    worst = measure(name, 9973)
    assert worst.inputs > 400_000
    assert worst.wrong == 0
    assert worst.ulp <= {"exp": 1.0, "sigmoid": 2.5, "relu": 0.0}[name]


def test_every_order_is_there_once():
    assert [len(orders(n)) for n in range(1, 6)] == [1, 3, 13, 75, 541]  # the ordered Bell numbers
    assert len(np.unique(orders(5), axis=0)) == 541


@pytest.mark.parametrize("variant", registry.variants("maxpool2d", "cpu"))
def test_max_pooling_is_right_for_every_order_of_a_window(variant):
    for height, width, count in ((1, 2, 3), (2, 2, 75), (2, 3, 4683)):
        assert count_wrong_maxima(height, width, variant) == (count, 0)
        assert count_wrong_maxima(height, width, variant, nan=True) == (count, 0)


@pytest.mark.parametrize("variant", registry.variants("maxpool2d", "cpu"))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_compiled_max_pooling_and_relu_compare_numbers_and_do_nothing_else_with_them(variant, dtype):
    """So the orders of the numbers, which the test above tries, decide everything."""
    found = {}
    x = np.random.default_rng(0).standard_normal((2, 17, 16, 19)).astype(dtype)
    with comparisons.noted(found):
        for size, stride, padding in ((2, 2, 0), (3, 2, 1), ((3, 2), (1, 3), 0)):
            maxpool2d.forward(x, size, stride=stride, padding=padding, variant=variant)
        relu.forward(x)
    made_of_places = {"sitofp", "fptoui of places"} if variant == "cpu" else set()
    assert {"fcmp"} <= set().union(*found.values()) <= {"fcmp"} | made_of_places


def test_a_kernel_that_computes_with_its_numbers_is_seen_to():
    found = {}
    with comparisons.noted(found):
        avgpool2d.forward(np.ones((1, 4, 4, 3), np.float32), 2)
    assert set().union(*found.values()) & {"fadd", "fmul"}


def test_max_pooling_for_a_gpu_only_compares_its_numbers_too():
    pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")
    from kernels.emulator import launch

    found = set()

    def note(program):
        found.update(line.opcode for line in program.lines if re.search(r"\.f(16|32|64)\b", line.opcode))
        return program

    launch.on_program.append(note)
    try:
        x = targets.to_device(
            np.random.default_rng(0).standard_normal((1, 7, 6, 5)).astype(np.float32), "cuda-emulated"
        )
        for variant in registry.variants("maxpool2d", "cuda-emulated"):
            for size, stride in ((2, 2), (3, 2)):
                maxpool2d.forward(x, size, stride=stride, variant=variant)
    finally:
        launch.on_program.remove(note)
    assert {opcode for opcode in found if not opcode.startswith(MOVES)} == set()
    assert any(opcode.startswith("setp.") for opcode in found)


def test_a_wrong_function_is_noticed(monkeypatch):
    right, exact = FUNCTIONS["relu"]
    monkeypatch.setitem(FUNCTIONS, "relu", (lambda x: np.where(np.isnan(x), np.float32(0), right(x)), exact))
    assert exhaustive.measure("relu", 9973).wrong > 0
