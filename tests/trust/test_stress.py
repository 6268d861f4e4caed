"""A short run of the stress command's quick trials; `python -m tests.stress --seconds 300` makes all, and many."""

import numpy as np
import pytest

from tests.stress.trials import TRIALS, end_training_by_a_signal, read_hostile_images

QUICK = [trial for trial in TRIALS if trial not in (end_training_by_a_signal, read_hostile_images)]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("trial", QUICK, ids=lambda trial: trial.__name__)
def test_a_trial_finds_nothing(trial, tmp_path):
    trial(np.random.default_rng(0), tmp_path)
