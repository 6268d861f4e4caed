"""The quicker oracle of large problems agrees with the plain loops."""

import numpy as np
import pytest

from kernels.verify.operations import load_all
from kernels.verify.problem import NAIVE, exact


@pytest.mark.parametrize("name", ["conv2d", "conv2dtranspose", "conv2d_fixed", "conv2d_fixed_depthwise"])
def test_the_oracle_of_large_problems_is_the_reference(name):
    op, rng = load_all()[name], np.random.default_rng(3)
    assert op.random_oracle() == NAIVE
    for seed in range(12):
        g = op.fit(op.draw(rng))
        for each in op.passes:
            quick, plain = (
                exact(op, each, op.problem(g, np.float64, "integers", seed, oracle)) for oracle in (NAIVE, "reference")
            )
            assert all(np.array_equal(a, b) for a, b in zip(quick, plain, strict=True)), (each, g)
