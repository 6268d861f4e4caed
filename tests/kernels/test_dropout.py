"""dropout: every variant draws Philox's words, keeps 1 - rate of the elements, and draws them again going back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels import dropout, registry
from kernels.dropout import reference
from kernels.dropout.cpu import _philox
from kernels.jit import jit
from tests.guards import assert_guards_stand, guarded
from tests.pool_strategies import arrays, hidden
from tests.rounding import assert_within

VARIANTS = registry.variants("dropout", "cpu")
EVERY = pytest.mark.parametrize("variant", VARIANTS)
ALL = pytest.mark.parametrize("variant", ["reference", *VARIANTS])
WORDS = st.integers(0, 2**64 - 1)
RATES = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1 - 2**-53])


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_gives_the_published_known_answers(counter, key, words):
    """Random123's kat_vectors, philox4x32-10."""
    numbers = [tuple(int(word, 16) for word in text.split()) for text in (counter, key, words)]
    assert reference.philox(*numbers[:2]) == numbers[2]


@jit()
def draw_groups(first, seed, step, words):
    _philox(first, words.shape[1], seed, step, words[0], words[1], words[2], words[3])


def test_the_counter_has_a_high_word_which_no_array_is_long_enough_to_need():
    first, words = 2**32 - 2, np.zeros((4, 5), np.uint32)
    draw_groups(np.uint64(first), np.uint64(9), np.uint64(7), words)
    expected = [[reference.draw_word(4 * (first + g) + i, 9, 7) for g in range(5)] for i in range(4)]
    np.testing.assert_array_equal(words, expected)


@EVERY
@given(x=arrays(high_rank=3), rate=RATES, seed=WORDS, step=WORDS)
def test_the_mask_is_the_references_and_the_values_are_within_the_rounding_bound(variant, x, rate, seed, step):
    """1/(1 - rate) is rounded, and the product."""
    (x,) = x
    for run in (dropout.forward, dropout.backward):
        exact = run(x, rate, seed=seed, step=step, variant="reference")
        actual = run(x, rate, seed=seed, step=step, variant=variant)
        np.testing.assert_array_equal(actual == 0, exact == 0)
        assert_within(actual, exact, np.abs(exact), 3, x.dtype)
        assert (actual.dtype, actual.shape) == (x.dtype, x.shape)


@EVERY
@given(x=arrays(integers=True), rate=st.sampled_from([0.0, 0.5, 0.75]), seed=WORDS, step=WORDS)
def test_integers_scaled_by_a_power_of_two_agree_with_the_reference_bit_for_bit(variant, x, rate, seed, step):
    (x,) = x
    y = dropout.forward(x, rate, seed=seed, step=step, variant=variant)
    np.testing.assert_array_equal(y, dropout.forward(x, rate, seed=seed, step=step, variant="reference"))
    dx = dropout.backward(x, rate, seed=seed, step=step, variant=variant)
    assert np.vdot(x, y) == np.vdot(dx, x)  # the adjoint, exactly
    np.testing.assert_array_equal(dx, y)


@EVERY
@pytest.mark.parametrize("size", [4095, 4096, 4097, 4098, 8191, 8195, 20_003])
def test_every_word_of_several_blocks_is_the_references(variant, size):
    rate, seed, step = 0.3, 2**63 + 12345, 2**40 + 3
    y = dropout.forward(np.ones(size, np.float32), rate, seed=seed, step=step, variant=variant)
    chosen = np.unique(np.r_[0:9, 4090:4105, size - 9 : size, np.random.default_rng(0).integers(0, size, 300)])
    for e in chosen[(chosen >= 0) & (chosen < size)]:
        assert (y[e] != 0) == reference.is_kept(int(e), rate, seed, step)


