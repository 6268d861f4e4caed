"""Each check of an audit on images made by hand, against what was worked out on paper or by another library."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats.contingency import association

from convnet.audit import findings
from convnet.audit.findings import Finding
from convnet.audit.reading import Collection, Image
from convnet.audit.report import counts
from convnet.audit.shortcuts import cramer
from convnet.data.cohort.table import Row


def image(line, label="ill", split="train", patient="", picture=None, exact=None):
    """One image of an audit; its pixels are `picture` (32,32)."""
    picture = np.full((32, 32), line / 100) if picture is None else picture
    row = Row(line, f"{line}.dcm", label, patient, split)
    return Image(row, 0, patient, {}, exact or f"hash {line}", picture, picture, float(picture.std()), 0.0)


def smooth(seed):
    """A random picture without fine detail."""
    field = gaussian_filter(np.random.default_rng(seed).normal(size=(32, 32)), 3, mode="wrap")
    return 0.5 + 0.1 * field / field.std()


def test_unreadable_files_are_counted_by_reason_and_unlisted_ones_in_all():
    rows = [Row(line, f"{line}.dcm", "ill", None, None) for line in (2, 3, 5)]
    reasons = ["no such file", "is damaged", "no such file"]
    c = Collection(unreadable=list(zip(rows, reasons, strict=True)), not_listed=4)
    missing, damaged, unlisted = findings.unreadable(c)
    assert (missing.level, missing.rows, missing.groups) == ("warning", [rows[0], rows[2]], [])
    assert missing.text == "2 files cannot be used: no such file"
    assert (damaged.text, damaged.rows) == ("1 file cannot be used: is damaged", [rows[1]])
    assert (unlisted.check, unlisted.level) == ("not listed", "note")
    assert unlisted.text.startswith("4 files")
    assert list(findings.unreadable(Collection())) == []


@pytest.mark.parametrize("mirror", [False, True])
def test_near_copies_are_pictures_whose_correlation_is_nearly_one(mirror):
    first = smooth(0)
    noisy = first + np.random.default_rng(1).normal(0, 0.005, first.shape)
    assert np.corrcoef(first.ravel(), noisy.ravel())[0, 1] > 0.99  # by NumPy, not by the code under test
    other = smooth(2)
    assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.9
    second = noisy[:, ::-1] if mirror else noisy
    images = [
        image(2, patient="a", picture=first),
        image(3, split="test", patient="b", picture=second),
        image(4, split="test", patient="c", picture=other),
    ]
    (found,) = findings.near_copies(Collection(images))
    assert (found.check, found.level) == ("mirrored" if mirror else "near-duplicate", "error")
    assert found.groups == [[0, 1]]


def test_frames_of_one_patient_in_one_split_may_be_alike():
    first = smooth(0)
    noisy = first + np.random.default_rng(1).normal(0, 0.005, first.shape)
    same = [image(2, patient="a", picture=first), image(3, patient="a", picture=noisy)]
    assert list(findings.near_copies(Collection(same))) == []
    others = [image(2, patient="a", picture=first), image(3, patient="b", picture=noisy)]
    assert [f.level for f in findings.near_copies(Collection(others))] == ["warning"]


def test_balance_names_rare_classes_the_ratio_and_splits_that_lack_a_class():
    images = [image(n + 2, "well", "train") for n in range(96)]
    images += [image(n + 100, "ill", "train" if n < 20 else "val") for n in range(24)]
    images += [image(n + 200, "well", "test") for n in range(12)]
    found = list(findings.balance(Collection(images, has_splits=True)))
    assert [f.level for f in found] == ["warning", "warning", "error", "error"]
    rare, ratio, val, test = (f.text for f in found)
    assert "ill (24)" in rare
    assert "well" not in rare
    assert "4.5 times" in ratio  # (96 + 12) / 24
    assert val == "split val lacks well"
    assert test == "split test lacks ill"


def test_balance_is_silent_for_three_to_one_and_an_error_for_one_class():
    images = [image(n + 2, "well" if n < 90 else "ill") for n in range(120)]
    assert list(findings.balance(Collection(images))) == []
    (found,) = findings.balance(Collection(images[:90]))
    assert (found.level, found.text.endswith(": well")) == ("error", True)


def test_acquisition_repeats_the_numbers_of_suspicious_facts_alone():
    one = {"fact": "body_part", "v": 0.5, "p_all": 0.0003, "guess": 0.9, "baseline": 0.6, "suspicious": True}
    (found,) = findings.acquisition([one, {**one, "suspicious": False}])
    assert isinstance(found, Finding)
    assert (found.check, found.level) == ("shortcut", "warning")
    for number in ("body part", "0.50", "0.0003", "90%", "60%"):
        assert number in found.text


def corrected(counts):
    """Bergsma's V squared of a table, in fractions: J. Korean Stat. Soc. 42:323 (2013), equations 6 to 8."""
    n, rows, columns = sum(map(sum, counts)), len(counts), len(counts[0])
    r, c = [sum(row) for row in counts], [sum(column) for column in zip(*counts, strict=True)]
    phi = sum(Fraction(counts[i][j] ** 2, r[i] * c[j]) for i in range(rows) for j in range(columns)) - 1
    phi -= Fraction((rows - 1) * (columns - 1), n - 1)
    least = min(rows - Fraction((rows - 1) ** 2, n - 1), columns - Fraction((columns - 1) ** 2, n - 1))
    return max(phi, Fraction(0)) / (least - 1)


@pytest.mark.parametrize(
    "counts",
    [[[10, 0], [0, 10]], [[8, 2], [3, 7]], [[5, 5], [5, 5]], [[9, 1, 4], [2, 8, 6]], [[30, 5], [10, 9], [1, 12]]],
)
def test_cramer_is_bergsmas_corrected_v(counts):
    expected = np.outer(np.sum(counts, axis=1), np.sum(counts, axis=0)) / np.sum(counts)
    chi = float(np.sum((counts - expected) ** 2 / expected))
    assert cramer(chi, int(np.sum(counts)), *np.shape(counts)) == pytest.approx(float(corrected(counts)) ** 0.5)


def test_cramer_of_many_cases_is_the_plain_v_of_scipy():
    counts = np.array([[90, 10, 40], [20, 80, 60]]) * 10**6
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    chi = float(np.sum((counts - expected) ** 2 / expected))
    assert cramer(chi, int(counts.sum()), 2, 3) == pytest.approx(association(counts, method="cramer"), abs=1e-6)


def test_cramer_of_nothing_is_zero():
    assert cramer(0.0, 1, 1, 1) == 0
    assert cramer(0.0, 20, 1, 2) == 0


def test_findings_are_counted_one_by_one_and_measurements_by_fifths():
    labels = ["Mass|Edema", "Mass", "No Finding", "Edema"] * 10
    images = [image(n + 2, label, ("train", "val", "test")[n % 3]) for n, label in enumerate(labels)]
    assert counts(Collection(images, has_splits=True)) == {
        split: {"Edema": n, "Mass": m, "no finding": k}
        for split, (n, m, k) in {"train": (8, 7, 3), "val": (6, 7, 3), "test": (6, 6, 4)}.items()
    }
    few = [f.text for f in findings.balance(Collection(images, has_splits=True))]
    assert few == ["fewer than 30 images: Mass (20), Edema (20), no finding (10); metrics for them mean little"]
    values = [image(n + 2, f"{n / 10:.1f}") for n in range(100)]
    assert counts(Collection(values)) == {
        "train": {f"{a / 10:.4g} to {(a + 19) / 10:.4g}": 20 for a in range(0, 100, 20)}
    }
