"""conv2d on the matrix unit: the same function within each variant's own bound, for every input.

Without such a unit the same kernels run on the model of its instructions, which test_amx.py checks.
"""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from kernels import conv2d, registry
from kernels.amx import processor
from kernels.amx.bounds import roundings
from kernels.amx.range import LEAST, MOST, is_proven
from kernels.amx.split import LANES, new_extremes
from kernels.conv2d import amx_errors, matrix_unit, tiles_amx, tiles_amx_weights
from kernels.conv2d.amx_jobs import forward_job
from kernels.jit import jit
from tests import matrix_unit as unit
from tests.conv_strategies import passes
from tests.kernels.test_conv2d import terms
from tests.rounding import assert_within
from tests.strategies import ConvProblem, conv_problems

VARIANTS = registry.MATRIX_UNIT["conv2d"]
FEW = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
SHAPES = (  # x_shape, k_shape, options: blocks and tiles that are not full, several of each
    ((2, 9, 7, 20), (3, 2, 20, 35), {"stride": (2, 1), "padding": ((2, 1), (0, 2)), "dilation": (1, 2)}),
    ((1, 6, 11, 66), (1, 1, 66, 33), {}),
    ((3, 5, 4, 6), (3, 3, 3, 8), {"groups": 2, "padding": 1}),
    ((2, 12, 12, 3), (3, 3, 3, 4), {"stride": 4, "dilation": 2}),  # pixels that no window reads
    ((1, 4, 5, 2), (3, 3, 2, 3), {"padding": 5, "stride": 2}),  # windows that lie wholly in the padding
    ((9, 3, 3, 5), (3, 3, 5, 9), {}),  # one pixel an image
    ((2, 6, 40, 32), (3, 3, 32, 32), {"padding": 1}),
)


@pytest.fixture(autouse=True)
def matrix_unit_or_model(monkeypatch):
    unit.use(monkeypatch)


def problem(shapes, draw) -> ConvProblem:
    x_shape, k_shape, options = shapes
    given = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, **options}
    configured, y_shape = conv2d.geometry(x_shape, k_shape, **given)
    return ConvProblem(*(draw(s).astype(np.float32) for s in (x_shape, k_shape, k_shape[3:], y_shape)), configured)


def in_float64(p: ConvProblem) -> tuple[np.ndarray, ...]:
    wide = (a.astype(np.float64) for a in (p.x, p.k, p.b, p.dy))
    return passes(ConvProblem(*wide, p.settings), "cpu_naive")


def normal(seed, scale=1.0):
    rng = np.random.default_rng(seed)
    return lambda shape: rng.standard_normal(shape) * scale


def assert_within_own_bound(p: ConvProblem, variant: str) -> None:
    everything = zip(passes(p, variant), in_float64(p), in_float64(p.absolute()), terms(p), strict=True)
    for actual, exact, magnitude, m in everything:
        assert_within(actual, exact, magnitude, roundings(variant, m), np.float32)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_small_integers_are_exact(variant, shapes):
    rng = np.random.default_rng(1)
    p = problem(shapes, lambda s: rng.integers(-9, 10, s))
    for actual, exact in zip(passes(p, variant), in_float64(p), strict=True):
        np.testing.assert_array_equal(actual, exact)


def test_integers_of_nineteen_bits_are_exact_by_six_products():
    rng = np.random.default_rng(2)
    p = problem(SHAPES[0], lambda s: rng.integers(-60, 61, s))
    p.x[...] = 0
    p.x[0, 1, 1, 3] = 2.0**18 + 2.0**9 + 1  # all three parts
    actual, exact = (passes(p, v)[0] for v in ("cpu_amx", "reference"))
    np.testing.assert_array_equal(actual, exact)
    assert abs(exact).max() > 2**22
    assert (passes(p, "cpu_amx_3")[0] != exact).any()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shapes", SHAPES[:3], ids=str)
def test_every_pass_is_within_the_variants_own_bound(variant, shapes):
    assert_within_own_bound(problem(shapes, normal(3)), variant)


@FEW
@given(p=conv_problems())
def test_any_settings_are_within_the_bound_of_six_products(p):
    assert_within_own_bound(ConvProblem(*(a.astype(np.float32) for a in (p.x, p.k, p.b, p.dy)), p.settings), "cpu_amx")


