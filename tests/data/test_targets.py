"""Labels of every task: recognised or told, encoded, split; and every form of a MedMNIST file."""

import numpy as np
import pytest

from convnet.data import cohort as cohorts
from convnet.data.cohort import CohortError, targets

FINDINGS = ["Effusion|Mass", "Mass", "No Finding", "Effusion", "mass; Nodule".replace("mass", "Mass")]


def test_tasks_are_recognised_by_what_labels_look_like():
    assert targets.recognise(FINDINGS) == "multilabel"
    assert targets.recognise([f"{v / 7:.3f}" for v in range(60)]) == "regression"
    assert targets.recognise(["0", "1", "2"] * 20) == "classes"
    assert targets.recognise(["a, b", "a, c", "a"]) == "classes"  # a comma is part of many a name


def test_findings_become_one_column_each_and_no_finding_is_none_of_them():
    names = targets.name_classes(FINDINGS, "multilabel")
    assert names == ("Effusion", "Mass", "Nodule")
    y = targets.encode(FINDINGS, "multilabel", names)
    assert y.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0], [1, 0, 0], [0, 1, 1]]
    with pytest.raises(CohortError, match="labels 'Cyst' are none of the classes"):
        targets.encode(["Cyst|Mass"], "multilabel", names)


def test_grades_are_ordered_by_their_numbers():
    assert targets.sort_grades(["grade 10", "grade 2", "grade 1"]) == ("grade 1", "grade 2", "grade 10")
    assert targets.sort_grades(["3", "-1", "0.5"]) == ("-1", "0.5", "3")
    with pytest.raises(CohortError, match="the grade 'severe' has no number"):
        targets.sort_grades(["severe"])
    with pytest.raises(CohortError, match="two grades have one number"):
        targets.sort_grades(["grade 1", "stage 1"])


def test_measurements_are_numbers_and_others_are_refused_by_name():
    assert targets.encode(["1.5", "-2", "3,5"], "regression", ("value",)).tolist() == [1.5, -2.0, 3.5]
    with pytest.raises(CohortError, match="the label 'tall' is no finite number"):
        targets.encode(["1", "tall"], "regression", ("value",))


def test_splits_keep_what_is_rare_in_proportion():
    y = np.array([[1, 0], [1, 1], [0, 0], [1, 0]])
    assert targets.strata(y, "multilabel").tolist() == [1, 2, 0, 1]
    values = targets.strata(np.arange(100.0), "regression")
    assert np.bincount(values).tolist() == [20] * 5


@pytest.mark.parametrize("task", ["multilabel", "ordinal", "regression"])
def test_a_cohort_of_every_task_is_split_by_patient(task):
    rng = np.random.default_rng(0)
    cells = {
        "multilabel": [("none", "a", "b", "a|b")[v] for v in rng.integers(0, 4, 200)],
        "ordinal": [str(v) for v in rng.integers(0, 4, 200)],
        "regression": [f"{v:.3f}" for v in rng.normal(0, 1, 200)],
    }[task]
    patients = [f"P{i // 4}" for i in range(200)]
    data = cohorts.from_arrays(np.zeros((200, 4, 4)), cells, patients=patients, task=task)
    by_split = [{data.patients[i] for i in data.where(s)} for s in ("train", "val", "test")]
    assert not by_split[0] & by_split[1]
    assert not by_split[1] & by_split[2]
    assert all(by_split)
    total = {split: sum(of.values()) for split, of in data.counts().items()}
    if task != "multilabel":
        assert sum(total.values()) == 200
    assert data.describe_counts()


# the twelve 2-D sets of MedMNIST v2: channels, classes, and whether an image has several labels
MEDMNIST = {
    "path": (3, 9, False),
    "chest": (1, 14, True),
    "derma": (3, 7, False),
    "oct": (1, 4, False),
    "pneumonia": (1, 2, False),
    "retina": (3, 5, False),
    "breast": (1, 2, False),
    "blood": (3, 8, False),
    "tissue": (1, 8, False),
    "organa": (1, 11, False),
    "organc": (1, 11, False),
    "organs": (1, 11, False),
}


def medmnist(path, channels, classes, several, size):
    """A small file with the members, shapes and types of MedMNIST's own."""
    rng = np.random.default_rng(0)
    arrays = {}
    for split, n in (("train", 3 * classes), ("val", 2 * classes), ("test", 2 * classes)):
        shape = (n, size, size) if channels == 1 else (n, size, size, 3)
        arrays[f"{split}_images"] = rng.integers(0, 256, shape, np.uint8)
        one = np.arange(n, dtype=np.uint8)[:, None] % classes
        arrays[f"{split}_labels"] = rng.integers(0, 2, (n, classes), np.uint8) if several else one
    np.savez_compressed(path, **arrays)
    return arrays


@pytest.mark.parametrize("size", [28, 224])
@pytest.mark.parametrize("name", MEDMNIST)
def test_every_2d_set_of_medmnist_loads(name, size, tmp_path):
    channels, classes, several = MEDMNIST[name]
    arrays = medmnist(tmp_path / f"{name}mnist.npz", channels, classes, several, size)
    data = cohorts.load_npz(tmp_path / f"{name}mnist.npz", size=size, channels=channels)
    assert data.x.shape == (7 * classes, size, size, channels)
    assert data.task == ("multilabel" if several else "classes")
    assert data.classes == tuple(str(c) for c in range(classes))
    x, y = data.split("train")
    np.testing.assert_allclose(x.reshape(arrays["train_images"].shape) * 255, arrays["train_images"], atol=1e-4)
    np.testing.assert_array_equal(y if several else y[:, None], arrays["train_labels"])


def test_grades_of_retinamnist_are_ordinal_when_told(tmp_path):
    medmnist(tmp_path / "r.npz", 3, 5, False, 28)
    data = cohorts.load_npz(tmp_path / "r.npz", channels=3, task="ordinal")
    assert (data.task, data.classes) == ("ordinal", ("0", "1", "2", "3", "4"))
    with pytest.raises(CohortError, match="holds one label an image, which is not what --task multilabel needs"):
        cohorts.load_npz(tmp_path / "r.npz", task="multilabel")


def test_several_labels_are_not_classes(tmp_path):
    medmnist(tmp_path / "c.npz", 1, 14, True, 28)
    with pytest.raises(CohortError, match="holds several labels an image, which is not what --task classes needs"):
        cohorts.load_npz(tmp_path / "c.npz", task="classes")


def test_a_3d_set_is_refused_by_name(tmp_path):
    arrays = medmnist(tmp_path / "o.npz", 1, 11, False, 28)
    arrays = {n: np.repeat(a[..., None], 28, axis=3) if "images" in n else a for n, a in arrays.items()}
    np.savez(tmp_path / "organ3d.npz", **arrays)
    with pytest.raises(CohortError, match=r"volumes, as in MedMNIST's 3-D sets.*cut volumes into slices"):
        cohorts.load_npz(tmp_path / "organ3d.npz")


def test_numbers_with_decimals_in_a_file_are_measurements(tmp_path):
    arrays = medmnist(tmp_path / "b.npz", 1, 2, False, 28)
    arrays = {n: a + np.float32(0.5) if "labels" in n else a for n, a in arrays.items()}
    np.savez(tmp_path / "age.npz", **arrays)
    data = cohorts.load_npz(tmp_path / "age.npz")
    assert (data.task, data.classes, data.y.dtype) == ("regression", ("value",), np.float64)
    with pytest.raises(CohortError, match="labels with decimals"):
        cohorts.load_npz(tmp_path / "age.npz", task="classes")
