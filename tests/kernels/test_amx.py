"""The matrix unit: the model of its instructions is exact, and is what the instructions do where they exist."""

import os
import platform
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.amx import instructions as amx
from kernels.amx import model, processor
from kernels.jit import jit

ROOT = Path(__file__).resolve().parents[2]
SMALLEST = Fraction(2) ** -126
LARGEST = Fraction(2) ** 128


@jit()
def product(unit, a, b, c):
    """c (256 words) += the tiles a and b."""
    tiles = unit.copy()
    amx.configure(tiles)
    amx.load(tiles, 3, c, 0, 16)
    amx.load(tiles, 5, a, 0, 16)
    amx.load(tiles, 6, b, 0, 16)
    amx.multiply(tiles, 3, 5, 6)
    amx.store(tiles, 3, c, 0, 16)
    amx.release(tiles)


@jit()
def move(unit, x, u, step, y, v, w_step):
    """A tile from x to y; tile 1, which is 0, to y's beginning before."""
    tiles = unit.copy()
    amx.configure(tiles)
    amx.load(tiles, 1, x, u, step)
    amx.zero(tiles, 1)
    amx.load(tiles, 2, x, u, step)
    amx.store(tiles, 1, y, 0, 16)
    amx.store(tiles, 2, y, v, w_step)
    amx.release(tiles)


@jit()
def multiply_add(a, b, c):
    return model.multiply_add(model.flush(a), model.flush(b), model.flush(c))


