"""crossentropy: every variant is the six losses of README.md and their exact derivatives."""

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from kernels import crossentropy, registry, softmax
from tests.array_strategies import SEEDS, assert_bounded, slope, strided_read_only
from tests.guards import assert_guards_stand, guarded
from tests.rounding import unit
from tests.strategies import DTYPES

VARIANTS = registry.variants("crossentropy", "cpu")
CASES = [(kind, logits) for kind in crossentropy.KINDS for logits in (False, True)]


def problem(kind, from_logits, N, K, dtype, seed, weighted):
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((N, K)) * 4
    p = scipy.special.expit(z) if kind == "binary" else scipy.special.softmax(z, -1)
    yhat = z if from_logits else p
    y = {
        "sparse": lambda: rng.integers(0, K, N),
        "categorical": lambda: scipy.special.softmax(rng.standard_normal((N, K)), -1).astype(dtype),
        "binary": lambda: rng.choice([0, 1, 0.3], (N, K)).astype(dtype),
    }[kind]()
    return y, yhat.astype(dtype), rng.uniform(0, 3, N).astype(dtype) if weighted else None


@st.composite
def problems(draw):
    kind, from_logits = draw(st.sampled_from(CASES))
    sizes = draw(st.integers(1, 9)), draw(st.integers(1, 20))
    arrays = problem(kind, from_logits, *sizes, draw(DTYPES), draw(SEEDS), draw(st.booleans()))
    return arrays, {"kind": kind, "from_logits": from_logits}


def assert_one_rounding_away(variant, p):
    """Everything is computed in float64: what is left in float32 is one rounding, and float64's own besides."""
    (y, yhat, weights), settings = p
    own = 100 * (yhat.shape[1] + len(yhat)) * unit(np.float64)
    w = np.ones(len(yhat)) if weights is None else weights
    exact = crossentropy.forward(y, yhat, weights, variant="reference", **settings)
    L = crossentropy.forward(y, yhat, weights, variant=variant, **settings)
    assert L.dtype == yhat.dtype
    assert L.shape == ()
    assert_bounded(L, exact, 1.01 * unit(L.dtype) * exact + own * w.mean() * (1 + np.abs(yhat).max()))
    exact = crossentropy.backward(y, yhat, weights, variant="reference", **settings)
    dyhat = crossentropy.backward(y, yhat, weights, variant=variant, **settings)
    assert dyhat.dtype == yhat.dtype
    bound = 1.01 * unit(L.dtype) * np.abs(exact) + own * (w.mean() + np.abs(exact).max(-1, keepdims=True)) + 1e-45
    assert_bounded(dyhat, exact, bound)


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=problems())
def test_both_passes_are_one_rounding_away_from_the_reference(variant, p):
    assert_one_rounding_away(variant, p)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("case", CASES)
def test_many_classes_and_several_threads_are_as_exact(variant, case):
    kind, from_logits = case
    arrays = problem(kind, from_logits, 37, 501, np.float32, seed=1, weighted=True)
    assert_one_rounding_away(variant, (arrays, {"kind": kind, "from_logits": from_logits}))


@pytest.mark.parametrize("variant", ["reference", *VARIANTS])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_gradient_is_a_central_difference(variant, case, weighted):
    kind, from_logits = case
    y, yhat, weights = problem(kind, from_logits, 4, 5, np.float64, 3, weighted)
    if not from_logits:
        yhat = 0.1 + 0.7 * yhat  # off the clip, and not of sum 1
    u = np.random.default_rng(1).standard_normal(yhat.shape)
    settings = {"kind": kind, "from_logits": from_logits, "variant": variant}
    dyhat = crossentropy.backward(y, yhat, weights, **settings)
    measured = slope(lambda a: crossentropy.forward(y, a, weights, **settings), yhat, u)
    assert measured == pytest.approx(np.vdot(dyhat, u), rel=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=problems())
def test_the_loss_is_convex_in_the_logits_and_least_at_the_truth(variant, p):
    (y, yhat, weights), settings = p
    settings = {**settings, "from_logits": True}
    y = y if settings["kind"] == "sparse" else y.astype(np.float64)
    w = None if weights is None else weights.astype(np.float64)
    a, b = yhat.astype(np.float64), -2 * yhat.astype(np.float64)
    ends = [crossentropy.forward(y, z, w, variant=variant, **settings) for z in (a, b)]
    middle = crossentropy.forward(y, (a + b) / 2, w, variant=variant, **settings)
    assert middle <= sum(ends) / 2 * (1 + 1e-9) + 1e-12
    if settings["kind"] == "categorical":
        truth = np.log(y)
        assert crossentropy.forward(y, truth, w, variant=variant, **settings) <= ends[0] * (1 + 1e-9) + 1e-12
        assert np.abs(crossentropy.backward(y, truth, w, variant=variant, **settings)).max() < 1e-6


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("from_logits", [False, True])
def test_sparse_is_categorical_on_one_hot_labels(variant, from_logits):
    y, yhat, w = problem("sparse", from_logits, 9, 6, np.float64, 0, True)
    onehot = np.eye(6)[y]
    both = [
        (crossentropy.forward(t, yhat, w, kind=kind, from_logits=from_logits, variant=variant))
        for t, kind in ((y, "sparse"), (onehot, "categorical"))
    ]
    assert both[0] == pytest.approx(both[1], rel=1e-13)
    if from_logits:
        gradients = [
            crossentropy.backward(t, yhat, w, kind=kind, from_logits=True, variant=variant)
            for t, kind in ((y, "sparse"), (onehot, "categorical"))
        ]
        np.testing.assert_allclose(*gradients, rtol=0, atol=1e-15)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kind", ["sparse", "categorical"])