def test_six_products_are_more_precise_than_float32_and_three_and_one_less():
    """So no variant meets a bound that is not its own by computing something else."""
    p = problem(((1, 8, 18, 64), (3, 3, 64, 32), {}), normal(4))
    exact, magnitude = in_float64(p)[0], in_float64(p.absolute())[0]
    worst = {
        v: np.median(abs(conv2d.forward(p.x, p.k, p.b, variant=v) - exact) / magnitude) for v in ("cpu", *VARIANTS)
    }
    assert worst["cpu_amx"] < worst["cpu"] / 2
    assert worst["cpu"] * 4 < worst["cpu_amx_3"] < worst["cpu_amx_bf16"] / 100


def test_the_lesson_prints_the_errors_of_the_model():
    lesson = (Path(conv2d.__file__).parent / "README.md").read_text(encoding="utf-8")
    assert [line for line in amx_errors.table() if "amx" in line and line not in lesson] == []


def test_a_number_is_the_sum_of_its_parts():
    rng = np.random.default_rng(9)
    for x in (rng.standard_normal(200) * 2.0 ** rng.integers(-100, 120, 200)).astype(np.float32):
        parts = amx_errors.parts(x)
        assert sum(map(float, parts)) == x
        assert all(part.view(np.uint32) & 0xFFFF == 0 for part in parts)


@pytest.mark.parametrize(
    "value", [np.inf, -np.inf, np.nan, np.finfo(np.float32).max, 3.39e38, 1e-38, 2.0**-149, 2.0**-103]
)
def test_a_number_that_the_parts_cannot_hold_is_computed_in_float32(value):
    for where in ("x", "k", "dy"):
        p = problem(SHAPES[2], normal(5))
        getattr(p, where).reshape(-1)[7] = value
        compared = {"x": (0, 2), "k": (0, 1), "dy": (1, 2, 3)}[where]
        actual, expected = passes(p, "cpu_amx"), passes(p, "cpu")
        for i in compared:
            np.testing.assert_array_equal(actual[i], expected[i], err_msg=f"{value} in {where}")


def test_every_block_of_k_notes_its_numbers():
    """Six blocks: two of 33 filters, three of 66 channels."""
    for c, f in itertools.product((0, 33, 65), (0, 32)):
        p = problem(SHAPES[1], normal(5))
        p.k[0, 0, c, f] = np.inf
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(*(passes(p, variant)[0] for variant in ("cpu_amx", "cpu")), err_msg=f"{c, f}")


@jit()
def list_tiles(line, last, job, y, starts, places):
    return tiles_amx._list_tiles(line, last, job, y, starts, places)


