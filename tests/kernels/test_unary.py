"""unary: every variant of every function is its formula, and the formulas are the libraries' own."""

import numpy as np
import pytest
import scipy.special
from hypothesis import given

from kernels import registry, unary
from kernels.unary import formulas
from kernels.unary.functions import FUNCTIONS, SELU
from kernels.verify.operations.unary import bound
from tests.array_strategies import equal_arrays, slope, strided_read_only
from tests.guards import BAND, assert_guards_stand, guarded

VARIANTS = registry.variants("unary", "cpu")
EVERY = pytest.mark.parametrize("function", FUNCTIONS)
TYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
sigmoid, erf = scipy.special.expit, scipy.special.erf
# what the formula is in the words of another library: from the definitions, without our rewriting
DEFINITIONS = {
    "tanh": np.tanh,
    "rectify": lambda x: np.where(x > 0, x, 0),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "gelu": lambda x: x * (1 + erf(x / np.sqrt(2))) / 2,
    "gelu_tanh": lambda x: x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2,
    "silu": lambda x: x * sigmoid(x),
    "softplus": lambda x: np.logaddexp(x, 0),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "hard_sigmoid": lambda x: np.clip((x + 3) / 6, 0, 1),
    "hard_silu": lambda x: x * np.clip((x + 3) / 6, 0, 1),
    "exponential": np.exp,
    "clip": lambda x: x,
}


@EVERY
def test_the_reference_is_the_definition(function):
    x = np.linspace(-8, 8, 997)
    y = unary.forward(x, function, variant="reference")
    np.testing.assert_allclose(y, DEFINITIONS[function](x), rtol=1e-12, atol=1e-15)


@EVERY
def test_the_references_slope_is_a_central_difference(function):
    x, h = np.linspace(-8, 8, 998), 1e-6
    x = x[np.min(np.abs(x[:, None] - [-3, 0, 3]), axis=1) > 1e-3]
    ends = [unary.forward(x + s, function, variant="reference") for s in (h, -h)]
    dx = unary.backward(np.ones_like(x), x, function, variant="reference")
    np.testing.assert_allclose(dx, (ends[0] - ends[1]) / (2 * h), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("numbers", "definition"),
    [
        (("rectify", {"negative_slope": 0.3}), lambda x: np.where(x > 0, x, 0.3 * x)),
        (("rectify", {"max_value": 6.0}), lambda x: np.clip(x, 0, 6)),
        (("rectify", {"threshold": 1.0}), lambda x: np.where(x > 1, x, 0)),
        (
            ("rectify", {"threshold": 1.0, "negative_slope": 0.5, "max_value": 4.0}),
            lambda x: np.where(x > 1, np.minimum(x, 4), 0.5 * (x - 1)),
        ),
        (("elu", SELU), lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))),
        (("hard_sigmoid", {"alpha": 0.2}), lambda x: np.clip(0.2 * x + 0.5, 0, 1)),
        (("clip", {"low": -1.0, "high": 2.5}), lambda x: np.clip(x, -1, 2.5)),
    ],
)
def test_a_functions_numbers_mean_what_they_say(numbers, definition):
    function, settings = numbers
    x = np.linspace(-7, 7, 1001)
    for variant in ("reference", *VARIANTS):
        y = unary.forward(x, function, variant=variant, **settings)
        np.testing.assert_allclose(y, definition(x), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("variant", VARIANTS)
@EVERY
@TYPES
def test_values_and_slopes_are_within_their_bound(variant, function, dtype):
    rng = np.random.default_rng(0)
    x = np.concatenate([np.linspace(-12, 12, 4001), rng.standard_normal(2000) * 10.0 ** rng.integers(-30, 2, 2000)])
    x = (np.clip(x, -80, 80) if function == "exponential" else x).astype(dtype)
    x = x[np.min(np.abs(x[:, None] - [-3, 3]), axis=1) > 1e-3]
    for name, run in (
        ("forward", unary.forward),
        ("backward", lambda *a, **k: unary.backward(np.ones_like(x), *a, **k)),
    ):
        error = np.abs(run(x, function, variant=variant) - run(x, function, variant="reference"))
        assert np.all(error <= bound(name, function, x, {}, dtype)), name


@TYPES
def test_gelu_keeps_its_digits_far_out_where_phi_is_tiny(dtype):
    """By 1 + erf, nothing is left of them below -6 in float32, and below -9 in float64."""
    x = (np.arange(-96, -39) / 8).astype(dtype)  # their squares are exact
    a = -x.astype(float)
    exact = -a * scipy.special.erfcx(a / np.sqrt(2)) / 2 * np.exp(-a * a / 2)
    assert np.max(np.abs(unary.forward(x, "gelu") / exact - 1)) <= 24 * np.finfo(dtype).eps


def test_the_tails_polynomial_is_the_normal_distributions():
    a = np.linspace(0, 40, 4001)
    exact = scipy.special.erfcx(a / np.sqrt(2)) / 2
    np.testing.assert_allclose([formulas.tail(v) for v in a], exact, rtol=2e-15)


@pytest.mark.parametrize("variant", ["reference", *VARIANTS])
@EVERY
@TYPES
def test_infinities_have_the_functions_limits_and_nan_stays_nan(variant, function, dtype):
    x = np.array([np.inf, -np.inf, np.nan, 1e30, -1e30], dtype)
    limits = {
        "tanh": (1, -1, 1, 0, 0),
        "rectify": (np.inf, 0, x[3], 1, 0),
        "elu": (np.inf, -1, x[3], 1, 0),
        "softsign": (1, -1, 1, 0, 0),
        "hard_sigmoid": (1, 0, 1, 0, 0),
        "exponential": (np.inf, 0, np.inf, np.inf, 0),
        "clip": (np.inf, -np.inf, x[3], 1, 1),
    }
    above, below, large, up, down = limits.get(function, (np.inf, 0, x[3], 1, 0))
    y = unary.forward(x, function, variant=variant)
    np.testing.assert_array_equal(y, [above, below, np.nan, large, x[4] if function == "clip" else below])
    dx = unary.backward(np.ones_like(x), x, function, variant=variant)
    np.testing.assert_allclose(dx[[0, 1, 3, 4]], [up, down, up, down], atol=1e-30)


@pytest.mark.parametrize("variant", ["reference", *VARIANTS])
@TYPES
def test_kinks_have_the_slope_that_is_stated(variant, dtype):
    def slopes(x, function, **settings):
        x = np.array(x, dtype)
        return unary.backward(np.ones_like(x), x, function, variant=variant, **settings).tolist()

    assert slopes([0, 2], "rectify", negative_slope=0.25, max_value=2.0) == [0.25, 0]
    assert slopes([0], "elu", alpha=0.5) == [0.5]
    assert slopes([-3, 3], "hard_silu") == [0, 1]
    assert slopes([-2, 2], "hard_sigmoid", alpha=0.25) == [0, 0]
    assert slopes([-1, 1], "clip", low=-1.0, high=1.0) == [1, 1]


@pytest.mark.parametrize("variant", VARIANTS)
@EVERY
def test_the_gradient_is_a_central_difference(variant, function):
    rng = np.random.default_rng(0)
    x, dy, u = rng.standard_normal((3, 4, 5))
    dx = unary.backward(dy, x, function, variant=variant)
    numeric = slope(lambda a: np.vdot(dy, unary.forward(a, function, variant=variant)), x, u)
    assert numeric == pytest.approx(np.vdot(dx, u), rel=1e-7)


@pytest.mark.parametrize("variant", VARIANTS)
def test_large_arrays_on_all_cores_have_the_bits_of_small_ones(variant):
    x, dy = np.random.default_rng(0).standard_normal((2, 70_001)).astype(np.float32) * 4
    y = [unary.forward(a, "gelu", variant=variant) for a in np.array_split(x, 9)]
    np.testing.assert_array_equal(unary.forward(x, "gelu", variant=variant), np.concatenate(y))
    pairs = zip(np.split(dy, [9]), np.split(x, [9]), strict=True)
    dx = [unary.backward(a, b, "gelu", variant=variant) for a, b in pairs]
    np.testing.assert_array_equal(unary.backward(dy, x, "gelu", variant=variant), np.concatenate(dx))


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=equal_arrays(2, least_rank=1))
def test_strided_read_only_views_give_the_contiguous_answer_and_are_not_mutated(variant, p):
    views = [strided_read_only(a) for a in p]
    for run, given_, same in ((unary.forward, views[1:], p[1:]), (unary.backward, views, p)):
        np.testing.assert_array_equal(run(*given_, "tanh", variant=variant), run(*same, "tanh", variant=variant))
    for view, before in zip(views, p, strict=True):
        np.testing.assert_array_equal(view, before)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shape", [(3, 7), (40_000,)])
