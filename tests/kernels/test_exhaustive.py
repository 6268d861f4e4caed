"""A sample of `python -m kernels.verify.exhaustive`, and what it would say of a wrong kernel."""

import numpy as np
import pytest

from kernels import registry
from kernels.verify import exhaustive
from kernels.verify.exhaustive import FUNCTIONS, count_wrong_maxima, measure, orders


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


def test_a_wrong_function_is_noticed(monkeypatch):
    right, exact = FUNCTIONS["relu"]
    monkeypatch.setitem(FUNCTIONS, "relu", (lambda x: np.where(np.isnan(x), np.float32(0), right(x)), exact))
    assert exhaustive.measure("relu", 9973).wrong > 0
