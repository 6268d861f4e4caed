"""Electrocardiograms at another rate: signals whose samples are known at any time."""

from fractions import Fraction

import numpy as np
import pytest

from convnet.data.dicom.waveform import resampled

INSIDE = slice(60, -60)  # away from the ends, where the filter lacks samples


@pytest.mark.parametrize(("old", "new"), [(500, 100), (1000, 100), (250, 100), (360, 100), (50, 100)])
@pytest.mark.parametrize("frequency", [1.0, 7.3, 17.0])
def test_a_sine_keeps_its_values_at_every_new_time(old, new, frequency):
    seconds = 10
    before, after = (np.arange(seconds * rate) / rate for rate in (old, new))
    leads = np.stack([np.sin(2 * np.pi * frequency * before), np.cos(2 * np.pi * frequency * before)])
    found = resampled(leads, Fraction(new, old), seconds * new)
    expected = np.stack([np.sin(2 * np.pi * frequency * after), np.cos(2 * np.pi * frequency * after)])
    np.testing.assert_allclose(found[:, INSIDE], expected[:, INSIDE], atol=0.01)


def test_what_the_new_rate_cannot_hold_is_removed_and_not_folded_back():
    t = np.arange(5000) / 500
    found = resampled(np.sin(2 * np.pi * 80 * t)[None], Fraction(1, 5), 1000)  # 80 Hz at 100 Hz would look like 20 Hz
    assert np.abs(found[:, INSIDE]).max() < 0.01


def test_the_same_rate_changes_nothing_and_lengths_are_as_asked():
    values = np.random.default_rng(0).normal(size=(3, 50))
    np.testing.assert_array_equal(resampled(values, Fraction(1), 40), values[:, :40])
    longer = resampled(values, Fraction(1), 60)
    np.testing.assert_array_equal(longer, np.pad(values, ((0, 0), (0, 10))))