def test_results_go_to_out_and_nowhere_else(variant, shape):
    (y, m1), (dx, m2) = guarded(shape, np.float32), guarded(shape, np.float32)
    x = np.zeros(shape, np.float32)
    assert unary.forward(x, "exponential", variant=variant, out=y) is y
    assert unary.backward(np.ones(shape, np.float32), x, "silu", variant=variant, out=dx) is dx
    for memory, value in ((m1, 1), (m2, 0.5)):
        assert_guards_stand(memory)
        np.testing.assert_array_equal(memory[BAND:-BAND], value)


def test_a_wrong_argument_is_named_with_what_arrived_and_what_was_expected():
    x = np.ones(3)
    with pytest.raises(ValueError, match="unary: there is no function 'mish'; choose one of: tanh, rectify"):
        unary.forward(x, "mish")
    with pytest.raises(ValueError, match="unary: elu has no 'beta'; it takes alpha, scale"):
        unary.forward(x, "elu", beta=1.0)
    with pytest.raises(ValueError, match="unary: alpha must be a number"):
        unary.forward(x, "elu", alpha=np.nan)
    with pytest.raises(ValueError, match=r"clip needs low <= high, got low=2\.0, high=1\.0"):
        unary.forward(x, "clip", low=2.0, high=1.0)
    with pytest.raises(TypeError, match="unary: x must be float32 or float64, got int64"):
        unary.forward(np.arange(3), "tanh")
    with pytest.raises(ValueError, match=r"unary: dy must have shape \(2,\) \(x's shape\), got \(3,\)"):
        unary.backward(x, np.ones(2), "tanh")
    with pytest.raises(ValueError, match="out overlaps an input"):
        unary.forward(x, "tanh", out=x)
