"""`kernels.emulator.run` on users' kernels: what numba-cuda offers, and what a wrong call is told."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from numba import cuda, float32, float64, int32

from kernels.emulator import Unsupported, run

ROOT = Path(__file__).resolve().parents[2]


@cuda.jit
def scale(a, x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] += a * x[i]


def test_a_jitted_kernel_runs_on_arrays_in_place():
    x, y = np.arange(1000, dtype=np.float32), np.ones(1000, np.float32)
    r = run(scale, 8, 128, (np.float32(2), x, y))
    np.testing.assert_array_equal(y, 2 * x + 1)
    np.testing.assert_array_equal(x, np.arange(1000))
    assert r.kernel == "scale"
    assert r.occupancy is not None
    assert r.occupancy.registers > 4


@pytest.mark.parametrize("cc", [(7, 5), (8, 0), (8, 6), (8, 9), (9, 0), (10, 0), (12, 0)])
def test_what_is_compiled_for_other_gpus_runs_too(cc):
    x, y = np.arange(100, dtype=np.float32), np.ones(100, np.float32)
    r = run(scale, 1, 128, (np.float32(2), x, y), cc=cc)
    np.testing.assert_array_equal(y, 2 * x + 1)
    assert r.occupancy.most in (32, 48, 64)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_every_type_of_number(dtype):
    x, y = np.arange(100).astype(dtype), np.ones(100, dtype)
    run(scale, 1, 128, (np.dtype(dtype).type(1), x, y))
    np.testing.assert_array_equal(y, x + 1)


def coordinates(out):
    x, y, z = cuda.grid(3)
    t = cuda.threadIdx
    out[z, y, x] = x + 100 * y + 10000 * z + 1000000 * (t.x + 2 * t.y) + cuda.blockDim.z + cuda.gridDim.y


def test_blocks_and_grids_of_three_dimensions():
    out = np.zeros((4, 6, 8), np.int64)
    run(coordinates, (4, 3, 2), (2, 2, 2), (out,))
    z, y, x = np.mgrid[:4, :6, :8]
    np.testing.assert_array_equal(out, x + 100 * y + 10000 * z + 1000000 * (x % 2 + 2 * (y % 2)) + 2 + 3)


@cuda.jit
def square(v):
    return v * v


def functions(x, out):
    i = cuda.grid(1)
    v = x[i]
    out[0, i] = math.exp(v)
    out[1, i] = math.sin(v * 50)
    out[2, i] = math.log(v)
    out[3, i] = v**2.5
    out[4, i] = math.tanh(v)
    out[5, i] = square(v)
    out[6, i] = math.sqrt(v)
    out[7, i] = math.erf(v)
    out[8, i] = math.fmod(v, 0.3)


@pytest.mark.parametrize(("dtype", "tolerance"), [("f4", 1e-5), ("f8", 1e-13)])
def test_mathematics_and_device_functions(dtype, tolerance):
    x = np.linspace(0.1, 9, 64).astype(dtype)
    out = np.zeros((9, 64), dtype)
    run(functions, 2, 32, (x, out))
    w = x.astype(np.float64)
    erf = np.array([math.erf(v) for v in w])
    wanted = [np.exp(w), np.sin(w * 50), np.log(w), w**2.5, np.tanh(w), w * w, np.sqrt(w), erf]
    for row, expected in zip(out, wanted, strict=False):
        np.testing.assert_allclose(row, expected, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(out[8], np.fmod(w, 0.3), atol=1e-5)


def divides(a, b, out):
    i = cuda.grid(1)
    out[0, i] = a[i] // b[i]
    out[1, i] = a[i] % b[i]


@pytest.mark.parametrize("dtype", ["i4", "u4", "i8", "u8"])
def test_integer_division(dtype):
    rng = np.random.default_rng(0)
    info = np.iinfo(dtype)
    a = rng.integers(info.min, info.max, 512, dtype, endpoint=True)
    powers_and_others = [*(2 ** np.arange(16)), 3, 7, 10, 1000, info.max]
    b = np.concatenate([np.array(powers_and_others, dtype), rng.integers(1, info.max, 491, dtype)])
    out = np.zeros((2, 512), dtype)
    run(divides, 4, 128, (a, b, out))
    np.testing.assert_array_equal(out[0], a // b)
    np.testing.assert_array_equal(out[1], a % b)


def atomics(x, values):
    v = values[cuda.grid(1)]
    cuda.atomic.add(x, 0, v)
    cuda.atomic.max(x, 1, v)
    cuda.atomic.min(x, 2, v)
    cuda.atomic.sub(x, 3, v)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "u4", "i8", "u8"])
def test_atomics(dtype):
    values = np.random.default_rng(1).integers(0, 1000, 96).astype(dtype)
    x = np.full(4, 500, dtype)
    run(atomics, 3, 32, (x, values))
    total = values.sum()
    expected = np.array([500 + total, max(values.max(), 500), min(values.min(), 500)]).astype(dtype)
    np.testing.assert_array_equal(x[:3], expected)
    with np.errstate(over="ignore"):  # unsigned numbers wrap around
        np.testing.assert_array_equal(x[3:], np.array([500], dtype) - np.array([total], dtype))


def bit_atomics(x):
    i = cuda.grid(1)
    cuda.atomic.or_(x, 0, 1 << i)
    cuda.atomic.and_(x, 1, ~(1 << i))
    cuda.atomic.xor(x, 2, 3 << i)
    cuda.atomic.inc(x, 3, 9)
    cuda.atomic.exch(x, 4, 7)
    cuda.atomic.cas(x, 5, 0, 8)


def test_atomics_on_bits():
    x = np.array([0, 2**32 - 1, 0, 0, 0, 0], np.uint32)
    run(bit_atomics, 1, 20, (x,))
    xor = 0
    for i in range(20):
        xor ^= 3 << i
    np.testing.assert_array_equal(x, [2**20 - 1, 2**32 - 2**20, xor, 20 % 10, 7, 8])


def shuffles(x, out):
    i = cuda.threadIdx.x
    v = x[i]
    out[0, i] = cuda.shfl_sync(0xFFFFFFFF, v, 7)
    out[1, i] = cuda.shfl_up_sync(0xFFFFFFFF, v, 3)
    out[2, i] = cuda.shfl_down_sync(0xFFFFFFFF, v, 5)
    out[3, i] = cuda.shfl_xor_sync(0xFFFFFFFF, v, 9)
    out[4, i] = cuda.ballot_sync(0xFFFFFFFF, v > 40)
    out[5, i] = cuda.any_sync(0xFFFFFFFF, v > 62)
    out[6, i] = cuda.all_sync(0xFFFFFFFF, v > 31)


@pytest.mark.parametrize("dtype", ["i4", "i8", "f4", "f8"])
def test_shuffles_and_votes(dtype):
    x = np.arange(64).astype(dtype)
    out = np.zeros((7, 64), np.int64)
    run(shuffles, 1, 64, (x, out))
    i = np.arange(64)
    lane, first = i % 32, i // 32 * 32
    np.testing.assert_array_equal(out[0], first + 7)
    np.testing.assert_array_equal(out[1], np.where(lane >= 3, i - 3, i))
    np.testing.assert_array_equal(out[2], np.where(lane < 27, i + 5, i))
    np.testing.assert_array_equal(out[3], first + (lane ^ 9))
    np.testing.assert_array_equal(out[4] & 0xFFFFFFFF, np.where(first == 0, 0, (0xFFFFFFFF << 9) & 0xFFFFFFFF))
    np.testing.assert_array_equal(out[5], first > 0)
    np.testing.assert_array_equal(out[6], first > 0)


TABLE = np.arange(40, dtype=np.float32) ** 2


def from_constants(out):
    table = cuda.const.array_like(TABLE)
    i = cuda.grid(1)
    out[i] = table[(i * 7) % 40]


def test_constant_memory():
    out = np.zeros(64, np.float32)
    run(from_constants, 2, 32, (out,))
    np.testing.assert_array_equal(out, TABLE[np.arange(64) * 7 % 40])


def dynamic(out):
    s = cuda.shared.array(0, float32)
    i = cuda.threadIdx.x
    s[i] = out[i]
    cuda.syncthreads()
    out[i] = s[31 - i]


def test_dynamic_shared_memory():
    x = np.arange(32, dtype=np.float32)
    run(dynamic, 1, 32, (x,), shared=128)
    np.testing.assert_array_equal(x, np.arange(32)[::-1])


def reduces(x, out):
    s = cuda.shared.array(8, float64)
    i = cuda.threadIdx.x
    v = float64(0)
    for k in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        v += x[k]
    for step in (16, 8, 4, 2, 1):
        v += cuda.shfl_down_sync(0xFFFFFFFF, v, step)
    if i % 32 == 0:
        s[i // 32] = v
    cuda.syncthreads()
    if i == 0:
        for k in range(1, int32(cuda.blockDim.x // 32)):
            v += s[k]
        out[cuda.blockIdx.x] = v


def test_a_reduction_over_warps_and_blocks():
    x = np.arange(5000, dtype=np.float64)
    out = np.zeros(3)
    run(reduces, 3, 256, (x, out))
    assert out.sum() == x.sum()


def weighted(x, numbers, nested):
    a, b = numbers
    (c,), d = nested
    i = cuda.grid(1)
    x[i] = a * x[i] + b + c * d


def test_tuples_of_numbers():
    x = np.arange(32, dtype=np.float32)
    run(weighted, 1, 32, (x, (np.int32(2), 3), ((np.float32(0.5),), np.uint32(8))))
    np.testing.assert_array_equal(x, 2 * np.arange(32) + 3 + 4)


def in_half(x):
    x[0] *= x[0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: run(scale, 1, 32, (x,)), TypeError, "scale takes 3 arguments, got 1"),
        (lambda x: run(scale, 0, 32, (1.0, x, x.copy())), ValueError, "grid must be 1 to 3 positive integers, got 0"),
        (lambda x: run(scale, 1, (32, 64), (1.0, x, x.copy())), ValueError, "at most 1024 threads"),
        (lambda x: run(scale, 1, 32, (1.0, x[::2], x.copy())), ValueError, "x: the array must be C-contiguous"),
        (lambda x: run(scale, 1, 32, (1.0, x.astype(complex), x)), TypeError, "argument x: arrays of numbers"),
        (lambda x: run("scale", 1, 32, (x,)), TypeError, "must be a function or a @cuda.jit kernel, got 'scale'"),
        # operators of float16 are CUDA C, which only a program links
        (lambda x: run(in_half, 1, 1, (x.astype(np.float16),)), Unsupported, "whose code is not in the PTX"),
    ],
)
def test_a_wrong_call_is_told_what_to_do(call, error, message):
    with pytest.raises(error, match=message):
        call(np.ones(32, np.float32))


def test_without_numba_cuda_the_remedy_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba_cuda", None)
    with pytest.raises(ImportError, match=r"kernels.emulator needs numba-cuda: pip install 'formula-convnet\[cuda\]'"):
        run(lambda x: None, 1, 32, (np.ones(32),))


def test_nothing_of_cuda_is_imported_before_it_is_asked_for():
    ours = "('cuda', 'numba_cuda') or m.startswith('numba.cuda')"
    every = "[importlib.import_module(f'kernels.{op}') for op in kernels.registry.OPERATIONS]"
    code = f"import sys, importlib, convnet, kernels.emulator, kernels.targets; {every}; "
    code += f"print([m for m in sys.modules if m.split('.')[0] in {ours}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_the_packages_former_name_gives_the_same_with_a_warning():
    sys.modules.pop("kernels.gpu", None)
    with pytest.warns(DeprecationWarning, match=r"kernels\.gpu is called kernels\.emulator now"):
        from kernels import gpu
    assert gpu.run is run
    assert gpu.Unsupported is Unsupported
