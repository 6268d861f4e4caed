"""The 8-bit passes: every variant has the bits of its reference, whose sums are Python's whole numbers."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import binding

from kernels import add, avgpool2d, conv2d, convpool, dense, globalavgpool, int8, maxpool2d, relu
from kernels.cpu import simd_sums
from kernels.int8 import Levels

SEEDS = st.integers(0, 2**32 - 1)
WIDTH, ROWS = simd_sums.WIDTH, simd_sums.ROWS


def draw_levels(draw):
    low, high = sorted((draw(st.integers(-128, 127)), draw(st.integers(-128, 127))))
    return Levels(draw(st.integers(-128, 127)), low, high)


def integers(rng, shape):
    return rng.integers(-128, 128, shape).astype(np.int8)


def weights(rng, filters):
    """b and multipliers, of which many products lie halfway between two levels."""
    b = rng.integers(-3000, 3000, filters).astype(np.int32)
    return b, rng.choice([2.0**-7, 2.0**-9, 0.5, 0.0137, 1e-5], filters).astype(np.float32)


@st.composite
def convolutions(draw):
    """(x, k, b, multiplier, settings): any geometry, depthwise ones among them, blocks and tiles that are not full."""
    groups = draw(st.sampled_from([1, 1, 2, 5]))
    depthwise = draw(st.booleans()) and groups > 1
    cg, fg = (1, 1) if depthwise else (draw(st.integers(1, 5)), draw(st.integers(1, WIDTH + 2)))
    pairs = [(draw(st.integers(1, 3)), draw(st.integers(1, 3))) for _ in range(3)]
    (stride, dilation), kernel = pairs[:2], pairs[2]
    padding = tuple((draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in (0, 1))
    spans = [dilation[a] * (kernel[a] - 1) + 1 for a in (0, 1)]
    image = [max(spans[a] - sum(padding[a]), 1) + draw(st.integers(0, 5)) for a in (0, 1)]
    rng = np.random.default_rng(draw(SEEDS))
    x, k = integers(rng, (draw(st.integers(1, 3)), *image, cg * groups)), integers(rng, (*kernel, cg, fg * groups))
    levels = draw_levels(draw) if draw(st.booleans()) else None
    given_ = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "levels": levels}
    return x, k, *weights(rng, fg * groups), given_ | {"x_zero": draw(st.integers(-128, 127))}


def same(actual, expected):
    assert actual.dtype == expected.dtype
    np.testing.assert_array_equal(actual, expected)


@settings(max_examples=60)
@given(p=convolutions())
def test_conv2d_has_the_bits_of_the_reference(p):
    *arrays, keywords = p
    expected = conv2d.forward_int8(*arrays, variant="reference", **keywords)
    for variant in ("cpu_naive", "cpu"):
        same(conv2d.forward_int8(*arrays, variant=variant, **keywords), expected)
    x, k, _, m = arrays
    expected = conv2d.forward_int8(x, k, None, m, variant="reference", **keywords)
    same(conv2d.forward_int8(x, k, None, m, **keywords), expected)


@pytest.mark.parametrize(
    ("shape", "kernel", "settings_"),
    [
        ((5, 27, 19, 33), (3, 3, 33, WIDTH + 8), {"padding": "same"}),
        ((1, 40, 31, 16), (5, 2, 16, 2 * WIDTH), {"stride": (2, 1)}),
        ((3, 9, 11, 64), (3, 3, 1, 64), {"groups": 64, "padding": "same", "dilation": 2}),
        ((2, 150, 160, 3), (3, 3, 3, WIDTH), {"stride": 2}),  # lines of one image fill a task's buffer
        ((9, 30, 33, 8), (1, 1, 4, 6), {"groups": 2}),
    ],
)
def test_large_images_on_one_two_and_three_threads_have_the_bits_of_the_plain_loops(shape, kernel, settings_):
    rng = np.random.default_rng(0)
    x, k = integers(rng, shape), integers(rng, kernel)
    b, m = weights(rng, kernel[3])
    expected = conv2d.forward_int8(x, k, b, m, x_zero=-7, variant="cpu_naive", **settings_)
    assert len(np.unique(expected)) > 100
    before = numba.get_num_threads()
    try:
        for threads in range(1, min(3, numba.config.NUMBA_NUM_THREADS) + 1):
            numba.set_num_threads(threads)
            same(conv2d.forward_int8(x, k, b, m, x_zero=-7, **settings_), expected)
    finally:
        numba.set_num_threads(before)


WITHOUT = {"pairs in 512 bits": ("avx512vnni", "avxvnni"), "AVX2": ("avx512", "avxvnni", "evex")}
ASK = """
import sys, numpy as np
from kernels import conv2d
from kernels.cpu import simd_steps
given, path = np.load(sys.argv[1]), sys.argv[2]
arrays = [given[name] for name in ("x", "k", "b", "m")]
np.save(path, conv2d.forward_int8(*arrays, x_zero=-7, padding="same"))
print(simd_steps.QUADS, simd_steps.PAIRS)
"""


@pytest.mark.parametrize("way", WITHOUT)
def test_every_instruction_that_this_processor_has_gives_the_bits_of_the_plain_loops(way, tmp_path):
    features = dict(binding.get_host_cpu_features())
    if not any(there and name.startswith(WITHOUT[way]) for name, there in features.items()):
        pytest.skip(f"this processor has nothing better than {way}")
    kept = {name: there and not name.startswith(WITHOUT[way]) for name, there in features.items()}
    rng = np.random.default_rng(3)
    x, k = integers(rng, (2, 13, 11, 5)), integers(rng, (3, 3, 5, 37))  # runs and blocks that are not whole
    b, m = weights(rng, 37)
    np.savez(tmp_path / "given.npz", x=x, k=k, b=b, m=m)
    flags = ",".join(f"{'+' if there else '-'}{name}" for name, there in kept.items())
    environment = {**os.environ, "NUMBA_CPU_NAME": binding.get_host_cpu_name(), "NUMBA_CPU_FEATURES": flags}
    command = [sys.executable, "-c", ASK, str(tmp_path / "given.npz"), str(tmp_path / "y.npy")]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert said.startswith("None "), said
    expected = conv2d.forward_int8(x, k, b, m, x_zero=-7, padding="same", variant="cpu_naive")
    same(np.load(tmp_path / "y.npy"), expected)
    same(conv2d.forward_int8(x, k, b, m, x_zero=-7, padding="same"), expected)


@settings(max_examples=20)
@given(pairs=st.integers(1, 30), tiles=st.integers(1, 3), seed=SEEDS, real=st.booleans(), zero=st.integers(-128, 127))
def test_one_sample_by_itself_has_the_bits_of_the_reference(pairs, tiles, seed, real, zero):
    rng = np.random.default_rng(seed)
    x, k = integers(rng, (1, 2 * pairs)), integers(rng, (2 * pairs, tiles * WIDTH))
    b, m = weights(rng, tiles * WIDTH)
    levels = None if real else Levels(-5, -5, 120)
    expected = dense.forward_int8(x, k, b, m, x_zero=zero, levels=levels, variant="reference")
    same(dense.forward_int8(x, k, b, m, x_zero=zero, levels=levels), expected)


@settings(max_examples=30)
@given(n=st.integers(1, 2 * ROWS + 3), c=st.integers(1, 40), f=st.integers(1, 2 * WIDTH + 3), seed=SEEDS, p=st.data())
def test_dense_has_the_bits_of_the_reference(n, c, f, seed, p):
    rng = np.random.default_rng(seed)
    x, k = integers(rng, (n, c)), integers(rng, (c, f))
    b, m = weights(rng, f)
    levels, zero = draw_levels(p.draw) if p.draw(st.booleans()) else None, p.draw(st.integers(-128, 127))
    expected = dense.forward_int8(x, k, b, m, x_zero=zero, levels=levels, variant="reference")
    same(dense.forward_int8(x, k, b, m, x_zero=zero, levels=levels), expected)


def test_the_longest_sum_that_is_allowed_is_exact_and_a_longer_one_is_refused():
    """65,793 products of -255 and -128: one more, and 32 bits would no longer hold the sum."""
    terms = (2**31 - 1) // (255 * 128)
    x, k, m = np.full((1, terms), -128, np.int8), np.full((terms, 1), -128, np.int8), np.ones(1, np.float32)
    y = dense.forward_int8(x, k, None, m, x_zero=127, levels=None)
    assert y[0, 0] == np.float32(terms * 255 * 128)
    with pytest.raises(ValueError, match=f"dense: a sum of {terms + 1} products.*at most {terms} terms"):
        dense.forward_int8(np.append(x, x[:, :1], 1), np.append(k, k[:1], 0), None, m, x_zero=127, levels=None)


def test_a_sum_of_two_products_that_16_bits_would_saturate_is_exact():
    x, k = np.full((1, 2), 127, np.int8), np.full((2, 1), -128, np.int8)
    y = dense.forward_int8(x, k, None, np.ones(1, np.float32), x_zero=-128, levels=None)
    assert y[0, 0] == 2 * 255 * -128 < np.iinfo(np.int16).min


@st.composite
def windows(draw):
    size, stride = (tuple(draw(st.integers(1, 3)) for _ in (0, 1)) for _ in (0, 1))
    padding = tuple((draw(st.integers(0, s - 1)), draw(st.integers(0, s - 1))) for s in size)
    shape = (draw(st.integers(1, 2)), *(s + draw(st.integers(0, 5)) for s in size), draw(st.integers(1, 40)))
    return integers(np.random.default_rng(draw(SEEDS)), shape), size, {"stride": stride, "padding": padding}


@settings(max_examples=40)
@given(p=windows(), more=st.data())
def test_pooling_has_the_bits_of_the_reference(p, more):
    x, size, window = p
    expected = maxpool2d.forward_int8(x, size, variant="reference", **window)
    same(maxpool2d.forward_int8(x, size, **window), expected)
    number = {"x_zero": more.draw(st.integers(-128, 127)), "levels": draw_levels(more.draw)}
    number["multiplier"] = more.draw(st.sampled_from([1.0, 0.5, 0.731, 3.0]))
    expected = avgpool2d.forward_int8(x, size, variant="reference", **window, **number)
    same(avgpool2d.forward_int8(x, size, **window, **number), expected)
    same(globalavgpool.forward_int8(x, **number), globalavgpool.forward_int8(x, variant="reference", **number))


@settings(max_examples=40)
@given(size=st.integers(1, 70), seed=SEEDS, more=st.data())
def test_sums_of_two_and_relu_have_the_bits_of_the_reference(size, seed, more):
    rng = np.random.default_rng(seed)
    a, b = integers(rng, (size,)), integers(rng, (size,))
    factor = st.integers(0, add.LARGEST_FACTOR)
    keywords = {
        "zeros": (more.draw(st.integers(-128, 127)), more.draw(st.integers(-128, 127))),
        "factors": (more.draw(factor), more.draw(factor)),
        "multiplier": more.draw(st.sampled_from([2.0**-21, 2.0**-15, 1e-6])),
        "levels": draw_levels(more.draw),
    }
    same(add.forward_int8(a, b, **keywords), add.forward_int8(a, b, variant="reference", **keywords))
    zero = more.draw(st.integers(-128, 127))
    same(relu.forward_int8(a, zero=zero), relu.forward_int8(a, zero=zero, variant="reference"))


def test_large_arrays_on_several_threads_have_the_bits_of_one():
    rng = np.random.default_rng(1)
    x = integers(rng, (40, 16, 17, 32))
    keywords = {"zeros": (3, -4), "factors": (1 << 19, 777_777), "multiplier": 2.0**-20}
    avg = {"x_zero": 5, "multiplier": 1.7}
    numbers = rng.normal(size=x.shape).astype(np.float32)
    found = []
    before = numba.get_num_threads()
    for threads in (1, before):
        numba.set_num_threads(threads)
        made = add.forward_int8(x, x[::-1].copy(), **keywords), maxpool2d.forward_int8(x, 2)
        levels = int8.quantize(numbers, scale=0.02, zero=3)
        more = avgpool2d.forward_int8(x, 3, padding=1, **avg), levels, int8.dequantize(levels, scale=0.02, zero=3)
        found.append((*made, *more))
    numba.set_num_threads(before)
    for one, several in zip(*found, strict=True):
        same(several, one)
    small = slice(0, 3)
    same(found[0][0][small], add.forward_int8(x[small], x[::-1][small].copy(), **keywords, variant="reference"))
    same(found[0][2][small], avgpool2d.forward_int8(x[small], 3, padding=1, **avg, variant="reference"))
    same(found[0][3][small], int8.quantize(numbers[small], scale=0.02, zero=3, variant="reference"))
    same(found[0][4][small], int8.dequantize(levels[small], scale=0.02, zero=3, variant="reference"))


def test_quantize_rounds_ties_to_even_and_saturates_and_refuses_a_nan():
    x = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 63.49, 1e30, -np.inf, np.inf], np.float32)
    expected = np.array([10, 12, 12, 10, 8, 73, 127, -128, 127], np.int8)
    for variant in ("reference", "cpu"):
        same(int8.quantize(x, scale=1.0, zero=10, variant=variant), expected)
        with pytest.raises(ValueError, match="quantize: x has a NaN"):
            int8.quantize(np.append(x, np.float32(np.nan)), scale=1.0, variant=variant)


@given(level=st.integers(-128, 127), zero=st.integers(-128, 127), scale=st.floats(2**-20, 2**20, width=32))
def test_a_level_is_its_own_after_a_way_to_a_number_and_back(level, zero, scale):
    x = np.array([level], np.int8)
    same(int8.quantize(int8.dequantize(x, scale=scale, zero=zero), scale=scale, zero=zero), x)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"x": np.zeros((1, 3, 3, 2), np.float32)}, TypeError, "conv2d: x must be int8, got float32"),
        ({"b": np.zeros(4, np.float32)}, TypeError, "conv2d: b must be int32"),
        ({"multiplier": np.array([1, 0, 1, 1], np.float32)}, ValueError, "above 0, got 0.0 for filter 1"),
        (
            {"multiplier": np.array([1, 1, 1, np.nan], np.float32)},
            ValueError,
            "finite and above 0, got nan for filter 3",
        ),
        ({"multiplier": np.ones(3, np.float32)}, ValueError, r"multiplier must have shape \(4,\)"),
        ({"x_zero": 128}, ValueError, "x_zero must be an integer from -128 to 127, got 128"),
        ({"levels": Levels(0, 5, 4)}, ValueError, "levels.low must not be above levels.high, got 5 and 4"),
        ({"levels": 3}, TypeError, "levels must be kernels.int8.Levels"),
        ({"variant": "cpu_vector"}, ValueError, "has the variants reference, cpu_naive, cpu; got 'cpu_vector'"),
        ({"groups": 3}, ValueError, "x has 2 channels but k expects 6"),
        ({"out": np.zeros((1, 1, 1, 4), np.float32)}, ValueError, "out must be int8"),
    ],
)
def test_an_argument_that_does_not_fit_is_named(change, error, words):
    arrays = {"x": np.zeros((1, 3, 3, 2), np.int8), "k": np.ones((3, 3, 2, 4), np.int8), "b": np.zeros(4, np.int32)}
    with pytest.raises(error, match=words):
        conv2d.forward_int8(**(arrays | {"multiplier": np.ones(4, np.float32)} | change))


def test_add_refuses_factors_whose_sum_32_bits_would_not_hold():
    a = np.zeros(3, np.int8)
    with pytest.raises(ValueError, match="add: factors must be at most"):
        add.forward_int8(a, a, factors=(1, add.LARGEST_FACTOR + 1), multiplier=1.0)


@settings(max_examples=40)
@given(p=convolutions(), threads=st.sampled_from([1, 2]))
def test_convpool_has_the_bits_of_the_convolution_and_the_pooling_one_after_the_other(p, threads):
    x, k, b, m, keywords = p
    x = np.tile(x, (1, 2, 2, 1)) if min(x.shape[1:3]) < 9 else x
    x = np.tile(x, (1, 3, 3, 1))  # room for a window of 2x2
    keywords = {**keywords, "levels": keywords["levels"] or Levels(3, -100, 100)}
    both = conv2d.forward_int8(x, k, b, m, variant="cpu_naive", **keywords)
    if min(both.shape[1:3]) < 2:
        return
    expected = maxpool2d.forward_int8(both, 2)
    before = numba.get_num_threads()
    numba.set_num_threads(min(threads, before))
    same(convpool.forward_int8(x, k, b, m, **keywords), expected)
    numba.set_num_threads(before)


def test_convpool_s_reference_is_the_composition():
    rng = np.random.default_rng(0)
    x, k = integers(rng, (1, 7, 6, 2)), integers(rng, (3, 3, 2, 3))
    b, m = weights(rng, 3)
    expected = maxpool2d.forward_int8(conv2d.forward_int8(x, k, b, m, variant="reference"), 2, variant="reference")
    same(convpool.forward_int8(x, k, b, m, variant="reference"), expected)
    same(convpool.forward_int8(x, k, b, m), expected)
