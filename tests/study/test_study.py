"""Augmentation and figures of merit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convnet.data.cohort.augment import Augmented
from convnet.evaluation import metrics


def test_augmented_images_are_the_original_flipped_and_shifted_with_edges_repeated():
    x = np.arange(2 * 6 * 6, dtype=np.float32).reshape(2, 6, 6, 1)
    augmented = Augmented(x, shift=2, seed=0)
    candidates = []
    for top in range(5):
        for left in range(5):
            cut = np.pad(x[1, ..., 0], 2, mode="edge")[top : top + 6, left : left + 6]
            candidates += [cut, cut[:, ::-1]]
    seen = set()
    for _ in range(300):
        (image,) = augmented[np.array([1])]
        matches = [i for i, c in enumerate(candidates) if np.array_equal(image[..., 0], c)]
        assert matches
        seen.add(matches[0])
    assert len(seen) > 40  # of 50 kinds


def test_augmentation_repeats_with_its_seed_and_leaves_the_images_alone():
    x = np.random.default_rng(0).random((5, 8, 8, 1), np.float32)
    before = x.copy()
    a, b = (Augmented(x, seed=3)[np.arange(5)] for _ in "ab")
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(Augmented(x, flip=False, shift=0)[np.arange(5)], x)
    with pytest.raises(ValueError, match=r"shift must be in 0\.\.7"):
        Augmented(x, shift=8)


def test_the_figures_of_a_known_table():
    y = np.array([0, 0, 0, 0, 1, 1])
    p1 = np.array([0.1, 0.2, 0.6, 0.3, 0.9, 0.4])
    result = metrics.measure(y, np.stack([1 - p1, p1], 1), ("healthy", "ill"), "ill")
    assert result["confusion"] == [[3, 1], [1, 1]]
    assert result["accuracy"] == 4 / 6
    assert (result["sensitivity"], result["specificity"]) == (0.5, 0.75)
    assert result["auc"] == 7 / 8  # of 8 pairs, only (0.6, 0.4) is the wrong way round
    other = metrics.measure(y, np.stack([1 - p1, p1], 1), ("healthy", "ill"), "healthy")
    assert (other["sensitivity"], other["specificity"]) == (0.75, 0.5)


@given(st.integers(2, 5), st.integers(0, 2**16))
def test_auc_is_the_share_of_pairs_in_the_right_order(classes, seed):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(classes), rng.integers(0, classes, 15)])
    p = rng.integers(1, 6, (len(y), classes)).astype(float)
    p /= p.sum(1, keepdims=True)
    shares = []
    for c in range(classes) if classes > 2 else (1,):
        pairs = p[y == c, c][:, None] - p[y != c, c][None]
        shares.append(np.mean((pairs > 0) + 0.5 * (pairs == 0)))
    assert metrics.auc(y, p) == pytest.approx(np.mean(shares))


def test_a_missing_class_has_no_auc_and_no_sensitivity():
    result = metrics.measure(np.zeros(3, int), np.full((3, 2), 0.5), ("a", "b"), None)
    assert result["auc"] is None
    assert result["sensitivity_by_class"] == {"a": 1.0, "b": None}
    assert "not defined" in metrics.lines(result)[0]


def test_the_metric_auc_agrees_with_the_evaluation():
    from convnet.metrics import AUC

    rng = np.random.default_rng(0)
    y, p1 = rng.integers(0, 2, 50), rng.integers(0, 9, 50) / 8
    metric = AUC()
    for part in (slice(0, 20), slice(20, 50)):
        metric.update(y[part], np.stack([1 - p1, p1], 1)[part])
    assert metric.result() == pytest.approx(metrics.auc(y, np.stack([1 - p1, p1], 1)))