def bfloat16(values) -> np.ndarray:
    """Cut float32 numbers to bfloat16."""
    return (np.asarray(values, np.float32).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


def words(pairs: np.ndarray) -> np.ndarray:
    """Pairs of bfloat16 numbers, as float32 (16,16,2), as a tile's words."""
    bits = np.ascontiguousarray(pairs, np.float32).view(np.uint32)
    return (bits[..., 0] >> np.uint32(16) | bits[..., 1]).reshape(-1)


def exact(x) -> Fraction:
    """A number as the unit takes it: 0 for a subnormal one."""
    value = Fraction(float(x))
    return value if abs(value) >= SMALLEST else Fraction(0)


def rounded(value: Fraction) -> Fraction:
    """The nearest number of 24 bits, ties to even, 0 below the normal ones."""
    if value == 0:
        return value
    exponent = 0
    while abs(value) >= Fraction(2) ** (exponent + 1):
        exponent += 1
    while abs(value) < Fraction(2) ** exponent:
        exponent -= 1
    unit = Fraction(2) ** (exponent - 23)
    nearest = round(value / unit) * unit  # Python rounds ties to even
    assert abs(nearest) < LARGEST, "the tests' numbers do not overflow"
    return nearest if abs(nearest) >= SMALLEST else Fraction(0)


def by_fractions(a, b, c, rows=16) -> np.ndarray:
    """The manual's pseudocode in exact arithmetic with a rounding after each operation."""
    result = np.empty((rows, 16), np.float32)
    for m in range(rows):
        for n in range(16):
            chains = [Fraction(0), Fraction(0)]
            for s in range(16):
                for i in (0, 1):
                    chains[i] = rounded(exact(a[m, s, i]) * exact(b[s, n, i]) + chains[i])
            result[m, n] = float(rounded(exact(c[m, n]) + rounded(sum(chains))))
    return result


numbers = st.builds(
    lambda sign, bits, e: float(sign * bits * 2.0**e),
    st.sampled_from([1, -1]),
    st.integers(128, 255),
    st.integers(-70, 40),
)


@given(
    a=numbers, b=numbers, bits=st.integers(2**23, 2**24 - 1), apart=st.integers(-30, 60), sign=st.sampled_from([1, -1])
)
def test_a_fused_multiply_add_rounds_once(a, b, bits, apart, sign):
    """The addend is near the product in size, so that ties and the numbers beside them occur."""
    c = np.float32(sign * bits * 2.0 ** np.clip(np.floor(np.log2(abs(a * b))) - 23 + apart, -149, 100))
    got = multiply_add(np.float32(a), np.float32(b), c)
    assert Fraction(float(got)) == rounded(exact(a) * exact(b) + exact(c))


@pytest.mark.parametrize("spread", [0, 6, 30])
def test_a_product_of_tiles_is_two_chains_of_sixteen_added_once(spread):
    rng = np.random.default_rng(spread)
    a, b = (
        bfloat16(rng.standard_normal((16, 16, 2)) * 2.0 ** rng.integers(-spread, spread + 1, (16, 16, 2))) for _ in "ab"
    )
    c = rng.standard_normal((16, 16)).astype(np.float32)
    got = c.copy().reshape(-1)
    product(amx.MODEL, words(a), words(b), got)
    np.testing.assert_array_equal(got.reshape(16, 16)[:4], by_fractions(a, b, c, 4))


def test_subnormal_numbers_are_zero_as_operands_and_as_results():
    a, b, c = np.zeros((16, 16, 2), np.float32), np.zeros((16, 16, 2), np.float32), np.zeros((16, 16), np.float32)
    a[0, 0, 0], b[0, :, 0] = 2.0**-127, 1  # a subnormal operand
    a[1, 1, 0], b[1, :, 0] = 2.0**-70, -(2.0**-57)  # a subnormal product
    a[2, 1, 0] = 2.0**-69  # ... and the smallest normal one
    c[3] = 2.0**-130  # a subnormal sum before
    a[4, 1, 0], c[4] = 2.0**-69, 2.0**-126 * 1.5  # ... and after
    got = c.copy().reshape(-1)
    product(amx.MODEL, words(a), words(b), got)
    expected = np.zeros((16, 16))
    expected[2] = -(2.0**-126)
    np.testing.assert_array_equal(got.reshape(16, 16), expected)
    np.testing.assert_array_equal(by_fractions(a, b, c), expected)


def test_what_is_not_finite_stays_in_its_own_sum():
    a, b, c = np.zeros((16, 16, 2), np.float32), np.ones((16, 16, 2), np.float32), np.zeros((16, 16), np.float32)
    a[3, 4, 1], a[5, 0, 0], a[7, 0, 0], c[9, 2] = np.inf, np.nan, 3e38, -np.inf
    b[0, 7] = 2
    got = c.copy().reshape(-1)
    product(amx.MODEL, words(a), words(b), got)
    got = got.reshape(16, 16)
    assert (got[3] == np.inf).all()
    assert np.isnan(got[5]).all()
    assert got[7, 7] == np.inf  # the product overflows
    assert np.isfinite(got[7, :7]).all()
    assert got[9, 2] == -np.inf
    assert np.count_nonzero(got) == 49


@pytest.mark.parametrize(("u", "step", "v", "w_step"), [(0, 16, 0, 16), (3, 20, 7, 17), (40, 0, 5, 33)])
def test_a_tile_is_rows_of_sixteen_words(u, step, v, w_step):
    x, y = np.arange(1000, dtype=np.uint32), np.full(1000, 7, np.uint32)
    move(amx.MODEL, x, u, step, y, v, w_step)
    expected = np.full(1000, 7)
    expected[:256] = 0
    for r in range(16):
        expected[v + r * w_step : v + r * w_step + 16] = x[u + r * step : u + r * step + 16]
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize(("u", "v"), [(745, 0), (-1, 0), (0, 745), (0, -1)])
def test_a_tile_outside_of_its_array_shows(u, v):
    x, y = np.ones(1000, np.float32), np.ones(1000, np.float32)
    move(amx.MODEL, x, u, 16, y, v, 16)
    assert np.isnan(y).any()


@pytest.mark.skipif(processor.missing() is not None, reason=f"no matrix unit: {processor.missing()}")
@given(seed=st.integers(0, 2**32 - 1), spread=st.sampled_from([0, 8, 40, 100]), special=st.booleans())
def test_the_instructions_give_the_models_bits(seed, spread, special):
    rng = np.random.default_rng(seed)
    a, b = (
        bfloat16(rng.standard_normal((16, 16, 2)) * 2.0 ** rng.integers(-spread, spread + 1, (16, 16, 2))) for _ in "ab"
    )
    c = (rng.standard_normal((16, 16)) * 2.0 ** rng.integers(-spread, spread + 1, (16, 16))).astype(np.float32)
    if special:
        for array in (a, b, c):
            array.reshape(-1)[rng.integers(array.size, size=9)] = [
                np.inf,
                -np.inf,
                np.nan,
                -0.0,
                1e-39,
                3e38,
                -3e38,
                1,
                0,
            ]
    results = []
    for unit in (amx.TILES, amx.MODEL):
        results.append(c.copy().reshape(-1))
        product(unit, words(a), words(b), results[-1])
    np.testing.assert_array_equal(*(np.where(np.isnan(r), np.uint32(0x7FC00000), r.view(np.uint32)) for r in results))


@pytest.mark.skipif(processor.missing() is None, reason="this machine has the matrix unit")
def test_a_machine_without_the_matrix_unit_is_refused_by_the_features_name():
    with pytest.raises(RuntimeError, match=r"conv2d: variant 'cpu_amx' needs .*amx_tile and amx_bf16.*: .*'cpu'"):
        processor.require("conv2d", "cpu_amx")


COMPILE = """
import numba
from tests.kernels.test_amx import product
flat = lambda dtype: numba.types.Array(dtype, 1, "C")
product.compile((flat(numba.uint8), flat(numba.uint32), flat(numba.uint32), flat(numba.float32)))
print(*product.inspect_asm().values())
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="LLVM writes AMX code for x86-64 only")
def test_the_instructions_are_what_they_are_called(tmp_path):
    """Compiled for a processor that has them, which this one need not be: nothing of it runs."""
    target = {"NUMBA_CPU_NAME": "sapphirerapids", "NUMBA_CPU_FEATURES": "+avx512f,+amx-tile,+amx-bf16"}
    environment = {**os.environ, **target, "FORMULA_CONVNET_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", COMPILE], env=environment, capture_output=True, text=True, check=True, cwd=ROOT
    )
    found = re.findall(r"ldtilecfg|tileloadd\t.*%tmm\d|tdpbf16ps.*|tilestored\t%tmm\d|tilerelease", done.stdout)
    names = [re.sub(r"\t\(.*\), ", " ", line).replace("\t", " ") for line in found]
    assert names == [
        "ldtilecfg", "tileloadd %tmm3", "tileloadd %tmm5", "tileloadd %tmm6",
        "tdpbf16ps %tmm6, %tmm5, %tmm3", "tilestored %tmm3", "tilerelease",
    ]  # fmt: skip