def test_logits_are_softmax_and_probabilities_off_the_clip(variant, kind):
    y, z, w = problem(kind, True, 9, 6, np.float64, 0, True)
    p = softmax.forward(z, variant=variant)
    fused = {"kind": kind, "from_logits": True, "variant": variant}
    apart = {"kind": kind, "from_logits": False, "variant": variant}
    assert crossentropy.forward(y, z, w, **fused) == pytest.approx(crossentropy.forward(y, p, w, **apart), rel=1e-12)
    dz = softmax.backward(crossentropy.backward(y, p, w, **apart), p, variant=variant)
    np.testing.assert_allclose(crossentropy.backward(y, z, w, **fused), dz, rtol=0, atol=1e-14)


@pytest.mark.parametrize("variant", VARIANTS)
def test_binary_logits_are_sigmoid_and_probabilities_off_the_clip(variant):
    y, z, w = problem("binary", True, 9, 6, np.float64, 0, True)
    p = scipy.special.expit(z)
    dz = crossentropy.backward(y, p, w, kind="binary", variant=variant) * p * (1 - p)
    fused = {"kind": "binary", "from_logits": True, "variant": variant}
    np.testing.assert_allclose(crossentropy.backward(y, z, w, **fused), dz, rtol=0, atol=1e-14)
    L = crossentropy.forward(y, p, w, kind="binary", variant=variant)
    assert crossentropy.forward(y, z, w, **fused) == pytest.approx(L, rel=1e-12)


@pytest.mark.parametrize("variant", ["reference", *VARIANTS])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clipped_probabilities_have_keras_loss_and_no_gradient(variant, dtype):
    y, p = np.array([0, 0, 1]), np.array([[0, 1], [1, 0], [0.5, 0.5]], dtype)
    expected = [-np.log(1e-7), -np.log(1 - 1e-7), np.log(2)]
    for kind, t in (("sparse", y), ("categorical", np.eye(2)[y].astype(dtype))):
        L = crossentropy.forward(t, p, kind=kind, variant=variant)
        assert pytest.approx(np.mean(expected), rel=1e-6) == L
        d = crossentropy.backward(t, p, kind=kind, variant=variant)
        assert not d[:2].any()
        assert d[2].any()
    L = crossentropy.forward(np.array([1, 0], dtype), np.array([0, 0], dtype), kind="binary", variant=variant)
    assert pytest.approx((-np.log(1e-7) - np.log1p(-1e-7)) / 2, rel=1e-6) == L
    d = crossentropy.backward(np.array([1, 0], dtype), np.array([0, 1], dtype), kind="binary", variant=variant)
    assert not d.any()


@pytest.mark.parametrize("variant", ["reference", *VARIANTS])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_logits_neither_overflow_nor_lose_the_answer(variant, dtype):
    z = np.array([[1e38, -1e38, 0], [0, -np.inf, 0], [1000, 0, -1000]], dtype)
    y = np.array([0, 2, 1])
    for kind, t in (("sparse", y), ("categorical", np.eye(3, dtype=dtype)[y])):
        L = crossentropy.forward(t, z, kind=kind, from_logits=True, variant=variant)
        assert pytest.approx((0 + np.log(2) + 1000) / 3, rel=1e-6) == L
        d = crossentropy.backward(t, z, kind=kind, from_logits=True, variant=variant) * 3
        np.testing.assert_allclose(d, [[0, 0, 0], [0.5, 0, -0.5], [1, -1, 0]], rtol=0, atol=1e-6)
    t, z = np.array([1, 0, 1], dtype), np.array([1e30, -1e30, -800], dtype)
    L = crossentropy.forward(t, z, kind="binary", from_logits=True, variant=variant)
    assert pytest.approx(800 / 3, rel=1e-6) == L


@pytest.mark.parametrize("variant", ["reference", *VARIANTS])
@pytest.mark.parametrize("case", CASES)
def test_a_nan_reaches_the_loss_and_spoils_its_own_row_only(variant, case):
    kind, from_logits = case
    y, yhat, _ = problem(kind, from_logits, 4, 3, np.float32, 0, False)
    yhat[1, y[1] if kind == "sparse" else 2] = np.nan
    assert np.isnan(crossentropy.forward(y, yhat, kind=kind, from_logits=from_logits, variant=variant))
    d = crossentropy.backward(y, yhat, kind=kind, from_logits=from_logits, variant=variant)
    assert np.isnan(d).any(axis=1).tolist() == [False, True, False, False]


