"""Kernels in Numba's simulator, which runs their Python text: for a process with NUMBA_ENABLE_CUDASIM=1.

`test_simulator.py` starts it. The simulator knows neither warp shuffles nor asynchronous copies, so the operations
whose every kernel uses them are not here.
"""

import warnings

import numpy as np
import pytest

from kernels import device, registry, relu, softmax, targets
from kernels.verify import properties
from kernels.verify.implementation import Registered
from kernels.verify.operations import load_operations
from kernels.verify.problems import case

SHUFFLES = ("softmax", "mse", "crossentropy", "groupnorm")
COPIES_ASYNCHRONOUSLY = ("conv2dtranspose",)
OPERATIONS = load_operations()
# the plainest variant of each: those above may need what only a GPU has
PASSES = [
    (op, registry.general(op, "simulated")[0], name)
    for op in registry.OPERATIONS
    if op not in SHUFFLES + COPIES_ASYNCHRONOUSLY
    for name in OPERATIONS[op].passes
]


def test_it_says_what_it_is():
    assert targets.available() == {
        "cpu": None,
        "cuda": targets.missing("cuda"),
        "cuda-emulated": targets.missing("cuda-emulated"),
        "simulated": None,
    }
    for target in ("cuda", "cuda-emulated"):
        with pytest.raises(RuntimeError, match="NUMBA_ENABLE_CUDASIM is set: unset it and start anew"):
            targets.require(target)
    assert targets.properties("simulated") == {"name": "Numba's simulator"}
    x = targets.to_device(np.ones(3, np.float32), "simulated")
    assert targets.home(relu.forward(x, variant="cuda")) == "simulated"


@pytest.mark.parametrize(("op", "variant", "name"), PASSES)
def test_a_small_problem_agrees_with_the_reference_bit_for_bit(op, variant, name):
    operation = OPERATIONS[op]
    impl = Registered(operation, variant, "simulated")
    sizes = {**dict.fromkeys(("N", "H", "W", "C"), 3), "M": 9}  # two fours of numbers, and one
    g = operation.fit({**operation.smallest, **{k: n for k, n in sizes.items() if k in operation.smallest}})
    properties.integers(operation, impl, name, case(operation, impl, g, np.float32, "integers", 1, False))


def test_a_kernel_that_shuffles_says_where_it_can_run():
    x = targets.to_device(np.ones((2, 3), np.float32), "simulated")
    with pytest.raises(RuntimeError, match="the simulator has no warp shuffles: use 'cuda-emulated'"):
        softmax.forward(x, variant="cuda")


def test_a_small_grid_is_no_reason_to_warn():
    """numba-cuda warns of grids below 128 blocks; in verification and on small images they are what is meant."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        device.NumbaCuda("simulated")
        warnings.warn("Grid size 3 will likely result in GPU under-utilization due to low occupancy.", stacklevel=1)
