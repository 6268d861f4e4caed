"""conv2d's cpu_winograd: the same function within its own bound, for the settings that it has.

The bound, as registry.OWN_BOUNDS states it: a pixel's error is measured by the largest numbers near it, since the
transforms add and subtract a whole square's. So each sum counts as many terms as formula (1) has, each as large as its
channel's largest number of x times its filter's largest number of k.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import conv2d, registry
from kernels.conv2d import cpu_winograd
from kernels.conv2d.winograd_matrices import matrices
from tests.rounding import assert_within
from tests.strategies import DTYPES, ConvProblem, draw_seeded

ROOT = Path(__file__).resolve().parents[2]
FACTOR = registry.OWN_BOUNDS["conv2d", "cpu_winograd"]
TRANSFORMS = 40  # roundings of the three transforms, beside those of the sum: 2*3 and 2 constants, 2*6, 2*6, and some
SHAPES = (  # x_shape, filters, padding; each with squares that hang over every border, or several tasks, or chunks
    ((2, 9, 10, 3), 5, ((1, 1), (1, 1))),
    ((1, 30, 29, 64), 70, ((1, 0), (3, 4))),
    ((3, 13, 14, 100), 64, ((0, 0), (0, 0))),
    ((1, 3, 3, 64), 64, ((0, 0), (0, 0))),
    ((20, 17, 16, 70), 65, ((2, 2), (2, 2))),
    ((3, 31, 33, 33), 34, ((0, 2), (1, 0))),
    ((70, 5, 5, 180), 170, ((1, 1), (1, 1))),  # a transformed kernel beyond the caches
)


def problem(x_shape, filters, padding, dtype, seed=1, integers=False) -> ConvProblem:
    k_shape = (3, 3, x_shape[3], filters)
    _, y_shape = conv2d.geometry(x_shape, k_shape, 1, padding, 1, 1)
    arrays = (draw_seeded(s, dtype, seed + i, integers) for i, s in enumerate((x_shape, k_shape, (filters,), y_shape)))
    return ConvProblem(*arrays, {"padding": padding})


@st.composite
def problems(draw, integers=False):
    padding = tuple((draw(st.integers(0, 3)), draw(st.integers(0, 3))) for _ in (0, 1))
    image = [max(3 - sum(padding[a]), 1) + draw(st.integers(0, 8)) for a in (0, 1)]
    x_shape = (draw(st.integers(1, 2)), *image, draw(st.integers(1, 5)))
    seed = draw(st.integers(0, 2**32 - 4))
    return problem(x_shape, draw(st.integers(1, 7)), padding, draw(DTYPES), seed, integers)


def passes(p: ConvProblem, variant="cpu_winograd"):
    return (
        conv2d.forward(p.x, p.k, p.b, variant=variant, **p.settings),
        conv2d.backward_data(p.dy, p.k, p.x.shape, variant=variant, **p.settings),
        *conv2d.backward_weights(p.x, p.dy, p.k.shape, variant=variant, **p.settings),
    )


def bounds(p: ConvProblem):
    """(number of terms, magnitude of their sum) of y, dx, dk and db, for the bound above."""
    x, dy, k = np.abs(p.x).max((1, 2)), np.abs(p.dy).max((1, 2)), np.abs(p.k).max((0, 1))  # (N,C), (N,F), (C,F)
    N, Ho, Wo, F = p.dy.shape
    area = (Ho + 3) * (Wo + 3)  # of whole squares
    sums = (9 * x @ k + np.abs(p.b), 9 * dy @ k.T, area * x.T @ dy)
    y, dx, dk = sums[0][:, None, None], sums[1][:, None, None], sums[2]
    db = np.abs(p.dy).sum((0, 1, 2)) / FACTOR  # an ordinary sum, within the ordinary bound
    terms = (9 * p.k.shape[2] + 2, 9 * F + 1, N * area + 1, N * Ho * Wo + 1)
    return [(m + TRANSFORMS, s) for m, s in zip(terms[:3], (y, dx, dk), strict=True)] + [(terms[3], db)]


def assert_within_own_bound(p: ConvProblem) -> None:
    wide = ConvProblem(*(a.astype(float) for a in (p.x, p.k, p.b, p.dy)), p.settings)
    for actual, exact, (m, magnitude) in zip(passes(p), passes(wide, "cpu_naive"), bounds(p), strict=True):
        assert actual.dtype == p.x.dtype
        assert_within(actual, exact, FACTOR * magnitude.astype(float), m, p.x.dtype)


def amplification(m: int) -> float:
    """How much larger than formula (1)'s terms the transforms' can be: A^T, G and B^T with all signs plus.

    All pixels 1 and all of k 1: y is 9, and (|A^T| (|G| 1 |G^T| * |B^T| 1 |B|) |A|) what is added and subtracted for
    it; dk is m*m for each square, and (|G^T| (|A| 1 |A^T| * |B^T| 1 |B|) |G|) what is added and subtracted.
    """
    B, G, A, *_ = (np.abs(M) for M in matrices(m))
    forward = (A @ (G.sum(1) * B.sum(1))).max() ** 2 / 9
    weights = (G.T @ (A.sum(0) * B.sum(1))).max() ** 2 / m**2
    return max(forward, weights)


def test_the_stated_factor_is_the_transforms_amplification():
    assert amplification(2) == pytest.approx(9)
    assert amplification(4) == pytest.approx(FACTOR)


@pytest.mark.parametrize("large", [32, 1])
@given(p=problems())
def test_every_pass_is_within_its_own_bound(p, large):
    """large = 1 forces F(4x4,3x3), which such small shapes would not get."""
    chosen, cpu_winograd.LARGE = cpu_winograd.LARGE, large
    try:
        assert_within_own_bound(p)
    finally:
        cpu_winograd.LARGE = chosen


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_several_tasks_and_partial_squares_are_within_the_bound(shape, dtype):
    assert_within_own_bound(problem(*shape, dtype))


@given(p=problems(integers=True))
def test_f2_is_exact_for_small_integers(p):
    """Its constants are halves, so nothing is rounded; and then the passes are each other's adjoints exactly."""
    results = passes(p)
    for actual, exact in zip(results, passes(p, "reference"), strict=True):
        np.testing.assert_array_equal(actual, exact)
    y = results[0] - p.b
    assert np.vdot(p.dy, y) == np.vdot(results[1], p.x) == np.vdot(results[2], p.k)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_backward_passes_are_the_adjoints_of_forward_within_the_bound(shape):
    p = problem(*shape, np.float64)
    y, dx, dk, _ = passes(p)
    y = y - p.b
    bound = [FACTOR * (m * np.finfo(float).eps) * magnitude for m, magnitude in bounds(p)[:3]]
    allowed = [np.vdot(np.abs(a), np.broadcast_to(e, a.shape)) for a, e in zip((p.dy, p.x, p.k), bound, strict=True)]
    assert abs(np.vdot(p.dy, y) - np.vdot(dx, p.x)) <= allowed[0] + allowed[1]
    assert abs(np.vdot(p.dy, y) - np.vdot(dk, p.k)) <= allowed[0] + allowed[2]


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(("channels", "m"), [(5, 2), (64, 4)])
def test_a_pixel_that_is_no_number_spoils_what_reads_it_and_nothing_beyond_its_squares(channels, m, value):
    p = problem((2, 14, 13, channels), channels, ((1, 2), (0, 1)), np.float32)
    p.x[1, 6, 7, 3] = p.dy[0, 5, 4, 2] = value
    y, dx, dk, db = (~np.isfinite(a) for a in passes(p))
    by_formula = [~np.isfinite(a) for a in passes(p, "cpu_naive")]
    assert np.all(by_formula[0] <= y)
    assert np.all(y <= _squares(y.shape, m, (1, 0), (1, 6, 7)))
    assert np.all(by_formula[1] <= dx)
    assert np.all(dx <= _squares(dx.shape, m, (1, 2), (0, 5, 4)))
    expected = np.zeros(dk.shape, bool)
    expected[:, :, 3, :] = expected[:, :, :, 2] = True
    assert np.all(by_formula[2] <= dk)
    assert np.all(dk <= expected)
    np.testing.assert_array_equal(db, np.arange(channels) == 2)


