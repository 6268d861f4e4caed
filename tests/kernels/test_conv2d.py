"""conv2d: every variant is formula (1) and its gradients."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
from hypothesis import given, settings

from kernels import conv2d, registry
from kernels.conv2d import reference
from tests.guards import assert_guards_stand, guarded
from tests.rounding import assert_within
from tests.strategies import ConvProblem, conv_problems

ROOT = Path(__file__).resolve().parents[2]
VARIANTS = registry.general("conv2d", "cpu")  # the others have tests of their own, as test_conv2d_winograd.py


def passes(p: ConvProblem, variant: str):
    return (
        conv2d.forward(p.x, p.k, p.b, variant=variant, **p.settings),
        conv2d.backward_data(p.dy, p.k, p.x.shape, variant=variant, **p.settings),
        *conv2d.backward_weights(p.x, p.dy, p.k.shape, variant=variant, **p.settings),
    )


def terms(p: ConvProblem) -> tuple[int, int, int, int]:
    """The longest sum in y, dx, dk and db, plus one for rounding a product."""
    positions = p.dy.shape[0] * p.dy.shape[1] * p.dy.shape[2]
    area, filters = p.k.shape[0] * p.k.shape[1], p.k.shape[3] // p.settings["groups"]
    return area * p.k.shape[2] + 2, area * filters + 1, positions + 1, positions + 1


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=conv_problems(integers=True))
def test_small_integers_agree_with_the_reference_bit_for_bit(variant, p):
    for actual, exact in zip(passes(p, variant), passes(p, "reference"), strict=True):
        np.testing.assert_array_equal(actual, exact)


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=conv_problems())
def test_every_pass_is_within_the_rounding_bound_of_the_reference(variant, p):
    magnitudes = passes(p.absolute(), "reference")
    results = zip(passes(p, variant), passes(p, "reference"), magnitudes, terms(p), strict=True)
    for actual, exact, magnitude, m in results:
        assert actual.dtype == p.x.dtype
        assert_within(actual, exact, magnitude, m, p.x.dtype)


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=conv_problems(integers=True))
def test_the_backward_passes_are_the_adjoints_of_forward(variant, p):
    """<dy, conv(x, k)> = <dx, x> = <dk, k>, exactly, for integers."""
    y = conv2d.forward(p.x, p.k, variant=variant, **p.settings)
    _, dx, dk, db = passes(p, variant)
    assert np.vdot(p.dy, y) == np.vdot(dx, p.x) == np.vdot(dk, p.k)
    np.testing.assert_array_equal(db, p.dy.sum((0, 1, 2)))


@given(p=conv_problems(integers=True))
def test_the_reference_for_one_channel_is_scipys_correlate2d(p):
    image, kernel = p.x[0, :, :, 0], p.k[:, :, 0, 0]
    if image.shape[0] >= kernel.shape[0] and image.shape[1] >= kernel.shape[1]:
        expected = scipy.signal.correlate2d(image, kernel, mode="valid")
        np.testing.assert_array_equal(reference.convolve2d(image, kernel), expected)
        one = conv2d.forward(image[None, :, :, None].copy(), kernel[:, :, None, None].copy(), variant="reference")
        np.testing.assert_array_equal(one[0, :, :, 0], expected)


@pytest.mark.parametrize("variant", VARIANTS)
def test_zero_padding_same_is_scipys_ndimage_correlate(variant):
    rng = np.random.default_rng(0)
    image, kernel = rng.integers(-4, 5, (9, 7)).astype(float), rng.integers(-4, 5, (3, 5)).astype(float)
    y = conv2d.forward(image[None, :, :, None], kernel[:, :, None, None], padding="same", variant=variant)
    np.testing.assert_array_equal(y[0, :, :, 0], scipy.ndimage.correlate(image, kernel, mode="constant"))


LARGE = (  # x_shape, k_shape, options: several tiles, parts and threads; partial tiles and vectors
    ((3, 30, 29, 20), (3, 3, 20, 70), {}),
    ((2, 33, 31, 33), (5, 3, 33, 34), {"stride": (2, 1), "padding": ((2, 1), (0, 2))}),
    ((2, 28, 28, 1), (3, 3, 1, 32), {"padding": "same"}),
    ((2, 20, 21, 48), (3, 3, 24, 40), {"groups": 2, "dilation": 2, "padding": 2}),
    ((1, 40, 40, 24), (3, 3, 1, 24), {"groups": 24, "padding": 1}),
    ((3, 17, 40, 85), (3, 2, 1, 85), {"groups": 85, "padding": ((0, 1), (2, 0)), "stride": (1, 2)}),
    ((4, 15, 15, 64), (1, 1, 64, 96), {"stride": 2}),
    ((1, 3, 3, 1100), (3, 3, 1100, 49), {"padding": 1}),  # more steps than a panel holds, in one tap
    ((1, 7, 9, 200), (4, 5, 200, 15), {"padding": 3}),  # ... and in several
    ((70, 3, 3, 13), (3, 3, 13, 113), {}),  # one pixel an image
    ((1, 64, 67, 3), (7, 7, 3, 5), {"padding": 9, "stride": 3}),  # windows that lie wholly in the padding
    ((2, 12, 12, 6), (3, 3, 6, 64), {"stride": 4, "dilation": 2}),  # pixels that no window reads
    ((2, 41, 37, 1), (5, 5, 1, 1), {"padding": 2}),
    ((2, 23, 21, 3), (3, 5, 3, 44), {"padding": 1, "stride": (2, 1)}),  # few channels of dx
    ((2, 19, 21, 21), (3, 3, 21, 2), {"padding": 1}),  # few filters
    ((2, 19, 11, 60), (2, 3, 20, 6), {"groups": 3, "dilation": (1, 2)}),
    ((2, 19, 11, 6), (2, 3, 2, 60), {"groups": 3, "padding": 1}),
)


def large_problem(x_shape, k_shape, options, dtype):
    rng = np.random.default_rng(1)
    _, y_shape = conv2d.geometry(x_shape, k_shape, **{"stride": 1, "padding": 0, "dilation": 1, "groups": 1, **options})
    return [rng.integers(-3, 4, s).astype(dtype) for s in (x_shape, k_shape, k_shape[3:], y_shape)]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_shapes_with_several_tiles_and_threads_agree_bit_for_bit(variant, dtype):
    """The oracle is cpu_naive in float64, itself proven against the reference above."""
    for x_shape, k_shape, options in LARGE:
        results = []
        for v, t in ((variant, dtype), ("cpu_naive", np.float64)):
            p = ConvProblem(*large_problem(x_shape, k_shape, options, t), options)
            results.append(passes(p, v))
        for actual, exact in zip(*results, strict=True):
            np.testing.assert_array_equal(actual, exact, err_msg=f"{x_shape} {k_shape} {options}")


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_nan_spoils_exactly_the_results_whose_sums_hold_it(variant):
    """Neither padding, nor what lies beside a partial tile or vector, may carry a NaN into another sum."""
    for x_shape, k_shape, options in LARGE:
        x, k, b, dy = large_problem(x_shape, k_shape, options, np.float32)
        x[-1, x.shape[1] // 2, 1, 0] = dy[0, 0, -1, -1] = np.nan
        actual = passes(ConvProblem(x, k, b, dy, options), variant)
        expected = passes(ConvProblem(x, k, b, dy, options), "cpu_naive")
        for a, e in zip(actual, expected, strict=True):
            np.testing.assert_array_equal(np.isnan(a), np.isnan(e), err_msg=f"{x_shape} {k_shape} {options}")


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_pass_writes_all_of_out_and_nothing_around_it(variant):
    for x_shape, k_shape, options in LARGE:
        x, k, b, dy = large_problem(x_shape, k_shape, options, np.float32)
        buffers = [np.full(a.size + 256, np.nan, np.float32) for a in (dy, x, k, b)]
        y, dx, dk, db = (buf[128:-128].reshape(a.shape) for buf, a in zip(buffers, (dy, x, k, b), strict=True))
        conv2d.forward(x, k, b, variant=variant, out=y, **options)
        conv2d.backward_data(dy, k, x.shape, variant=variant, out=dx, **options)
        conv2d.backward_weights(x, dy, k.shape, variant=variant, out=(dk, db), **options)
        for buffer, result in zip(buffers, (y, dx, dk, db), strict=True):
            assert np.isnan(buffer[:128]).all()
            assert np.isnan(buffer[-128:]).all()
            assert not np.isnan(result).any()


DIGEST = """
import hashlib, numpy as np
from kernels import conv2d
from tests.kernels.test_conv2d import LARGE, VARIANTS
from tests.strategies import draw_seeded
digest = hashlib.sha256()
for variant in VARIANTS:
    for x_shape, k_shape, options in LARGE:
        x, k, b = (draw_seeded(s, np.float32, 3, False) for s in (x_shape, k_shape, k_shape[3:]))
        y = conv2d.forward(x, k, b, variant=variant, **options)
        dx = conv2d.backward_data(y, k, x.shape, variant=variant, **options)
        for a in (y, dx, *conv2d.backward_weights(x, y, k.shape, variant=variant, **options)):
            digest.update(a.tobytes())
