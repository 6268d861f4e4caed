"""The statistics, on samples whose answer is known."""

import numpy as np
import pytest

from benchmarks import figures_of_merit as merit


def test_median_and_quartiles():
    assert merit.median([3, 1, 100]) == 3
    assert merit.quartiles([1, 2, 3, 4, 5]) == (2, 4)


def test_the_interval_of_a_ratio_holds_the_true_ratio_of_noisy_samples():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(50):
        a, b = (scale * (1 + 0.1 * rng.standard_exponential(25)) for scale in (3.0, 2.0))
        value, low, high = merit.ratio(a, b, paired=False)
        assert low <= value <= high
        inside += low <= 1.5 <= high
    assert inside >= 43  # 95 % of 50, less three standard deviations


def test_pairing_takes_a_slowness_of_both_out_of_the_ratio():
    rounds = 1 + 9 * np.random.default_rng(1).random(25)
    value, low, high = merit.ratio(0.9 * rounds, rounds, paired=True)
    assert value == pytest.approx(0.9)
    assert high - low < 1e-12
    _, low, high = merit.ratio(0.9 * rounds, rounds, paired=False)
    assert high - low > 0.1


def test_paired_samples_of_different_number_are_refused():
    with pytest.raises(ValueError, match="equally many, got 3 and 2"):
        merit.ratio([1, 2, 3], [1, 2], paired=True)


@pytest.mark.parametrize(("low", "high", "word"), [(0.8, 0.99, "faster"), (1.01, 2, "slower"), (0.9, 1.1, "undecided")])
def test_a_verdict_needs_the_whole_interval_on_one_side_of_1(low, high, word):
    assert merit.verdict(low, high) == word


def test_the_geometric_mean_of_a_ratio_and_its_inverse_is_1():
    assert merit.geometric_mean([0.25, 4]) == pytest.approx(1)


def test_the_exponent_of_a_power_law_is_found():
    sizes = np.array([2, 4, 8, 16])
    assert merit.exponent(sizes, 3e-6 * sizes**1.7) == pytest.approx(1.7)
