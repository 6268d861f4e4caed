"""DeLong's test against pROC's numbers, and against its definition term by term."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convnet.evaluation import delong

# 113 patients with subarachnoid haemorrhage: outcome (1 poor), WFNS grade and S100B (Turck et al., Intensive Care Med.
# 36:107, 2010), as R's package pROC has them in its data set aSAH
POOR = """
0 0 0 0 1 1 0 1 0 0 1 0 1 1 0 0 1 0 1 1 1 0 1 0 0 0 0 0 0 0 0 0 1 0 0 1 1 0 1 1 0 0 0 0 0 0 0 0 0 1 1 0 0 0 1 0 0 0
1 0 1 0 0 1 1 1 0 1 1 0 1 1 1 1 0 0 0 1 1 0 1 0 0 0 0 0 0 1 0 0 0 0 0 0 0 0 0 0 0 0 1 1 1 1 1 1 0 0 0 1 0 0 0
"""
WFNS = """
1 1 1 1 3 2 5 4 1 2 5 2 5 5 1 2 5 2 2 5 2 1 1 1 1 2 1 2 1 1 3 4 2 1 4 5 4 1 4 2 5 5 1 1 2 4 1 1 2 5 5 2 1 2 5 1 2 2
2 1 5 1 1 2 5 2 1 4 5 2 4 4 1 4 1 2 1 4 2 1 2 3 2 4 2 1 4 5 1 1 5 4 2 2 1 1 1 3 1 2 5 2 2 5 5 5 2 4 4 5 1 1 1
"""
S100B = """
0.13 0.14 0.1 0.04 0.13 0.1 0.47 0.16 0.18 0.1 0.12 0.1 0.44 0.71 0.04 0.08 0.49 0.04 0.07 0.33 0.09 0.09 0.07 0.11
0.07 0.17 0.07 0.11 0.13 0.19 0.05 0.16 0.41 0.14 0.34 0.35 0.48 0.09 0.96 0.25 0.5 0.46 0.16 0.07 0.43 0.45 0.11
0.08 0.09 0.86 0.52 0.08 0.06 0.13 2.07 0.1 0.14 0.15 0.07 0.06 0.77 0.05 0.09 0.3 0.03 0.09 0.04 0.23 0.7 0.09 0.27
0.71 0.08 0.26 0.08 0.16 0.09 0.13 0.1 0.08 0.11 0.33 0.11 0.28 0.07 0.1 0.32 0.22 0.07 0.05 0.24 0.38 0.1 0.15 0.08
0.14 0.1 0.07 0.04 0.19 0.56 0.14 0.58 0.32 0.82 0.74 0.15 0.47 0.17 0.44 0.15 0.5 0.48
"""


def column(text):
    return np.array(text.split(), float)


def test_the_areas_their_variances_z_and_p_are_those_of_proc():
    """R: roc.test(roc(outcome, wfns), roc(outcome, s100b)), pROC 1.18.0; also printed in its manual, p = 0.02718."""
    truth = column(POOR) == 1
    found = delong.compare(truth, column(WFNS), column(S100B), np.arange(113))
    assert found["auc"] == pytest.approx([0.82367886178861793, 0.73136856368563685], rel=1e-12)
    assert np.square(found["se"]) == pytest.approx([0.00146991470882363, 0.00266868245717244], rel=1e-12)
    assert found["z"] == pytest.approx(2.20898359144091, rel=1e-12)
    assert found["p"] == pytest.approx(0.0271757822291882, rel=1e-12)
    assert (found["low"], found["high"]) == pytest.approx((0.0104061769564846, 0.1742144192494776), rel=1e-12)


def literal(truth, scores):
    """The structural components by their definition, pair by pair."""
    psi = (scores[truth][:, None] > scores[~truth]) + 0.5 * (scores[truth][:, None] == scores[~truth])
    return psi.mean(), psi.mean(axis=1), psi.mean(axis=0)


@given(st.integers(0, 2**16), st.integers(2, 12), st.integers(2, 12))
def test_components_and_covariance_are_delongs_where_every_patient_has_one_image(seed, m, n):
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.arange(m + n) < m)
    scores = [rng.integers(0, 5, m + n).astype(float) for _ in "ab"]
    areas, cov = delong.covariance(truth, scores, rng.permutation(m + n))
    parts = [literal(truth, s) for s in scores]
    assert areas == pytest.approx([p[0] for p in parts])
    V10, V01 = (np.stack([p[i] for p in parts]) for i in (1, 2))
    np.testing.assert_allclose(cov, np.cov(V10) / m + np.cov(V01) / n, atol=1e-12)


def test_a_copy_of_every_image_adds_images_but_no_knowledge():
    rng = np.random.default_rng(0)
    truth, scores = rng.random(60) < 0.5, [rng.random(60), rng.random(60)]
    areas, cov = delong.covariance(truth, scores, np.arange(60))
    twice = delong.covariance(np.tile(truth, 2), [np.tile(s, 2) for s in scores], np.tile(np.arange(60), 2))
    np.testing.assert_allclose(twice[0], areas)
    np.testing.assert_allclose(twice[1], cov)
    alone = delong.covariance(np.tile(truth, 2), [np.tile(s, 2) for s in scores], np.arange(120))[1]
    assert np.diag(alone) == pytest.approx(np.diag(cov) / 2, rel=0.05)


def test_nothing_is_tested_between_models_that_rank_alike():
    truth, scores = np.arange(8) % 2 == 0, np.arange(8.0)
    found = delong.compare(truth, scores, 3 * scores + 1, np.arange(8))
    assert (found["difference"], found["p"]) == (0, None)
    with pytest.raises(ValueError, match="all of one class"):
        delong.compare(np.ones(4, bool), np.arange(4.0), np.arange(4.0), np.arange(4))


def test_half_of_all_p_values_are_below_a_half_where_models_do_not_differ():
    rng = np.random.default_rng(1)
    ps = []
    for _ in range(300):
        truth = rng.random(80) < 0.4
        common = rng.normal(size=80) + truth
        a, b = (common + rng.normal(size=80) for _ in "ab")
        ps.append(delong.compare(truth, a, b, np.arange(80))["p"])
    assert abs(np.mean(np.array(ps) < 0.5) - 0.5) < 4 * 0.5 / np.sqrt(300)
    assert np.mean(np.array(ps) < 0.05) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 300)


def test_the_error_of_paired_images_of_a_patient_is_what_resampling_patients_gives():
    """Each patient has a yes and a no, whose scores go together: the difference between them is surer than it looks."""
    rng = np.random.default_rng(3)
    patients = np.repeat(np.arange(150), 2)
    truth = np.tile([True, False], 150)
    scores = 2 * rng.normal(size=150)[patients] + truth + 0.5 * rng.normal(size=300)
    (area,), cov = delong.covariance(truth, [scores], patients)
    drawn = []
    for _ in range(1000):
        at = np.repeat(2 * rng.integers(0, 150, 150), 2) + np.tile([0, 1], 150)
        drawn.append(delong.components(truth[at], scores[at])[0])
    assert np.sqrt(cov[0, 0]) == pytest.approx(np.std(drawn), rel=0.15)
    apart = np.sqrt(delong.covariance(truth, [scores], np.arange(300))[1][0, 0])
    assert apart > 2 * np.sqrt(cov[0, 0])  # what independent images would have