print(digest.hexdigest())
"""


def test_any_number_of_threads_gives_the_same_bits():
    digests = set()
    for threads in ("1", "2", "3", "7"):
        environment = {**os.environ, "NUMBA_NUM_THREADS": threads}
        command = [sys.executable, "-c", DIGEST]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=ROOT)
        digests.add(done.stdout)
    assert len(digests) == 1


@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=20)
@given(p=conv_problems(integers=True))
def test_a_strided_read_only_view_gives_the_contiguous_answer_and_is_not_mutated(variant, p):
    wide = np.repeat(p.x, 2, axis=3)
    view = wide[..., ::2]
    wide.flags.writeable = False
    view.flags.writeable = False
    before = wide.copy()
    y = conv2d.forward(view, p.k, p.b, variant=variant, **p.settings)
    np.testing.assert_array_equal(y, conv2d.forward(p.x, p.k, p.b, variant=variant, **p.settings))
    np.testing.assert_array_equal(wide, before)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("x_shape", "k_shape"),
    [
        ((0, 5, 5, 2), (3, 3, 2, 4)),
        ((2, 5, 5, 0), (3, 3, 0, 4)),
        ((2, 5, 5, 2), (3, 3, 2, 0)),
        ((1, 1, 1, 1), (1, 1, 1, 1)),
    ],
)
def test_empty_and_one_pixel_arrays_give_the_empty_sum(variant, x_shape, k_shape):
    x, k, b = np.ones(x_shape, np.float32), np.ones(k_shape, np.float32), np.full(k_shape[3], 7, np.float32)
    y = conv2d.forward(x, k, b, variant=variant)
    np.testing.assert_array_equal(y, conv2d.forward(x, k, b, variant="reference"))
    dx = conv2d.backward_data(y, k, x_shape, variant=variant)
    np.testing.assert_array_equal(dx, conv2d.backward_data(y, k, x_shape, variant="reference"))
    dk, db = conv2d.backward_weights(x, y, k_shape, variant=variant)
    expected = conv2d.backward_weights(x, y, k_shape, variant="reference")
    np.testing.assert_array_equal(dk, expected[0])
    np.testing.assert_array_equal(db, expected[1])


@pytest.mark.parametrize("variant", VARIANTS)
def test_results_go_to_out_and_nowhere_else(variant):
    x, k = np.ones((1, 4, 4, 2), np.float32), np.ones((3, 3, 2, 3), np.float32)
    y, memory = guarded((1, 2, 2, 3), np.float32)
    assert conv2d.forward(x, k, variant=variant, out=y) is y
    np.testing.assert_array_equal(y, 18)
    assert_guards_stand(memory)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"x": np.ones((1, 5, 5), np.float32)},
            ValueError,
            r"conv2d: x must have 4 axes \(N,H,W,C\), got shape \(1, 5, 5\)",
        ),
        (
            {"x": np.ones((1, 5, 5, 2), np.int32)},
            TypeError,
            "conv2d: x must be float32 or float64, got int32",
        ),
        ({"x": [[1.0]]}, TypeError, "conv2d: x must be a NumPy array of float32 or float64, got list"),
        ({"x": np.ones((1, 5, 5, 2), np.float64)}, TypeError, "one dtype, but x is float64, k is float32"),
        ({"x": np.ones((1, 5, 5, 3), np.float32)}, ValueError, "conv2d: x has 3 channels but k expects 2"),
        (
            {"x": np.ones((1, 2, 5, 2), np.float32)},
            ValueError,
            "does not fit: it spans 3 .* along H, the padded image has 2",
        ),
        ({"b": np.ones(5, np.float32)}, ValueError, r"b must have shape \(4,\) \(one bias a filter"),
        ({"stride": 0}, ValueError, "stride must be an integer >= 1 or a pair of them, got 0"),
        ({"stride": True}, ValueError, "stride must be an integer"),
        ({"dilation": (1, 2, 3)}, ValueError, r"dilation must be .*, got \(1, 2, 3\)"),
        ({"padding": "full"}, ValueError, "padding must be .*'same'.*, got 'full'"),
        ({"padding": -1}, ValueError, "padding must be .*, got -1"),
        ({"groups": 3}, ValueError, "channels but k expects 6"),
        ({"variant": "cpu_magic"}, ValueError, "no variant 'cpu_magic'; choose one of: reference, cpu_naive"),
        (
            {"out": np.ones((1, 3, 3, 5), np.float32)},
            ValueError,
            r"out must be float32 of shape \(1, 3, 3, 4\)",
        ),
    ],
)
def test_a_wrong_argument_is_named_with_what_arrived_and_what_was_expected(change, error, message):
    arguments = {"x": np.ones((1, 5, 5, 2), np.float32), "k": np.ones((3, 3, 2, 4), np.float32), **change}
    with pytest.raises(error, match=message):
        conv2d.forward(**arguments)


def test_out_may_not_overlap_an_input():
    x = np.ones((1, 5, 5, 2), np.float32)
    with pytest.raises(ValueError, match="out overlaps an input"):
        conv2d.forward(x, np.ones((1, 1, 2, 2), np.float32), out=x)


def test_backward_passes_check_dy_against_the_shapes():
    k = np.ones((3, 3, 2, 4), np.float32)
    with pytest.raises(ValueError, match=r"dy must have shape \(1, 3, 3, 4\)"):
        conv2d.backward_data(np.ones((1, 3, 4, 4), np.float32), k, (1, 5, 5, 2))
    with pytest.raises(ValueError, match=r"dy must have shape \(1, 3, 3, 4\)"):
        conv2d.backward_weights(np.ones((1, 5, 5, 2), np.float32), np.ones((1, 3, 4, 4), np.float32), (3, 3, 2, 4))
    with pytest.raises(ValueError, match=r"x_shape must be 4 non-negative integers \(N,H,W,C\), got \(1, 5\)"):
        conv2d.backward_data(np.ones((1, 3, 4, 4), np.float32), k, (1, 5))