def _squares(shape, m, before, pixel):
    """The m x m squares of a result whose t x t pixels hold the pixel."""
    n, h, w = pixel
    spoiled = np.zeros(shape, bool)
    for i in range(0, shape[1], m):
        for j in range(0, shape[2], m):
            if 0 <= h + before[0] - i < m + 2 and 0 <= w + before[1] - j < m + 2:
                spoiled[n, i : i + m, j : j + m] = True
    return spoiled


def test_every_pass_writes_all_of_out_and_nothing_around_it():
    for shape in SHAPES:
        p = problem(*shape, np.float32)
        buffers = [np.full(a.size + 256, np.nan, np.float32) for a in (p.dy, p.x, p.k, p.b)]
        outs = [b[128:-128].reshape(a.shape) for b, a in zip(buffers, (p.dy, p.x, p.k, p.b), strict=True)]
        options = {"variant": "cpu_winograd", **p.settings}
        conv2d.forward(p.x, p.k, p.b, out=outs[0], **options)
        conv2d.backward_data(p.dy, p.k, p.x.shape, out=outs[1], **options)
        conv2d.backward_weights(p.x, p.dy, p.k.shape, out=(outs[2], outs[3]), **options)
        for buffer, result in zip(buffers, outs, strict=True):
            assert np.isnan(buffer[:128]).all()
            assert np.isnan(buffer[-128:]).all()
            assert not np.isnan(result).any()