@ALL
@pytest.mark.parametrize("e", [0, 5])
def test_a_word_equal_to_the_threshold_is_kept_and_one_below_it_dropped(variant, e):
    word = reference.philox((e // 4, 0, 0, 0), (9, 0))[e % 4]
    kept = [dropout.forward(np.ones(8), w / 2**32, seed=9, variant=variant)[e] != 0 for w in (word, word + 1)]
    assert kept == [True, False]


@ALL
def test_rate_zero_keeps_every_bit(variant):
    x = np.random.default_rng(1).standard_normal((3, 5, 7))
    np.testing.assert_array_equal(dropout.forward(x, 0, seed=1, variant=variant), x)


@EVERY
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_about_rate_of_the_elements_are_dropped_and_the_mean_is_kept(variant, rate):
    """Six standard deviations of the binomial; four neighbours come from one counter, so each lane is looked at."""
    size = 400_000
    y = dropout.forward(np.ones(size), rate, seed=2024, step=1, variant=variant)
    for part in (y, *(y[lane::4] for lane in range(4))):
        deviation = np.sqrt(rate * (1 - rate) / part.size)
        assert abs(np.mean(part == 0) - rate) < 6 * deviation
        assert abs(part.mean() - 1) < 6 * deviation / (1 - rate)


@EVERY
def test_another_seed_or_step_gives_an_independent_mask(variant):
    x = np.ones(100_000)
    masks = [
        dropout.forward(x, 0.5, seed=seed, step=step, variant=variant) != 0
        for seed, step in ((1, 0), (2, 0), (1 + 2**32, 0), (1, 1), (1, 2**32))
    ]
    for i, first in enumerate(masks):
        for second in masks[:i]:
            assert abs(np.mean(first == second) - 0.5) < 6 * 0.5 / np.sqrt(x.size)


@ALL
def test_a_dropped_nan_is_zero_and_a_kept_one_stays(variant):
    kept = dropout.forward(np.ones(100, np.float32), 0.5, seed=3, variant=variant) != 0
    assert 20 < kept.sum() < 80
    for value in (np.nan, np.inf):
        y = dropout.forward(np.full(100, value, np.float32), 0.5, seed=3, variant=variant)
        np.testing.assert_array_equal(y, np.where(kept, value, 0))


@EVERY
@given(x=arrays(low_rank=1))
def test_a_strided_read_only_view_gives_the_contiguous_answer_and_is_not_mutated(variant, x):
    view = hidden(x[0])
    before = view.base.copy()
    expected = dropout.forward(x[0], 0.5, seed=5, variant=variant)
    np.testing.assert_array_equal(dropout.forward(view, 0.5, seed=5, variant=variant), expected)
    np.testing.assert_array_equal(view.base, before)


@ALL
@given(x=arrays())
def test_every_result_goes_to_out_and_nowhere_else(variant, x):
    (x,) = x
    for run in (dropout.forward, dropout.backward):
        y, band = guarded(x.shape, x.dtype)
        assert run(x, 0.5, seed=6, variant=variant, out=y) is y
        np.testing.assert_array_equal(y, run(x, 0.5, seed=6, variant=variant).astype(x.dtype))
        assert_guards_stand(band)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"rate": 1}, ValueError, r"dropout: rate must be a number in \[0.0, 1.0\), got 1"),
        ({"rate": -0.1}, ValueError, "rate must be a number"),
        ({"rate": np.nan}, ValueError, "rate must be a number"),
        ({"seed": -1}, ValueError, "seed must be an integer >= 0, got -1"),
        ({"seed": 2**64}, ValueError, r"seed must be an integer below 2\^64, got 18446744073709551616"),
        ({"step": 1.0}, ValueError, "step must be an integer >= 0, got 1.0"),
        ({"x": [1.0]}, TypeError, "dropout: x must be a NumPy array of float32 or float64, got list"),
        ({"out": np.ones(3)}, ValueError, r"out must be float64 of shape \(4,\), got float64 of \(3,\)"),
    ],
)
def test_a_wrong_argument_is_named_with_what_arrived_and_what_was_expected(change, error, message):
    with pytest.raises(error, match=message):
        dropout.forward(**{"x": np.ones(4), "rate": 0.5, "seed": 1, **change})
    if "x" in change:
        with pytest.raises(error, match=message.replace("x must", "dy must")):
            dropout.backward(change["x"], 0.5, seed=1)
