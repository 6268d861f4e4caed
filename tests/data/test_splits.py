"""Splits that are drawn: by patient, stratified, and never empty."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convnet.data.cohort import CohortError
from convnet.data.cohort.splits import FRACTIONS, assign, deal, fill_val, spare_one


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from("ab")), min_size=1, max_size=120),
    st.integers(0, 9),
)
def test_a_drawn_split_exists_whenever_it_can_and_never_parts_a_patient(images, seed):
    groups, labels = [str(g) for g, _ in images], [c for _, c in images]
    # possible if some patient can go to test and every class still has somebody left to train on
    others = [{c for g, c in zip(groups, labels, strict=True) if g != patient} for patient in groups]
    if all(left != set(labels) for left in others):
        with pytest.raises(CohortError):
            assign(groups, labels, sorted(set(labels)), seed)
        return
    splits = assign(groups, labels, sorted(set(labels)), seed)
    assert len(set(zip(groups, splits, strict=True))) == len(set(groups))
    assert splits == assign(groups, labels, sorted(set(labels)), seed)
    for c in set(labels):
        assert "train" in {s for s, label in zip(splits, labels, strict=True) if label == c}


def test_a_drawn_split_is_70_10_20_in_each_class_and_changes_with_the_seed_only():
    labels = ["rare"] * 10 + ["common"] * 90
    splits = assign([""] * 100, labels, ["common", "rare"], seed=3)
    for name, rare, common in (("train", 7, 63), ("val", 1, 9), ("test", 2, 18)):
        assert (splits[:10].count(name), splits[10:].count(name)) == (rare, common)
    assert splits == assign([""] * 100, labels, ["common", "rare"], seed=3)
    assert splits != assign([""] * 100, labels, ["common", "rare"], seed=4)


def test_a_class_that_would_be_missing_from_train_is_an_error():
    with pytest.raises(CohortError, match="no image of class c would be in train"):
        assign([""] * 10, ["a", "b"] * 5, ["a", "b", "c"])


def test_one_patient_alone_cannot_be_split():
    with pytest.raises(CohortError, match=r"1 patient.s. cannot be split: test would be empty"):
        assign(["ANON"] * 10, ["a", "b"] * 5, ["a", "b"])


def test_groups_are_dealt_where_most_is_wanted_and_a_tie_goes_to_test_then_val():
    order = list("abcdefghij")
    members = {name: Counter(ill=1) for name in order}
    chosen = deal(order, members, Counter(ill=10))
    # wanted at first: train 7, test 2, val 1; each image goes to the largest of what is left
    assert list(chosen.values()) == ["train"] * 5 + ["test", "train", "test", "val", "train"]


def test_a_large_group_goes_to_the_split_that_wants_most_of_its_classes():
    members = {"big": Counter(ill=5, well=5), "small": Counter(ill=1)}
    # ill: train wants 0.7 * 6 = 4.2, well: 3.5; then 4.2 - 5 < 0 and test still wants 1.2
    assert deal(["big", "small"], members, Counter(ill=6, well=5)) == {"big": "train", "small": "test"}


def test_the_smallest_group_that_train_can_spare_becomes_test():
    members = {"a": Counter(ill=3), "b": Counter(ill=2), "c": Counter(well=1), "d": Counter(well=2)}
    assert spare_one(members, ["ill", "well"]) == {"a": "train", "b": "train", "c": "test", "d": "train"}
    only = {"a": Counter(ill=3), "b": Counter(ill=2), "c": Counter(well=1)}
    assert spare_one(only, ["ill", "well"]) == {
        "a": "train",
        "b": "test",
        "c": "train",
    }  # only c is well
    assert spare_one({"a": Counter(ill=1), "c": Counter(well=1)}, ["ill", "well"]) == {}


@pytest.mark.parametrize("seed", range(5))
def test_twenty_patients_of_three_images_in_five_strata_leave_no_split_empty(seed):
    groups = [f"P{i // 3}" for i in range(60)]
    splits = assign(groups, [str(i // 12) for i in range(60)], list("01234"), seed)
    assert {name: abs(splits.count(name) - 60 * part) <= 9 for name, part in FRACTIONS.items()} == dict.fromkeys(
        FRACTIONS, True
    )
    assert splits.count("val") >= 3
    assert len(set(zip(groups, splits, strict=True))) == 20


def test_an_empty_val_takes_nothing_that_another_split_has_once():
    members = {"a": Counter(ill=1), "b": Counter(well=1), "c": Counter(ill=1), "d": Counter(well=1)}
    draw = {"a": "train", "b": "train", "c": "test", "d": "test"}
    assert fill_val(draw, members) == draw
    more = {**members, "e": Counter(ill=1)}
    assert fill_val({**draw, "e": "train"}, more) == {**draw, "a": "val", "e": "train"}