@pytest.mark.parametrize("variant", VARIANTS)
@given(p=problems())
def test_strided_read_only_views_give_the_contiguous_answer_and_are_not_mutated(variant, p):
    arrays, settings = p
    views = [None if a is None else strided_read_only(a) for a in arrays]
    for function in (crossentropy.forward, crossentropy.backward):
        actual = function(*views, variant=variant, **settings)
        np.testing.assert_array_equal(actual, function(*arrays, variant=variant, **settings))
    for view, before in zip(views, arrays, strict=True):
        np.testing.assert_array_equal(view, before)


@pytest.mark.parametrize("dtype", crossentropy.INTEGERS)
def test_indices_may_have_any_integer_dtype(dtype):
    z = np.eye(3, dtype=np.float32)
    y = np.array([0, 1, 2])
    expected = crossentropy.forward(y, z, kind="sparse", from_logits=True)
    assert crossentropy.forward(y.astype(dtype), z, kind="sparse", from_logits=True) == expected


@pytest.mark.parametrize("shape", [(5,), (5, 3), (5, 2, 3)])
def test_binary_predictions_may_have_any_shape(shape):
    z, y, w = np.full(shape, 0.5), np.ones(shape), np.full(5, 2.0)
    L = crossentropy.forward(y, z, w, kind="binary")
    assert pytest.approx(2 * np.log(2), rel=1e-14) == L
    np.testing.assert_allclose(crossentropy.backward(y, z, w, kind="binary"), -4 / z.size, rtol=1e-14)


@pytest.mark.parametrize("variant", ["reference", *VARIANTS])
@pytest.mark.parametrize("case", CASES)
def test_results_go_to_out_and_nowhere_else(variant, case):
    kind, from_logits = case
    arrays = problem(kind, from_logits, 4, 3, np.float32, 0, True)
    (L, m1), (d, m2) = guarded((), np.float32), guarded((4, 3), np.float32)
    settings = {"kind": kind, "from_logits": from_logits, "variant": variant}
    assert crossentropy.forward(*arrays, out=L, **settings) is L
    assert crossentropy.backward(*arrays, out=d, **settings) is d
    assert_guards_stand(m1)
    assert_guards_stand(m2)
    assert np.float32(crossentropy.forward(*arrays, **settings)) == L
    np.testing.assert_array_equal(d, crossentropy.backward(*arrays, **settings).astype(np.float32))


Z = np.zeros((3, 4))


@pytest.mark.parametrize(
    ("y", "yhat", "settings", "error", "message"),
    [
        (np.array([0, 4, 9]), Z, {}, ValueError, r"class indices must be in 0..3 .* got y\[1\]=4"),
        (np.array([0, 3, -1]), Z, {}, ValueError, r"got y\[2\]=-1"),
        (np.array([0, 0, 2**63], np.uint64), Z, {}, ValueError, r"got y\[2\]=9223372036854775808"),
        (np.zeros(3), Z, {}, TypeError, "y must be integer class indices for kind='sparse', got float64"),
        (np.zeros(2, int), Z, {}, ValueError, r"y must have shape \(3,\) \(one class index per sample"),
        (np.zeros((3, 1), int), Z, {}, ValueError, r"y must have 1 axes \(N\), got shape \(3, 1\)"),
        (np.zeros(0, int), np.zeros((0, 4)), {}, ValueError, r"the mean over no samples is not defined"),
        (np.zeros(3, int), Z, {"kind": "hinge"}, ValueError, "kind must be one of sparse, categorical, binary"),
        (np.zeros(3, int), Z, {"from_logits": 1}, TypeError, "from_logits must be True or False, got 1"),
        (np.zeros((3, 3)), Z, {"kind": "categorical"}, ValueError, r"y must have shape \(3, 4\) \(yhat's shape"),
        (np.zeros((3, 4)) + 1.5, Z, {"kind": "binary"}, ValueError, r"must be in \[0,1\], got y\[0, 0\]=1.5"),
        (np.array([0, np.nan, -1]), np.ones(3), {"kind": "binary"}, ValueError, r"got y\[2\]=-1"),
        (np.zeros((3, 4), np.float32), Z, {"kind": "binary"}, TypeError, "y is float32, yhat is float64"),
        (np.zeros(3, int), Z, {"weights": np.ones(4)}, ValueError, r"weights must have shape \(3,\)"),
    ],
)
def test_a_wrong_argument_is_named_with_what_arrived_and_what_was_expected(y, yhat, settings, error, message):
    for function in (crossentropy.forward, crossentropy.backward):
        with pytest.raises(error, match=message):
            function(y, yhat, **{"kind": "sparse", **settings})
