"""Every CUDA variant, run on the emulator, is its formula: shapes, settings and numbers are drawn at random."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from kernels import registry, targets
from kernels.verify.implementation import Registered
from kernels.verify.operations import load_operations
from kernels.verify.problems import EMULATED, case
from kernels.verify.property_list import PROPERTIES, applies
from tests.strategies import DTYPES

OPERATIONS = load_operations()
PASSES = [
    (op, variant, name)
    for op in registry.OPERATIONS
    for variant in registry.general(op, "cuda")
    for name in OPERATIONS[op].passes
]
SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=5)


def check(what, op, variant, name, dtype, seed, large=None):
    """Hold one pass to a property, on the geometry that `seed` draws, or on the one given."""
    operation = OPERATIONS[op]
    held = PROPERTIES[what]
    impl = Registered(operation, variant, "cuda-emulated")
    if not applies(what, operation, impl, name, dtype):
        return
    g = operation.draw(np.random.default_rng(seed)) if large is None else large
    held.check(operation, impl, name, case(operation, impl, g, dtype, held.kind, seed, large is not None))


def test_every_operation_has_a_cuda_variant():
    assert {op for op, _, _ in PASSES} == set(registry.OPERATIONS)


@pytest.mark.parametrize(("op", "variant", "name"), PASSES)
@FEW
@given(dtype=DTYPES, seed=SEEDS)
def test_small_integers_agree_with_the_reference_bit_for_bit(op, variant, name, dtype, seed):
    check("integers", op, variant, name, dtype, seed)
    check("adjoint", op, variant, name, dtype, seed)


@pytest.mark.parametrize(("op", "variant", "name"), PASSES)
@FEW
@given(dtype=DTYPES, seed=SEEDS)
def test_every_number_is_within_the_rounding_bound_of_the_reference(op, variant, name, dtype, seed):
    check("random", op, variant, name, dtype, seed)


@pytest.mark.parametrize(("op", "variant", "name"), PASSES)
def test_many_blocks_are_within_the_bound_and_give_the_same_bits_twice(op, variant, name):
    operation = OPERATIONS[op]
    work = {operation.work(operation.problem(g, np.float32, "integers", 0)): g for g in operation.large}
    affordable = [g for n, g in sorted(work.items()) if n <= EMULATED]
    for g in affordable:
        check("random", op, variant, name, np.float32, 1, g)
    check("repeats", op, variant, name, np.float32, 2, affordable[-1])


@pytest.mark.parametrize(("op", "variant", "name"), PASSES)
def test_the_inputs_may_be_empty_of_images(op, variant, name):
    operation = OPERATIONS[op]
    if op in ("mse", "crossentropy", "batchnorm"):
        pytest.skip("a mean of nothing is an error")
    count = "N" if "N" in operation.smallest else "M"
    p = operation.problem({**operation.draw(np.random.default_rng(3)), count: 0}, np.float32, "random", 0)
    args, given_settings = operation.arguments(name, p)
    results = Registered(operation, variant, "cuda-emulated").call(name, args, given_settings)
    expected = Registered(operation, "cpu").call(name, args, given_settings)
    for a, b in zip(*(r if isinstance(r, tuple) else (r,) for r in (results, expected)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_masks_of_dropout_are_those_of_the_cpu():
    from kernels import dropout

    x = np.ones(1001, np.float32)
    given_settings = {"seed": 2**63 + 5, "step": 2**40 + 1}
    y = dropout.forward(targets.to_device(x, "cuda-emulated"), 0.3, **given_settings, variant="cuda")
    np.testing.assert_array_equal(targets.to_host(y), dropout.forward(x, 0.3, **given_settings))


def test_a_label_out_of_range_makes_the_loss_nan():
    from kernels import crossentropy

    p = targets.to_device(np.full((3, 4), 0.25, np.float32), "cuda-emulated")
    for logits in (False, True):
        for y in ([0, 4, 1], [0, -1, 1]):
            labels = targets.to_device(np.array(y), "cuda-emulated")
            how = {"kind": "sparse", "from_logits": logits, "variant": "cuda"}
            assert np.isnan(targets.to_host(crossentropy.forward(labels, p, **how)))
            gradient = targets.to_host(crossentropy.backward(labels, p, **how))
            np.testing.assert_array_equal(np.isnan(gradient), [[False] * 4, [True] * 4, [False] * 4])
