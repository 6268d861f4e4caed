"""conv2d and dense on tensor cores: their formula within the bounds of kernels/cuda/bounds.py, by the emulator."""

from itertools import product

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from kernels import dense, device, registry, targets
from kernels.cuda.bounds import BOUNDS, roundings
from kernels.cuda.tiles import DEPTH, tile
from kernels.verify import properties, verifier
from kernels.verify.implementation import Registered
from kernels.verify.operations import load_operations
from kernels.verify.operations.conv2d import make_geometry
from kernels.verify.problem import exact
from kernels.verify.rounding import of_sum

OPERATIONS = load_operations()
# channels in fours on tiles 64 wide, with rows, columns and steps that no tile divides; then any channels, 128 wide
WHOLE = make_geometry((2, 9, 8, 20), (3, 2, 20, 36), (2, 1), (2, 1, 0, 2), (1, 2))
ANY = make_geometry((1, 5, 6, 10), (2, 1, 5, 140))
DENSE = {"N": 131, "C": 40, "F": 36}
SPLIT = ("cuda_tf32x3", "cuda_bf16x3")
CASES = [
    *(("conv2d", variant, name, WHOLE) for variant in SPLIT for name in OPERATIONS["conv2d"].passes),
    ("conv2d", "cuda_tf32", "forward", WHOLE),
    *(("conv2d", "cuda_tf32x3", name, ANY) for name in ("forward", "backward_weights")),
    *(("dense", "cuda_tf32x3", name, DENSE) for name in OPERATIONS["dense"].passes),
]


@pytest.mark.parametrize(("op", "variant", "name", "g"), CASES)
def test_every_pass_is_within_its_variants_bound_and_exact_on_small_integers(op, variant, name, g):
    operation, impl = OPERATIONS[op], Registered(OPERATIONS[op], variant, "cuda-emulated")
    properties.integers(operation, impl, name, operation.problem(g, np.float32, "integers", 0, "cpu_naive"))
    for kind in ("random", "positive"):
        p = operation.problem(g, np.float32, kind, 1, "cpu_naive")
        args, settings = operation.arguments(name, p)
        results = impl.call(name, args, settings)
        actual, *rest = results if isinstance(results, tuple) else (results,)
        m, magnitude = operation.terms(name, p)[0], exact(operation, name, p.map_floats(np.abs))[0]
        limit = of_sum(roundings(variant, m), magnitude, np.float32)
        assert (abs(actual - exact(operation, name, p)[0]) <= limit.bound).all()
        for other, bias in zip(rest, exact(operation, name, p)[1:], strict=True):  # db, which no tensor core adds
            np.testing.assert_allclose(other, bias, rtol=1e-6, atol=1e-4)


def products(variant: str) -> tuple[np.ndarray, np.ndarray]:
    """One product a result, by a variant, and the exact ones."""
    rng = np.random.default_rng(5)
    x = (rng.standard_normal((64, 4)) * [1, 0, 0, 0]).astype(np.float32)
    k = rng.standard_normal((4, 36)).astype(np.float32)
    y = dense.forward(*(targets.to_device(a, "cuda-emulated") for a in (x, k)), variant=variant)
    return targets.to_host(y), x[:, :1].astype(float) * k[:1]


def test_one_product_has_as_many_bits_as_the_variants_say():
    """The largest error of a product, in units of 2**-24: far apart, so each variant's terms are all there."""
    worst = {}
    for variant in registry.TENSOR_CORES["dense"]:
        y, right = products(variant)
        worst[variant] = np.max(abs(y - right) / abs(right)) * 2**24
    assert 4096 < worst["cuda_tf32"] < 16389
    assert 2 < worst["cuda_tf32x3"] < 24
    assert worst["cuda_bf16x3"] < 16


def test_the_copies_are_awaited_and_only_they_meet_in_banks_of_shared_memory():
    """Eight threads that copy 16 bytes each write to two rows of a, which lie 20 numbers apart."""
    reports = []
    device.on_report.append(reports.append)
    try:
        products("cuda_tf32x3")
    finally:
        device.on_report.remove(reports.append)
    (report,) = (r for r in reports if "correlate" in r.kernel)
    assert report.unawaited_copies == 0
    assert report.kinds["mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32"] == 4 * 2 * 4 * 4 * 3
    assert report.kinds["ldmatrix.sync.aligned.m8n8.x4.shared.b16"] == 4 * 2 * 4
    assert report.conflicts == tile(np.dtype(np.float32), 8).rows * DEPTH * 4 // 128


def test_verify_holds_them_to_their_bounds_in_float32_and_promises_neither_infinity_nor_subnormals():
    outcome = verifier.run(("dense",), target="cuda-emulated", quick=True)
    rows = [row for row in outcome.rows if row.variant in BOUNDS]
    assert {(r.variant, r.name) for r in rows} == set(product(BOUNDS, OPERATIONS["dense"].passes))
    for row in rows:
        assert not row.failures
        assert row.dtype == "float32"
        assert {"integers", "random", "unlike"} <= set(row.held)
        assert not {"special", "scales"} & set(row.held)


def test_numbers_cut_to_tf32_break_the_bounds_of_the_split_ones(monkeypatch):
    op = OPERATIONS["dense"]
    p = op.problem({"N": 5, "C": 20, "F": 20}, np.float32, "random", 1, "cpu_naive")
    cut = p.map_floats(lambda a: (a.view(np.uint32) + np.uint32(0x1000) & np.uint32(0xFFFFE000)).view(np.float32))
    monkeypatch.setattr(properties, "results", lambda op, impl, name, p: exact(op, name, cut))
    properties.random(op, Registered(op, "cuda_tf32", "cuda-emulated"), "forward", p)
    for variant in SPLIT:
        with pytest.raises(properties.Broken, match="times the bound"):
            properties.random(op, Registered(op, variant, "cuda-emulated"), "forward", p)


def test_they_are_nobodys_default_and_refuse_what_they_cannot_do(monkeypatch):
    for op, variants in registry.TENSOR_CORES.items():
        assert not set(variants) & set(registry.variants(op))
        assert set(variants) == set(BOUNDS)
    wide = [targets.to_device(np.ones((2, 2)), "cuda-emulated") for _ in range(2)]
    with pytest.raises(TypeError, match="cuda_tf32: tensor cores multiply float32, got float64: choose variant='cuda'"):
        dense.forward(*wide, variant="cuda_tf32")
    narrow = [targets.to_device(np.ones((2, 2), np.float32), "cuda-emulated") for _ in range(2)]
    monkeypatch.setattr("kernels.cuda.opt_in.are_asynchronous", lambda target: False)
    with pytest.raises(RuntimeError, match=r"cuda_bf16x3: a GPU of compute capability 8\.0 or later is needed"):
        dense.forward(*narrow, variant="cuda_bf16x3")