@pytest.mark.parametrize(
    ("x_shape", "filters"), [((0, 5, 5, 2), 4), ((2, 5, 5, 0), 4), ((2, 5, 5, 2), 0), ((1, 3, 3, 1), 1)]
)
def test_empty_arrays_give_the_empty_sum(x_shape, filters):
    p = problem(x_shape, filters, ((0, 0), (0, 0)), np.float32, integers=True)
    for actual, exact in zip(passes(p), passes(p, "reference"), strict=True):
        np.testing.assert_array_equal(actual, exact)


@pytest.mark.parametrize(
    ("k_shape", "setting"),
    [
        ((1, 1, 4, 4), {}),
        ((3, 3, 4, 4), {"stride": 2}),
        ((3, 3, 4, 4), {"dilation": (1, 2)}),
        ((3, 3, 2, 4), {"groups": 2}),
    ],
)
def test_other_settings_are_refused_with_the_variant_to_use_instead(k_shape, setting):
    x, k = np.ones((1, 9, 9, 4), np.float32), np.ones(k_shape, np.float32)
    dy = conv2d.forward(x, k, **setting)
    options = {"variant": "cpu_winograd", **setting}
    for call in (
        lambda: conv2d.forward(x, k, **options),
        lambda: conv2d.backward_data(dy, k, x.shape, **options),
        lambda: conv2d.backward_weights(x, dy, k.shape, **options),
    ):
        with pytest.raises(ValueError, match=r"has only 3x3 kernels with stride 1.*use variant='cpu'"):
            call()


@settings(max_examples=10)
@given(p=problems())
def test_inputs_are_not_mutated(p):
    before = [a.copy() for a in (p.x, p.k, p.b, p.dy)]
    passes(p)
    for a, b in zip((p.x, p.k, p.b, p.dy), before, strict=True):
        np.testing.assert_array_equal(a, b)


DIGEST = """
import hashlib, numpy as np
from tests.kernels.test_conv2d_winograd import SHAPES, passes, problem
digest = hashlib.sha256()
for shape in SHAPES:
    for a in passes(problem(*shape, np.float32)):
        digest.update(a.tobytes())
print(digest.hexdigest())
"""


def test_any_number_of_threads_gives_the_same_bits():
    digests = set()
    for threads in ("1", "2", "3", "7"):
        environment = {**os.environ, "NUMBA_NUM_THREADS": threads}
        done = subprocess.run(
            [sys.executable, "-c", DIGEST], env=environment, capture_output=True, text=True, check=True, cwd=ROOT
        )
        digests.add(done.stdout)
    assert len(digests) == 1