@pytest.mark.parametrize("tasks", [1, 2, 3, 4, 7, 10])
def test_the_tiles_of_all_tasks_hold_each_pixel_once_and_those_of_one_task_its_lines_alone(tasks):
    """Two images of five lines: some tasks begin and end within one, others have lines of both."""
    y = np.empty((2, 5, 7, 3), np.float32)
    job = forward_job((3, 2), (5, 7), (1, 1), (1, 1), (1, 1))
    each, found = -(-10 // tasks), []
    for line in range(0, 10, each):
        last = min(10, line + each)
        starts, places = np.empty(40, np.int64), np.full(40 * tiles_amx.ROW, -1)
        count = list_tiles(line, last, job, y, starts, places)
        there = places[: count * tiles_amx.ROW]
        found.append(there[there >= 0] // 3)
        np.testing.assert_array_equal(np.unique(found[-1]), np.arange(line * 7, last * 7))
    np.testing.assert_array_equal(np.sort(np.concatenate(found)), np.arange(70))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("x", "k"),
    [(-126, 0), (-103, 0), (-100, 0), (0, -104), (-50, -60), (-52, -44), (-70, -70), (126, 0), (60, 60), (62, 66)],
)
def test_tiny_and_huge_numbers_are_within_the_bound(variant, x, k):
    rng = np.random.default_rng(6)
    p = problem(SHAPES[2], lambda s: (1 + rng.random(s)) * rng.choice([-1, 1], s))
    with np.errstate(over="ignore"):
        p = ConvProblem(
            p.x * np.float32(2.0**x), p.k * np.float32(2.0**k), p.b * 0, p.dy * np.float32(2.0**x), p.settings
        )
    everything = zip(passes(p, variant)[:2], in_float64(p), in_float64(p.absolute()), terms(p), strict=False)
    for actual, exact, magnitude, m in everything:
        finite = magnitude < 2.0**127
        assert_within(actual[finite], exact[finite], magnitude[finite], roundings(variant, m), np.float32)


def extremes(low, high):
    """What a task notes of numbers whose magnitudes lie from low to high."""
    noted = new_extremes(1)
    noted[0, LANES + 3], noted[0, 5] = np.float32(low).view(np.uint32) - 1, np.float32(high).view(np.uint32)
    return noted


@pytest.mark.parametrize(
    ("one", "other", "terms", "proven"),
    [
        ((LEAST, 1), (16, 16), 1, True),  # both limits themselves: the least number, and the least product
        ((LEAST, 1), (15, 15), 1, False),
        ((LEAST / 2, 1), (64, 64), 1, False),
        ((1, MOST / 2), (2**-9, 2**-9), 1, True),
        ((1, MOST), (2**-9, 2**-9), 1, False),
        ((1, np.nan), (1, 1), 1, False),
        ((1, 2.0**60), (1, 2.0**60), 63, True),
        ((1, 2.0**60), (1, 2.0**60), 64, False),  # the largest sum
    ],
)
def test_the_bounds_are_proven_up_to_the_limits(one, other, terms, proven):
    assert is_proven(extremes(*one), extremes(*other), terms) == proven
    assert is_proven(extremes(*other), extremes(*one), terms) == proven


def test_float32_is_used_for_no_ordinary_numbers(monkeypatch):
    def refuse(*args, **settings):
        raise AssertionError("float32's kernels were called")

    for name in ("forward", "backward_data", "backward_weights"):
        monkeypatch.setattr(matrix_unit.cpu, name, refuse)
    for scale in (1e-12, 1, 1e12):
        p = problem(SHAPES[2], normal(7, scale))
        p.x[0] = p.dy[0] = 0
        passes(p, "cpu_amx")
    p.x[1, 1, 1, 1] = LEAST * 2
    conv2d.forward(p.x, np.abs(p.k) + np.float32(1e3), variant="cpu_amx", **p.settings)
    p.x[1, 1, 1, 1] = MOST / 2
    conv2d.forward(p.x, p.k * np.float32(1e-20), variant="cpu_amx", **p.settings)


@pytest.mark.parametrize("variant", VARIANTS)
def test_any_number_of_threads_gives_the_same_bits(monkeypatch, variant):
    """The work is divided by this number, whoever does it; chunks depend on the shape alone."""
    monkeypatch.setattr(tiles_amx_weights, "CHUNK", 0)
    monkeypatch.setattr(tiles_amx_weights, "LEAST_POSITIONS", 20)
    for shapes in (SHAPES[0], SHAPES[2], SHAPES[5]):
        p, results = problem(shapes, normal(8)), []
        for threads in (1, 2, 3, 7):
            monkeypatch.setattr(matrix_unit, "number_of_threads", lambda threads=threads: threads)
            results.append(passes(p, variant))
        for other in results[1:]:
            for a, b in zip(results[0], other, strict=True):
                np.testing.assert_array_equal(a, b)
        assert_within_own_bound(p, variant)


@pytest.mark.parametrize(
    ("x_shape", "k_shape"), [((0, 5, 5, 2), (3, 3, 2, 4)), ((2, 5, 5, 0), (3, 3, 0, 4)), ((1, 5, 5, 2), (3, 3, 2, 0))]
)
def test_empty_arrays_give_the_empty_sum(x_shape, k_shape):
    p = problem((x_shape, k_shape, {}), np.ones)
    for actual, expected in zip(passes(p, "cpu_amx"), passes(p, "reference"), strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_float64_is_refused():
    x, k = np.ones((1, 4, 4, 2)), np.ones((3, 3, 2, 3))
    with pytest.raises(ValueError, match="variant='cpu_amx' computes in float32 only, got float64: use variant='cpu'"):
        conv2d.forward(x, k, variant="cpu_amx")


@pytest.mark.skipif(processor.missing() is None, reason="this machine has the matrix unit")
def test_without_the_unit_every_pass_is_refused(monkeypatch):
    monkeypatch.undo()
    p = problem(SHAPES[2], np.ones)
    for variant in VARIANTS:
        for call in (
            lambda v: conv2d.forward(p.x, p.k, variant=v, **p.settings),
            lambda v: conv2d.backward_data(p.dy, p.k, p.x.shape, variant=v, **p.settings),
            lambda v: conv2d.backward_weights(p.x, p.dy, p.k.shape, variant=v, **p.settings),
        ):
            with pytest.raises(RuntimeError, match=f"conv2d: variant '{variant}' needs Intel's matrix unit, AMX"):
                call(variant)
