"""What belongs together stays in one split: by patient, else by study, series and frame of reference, else by file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convnet.data.cohort import CohortError, load_folder
from convnet.data.cohort.groups import Owner, describe_grouping, group_images


def groups(*owners):
    return group_images(list(owners))[0]


def study(path, patient="", header="", **uids):
    return Owner(path, patient, header, {name: uids.get(name, "") for name in ("study", "series", "frame")})


def test_the_tables_patient_goes_before_the_headers_and_that_before_the_study():
    found, how = group_images(
        [
            study("a", "P1", "H1", study="S"),
            study("b", "P2", "H1", study="S"),
            study("c", "", "H1", study="T"),
            study("d", "", "H1"),
            study("e"),
        ]
    )
    assert found[0] != found[1]
    assert found[2] == found[3]
    assert len(set(found)) == 4
    assert describe_grouping(how) == (
        "images that stay in one split: 2 by patient of the table, 2 by PatientID, 1 by file"
    )


@pytest.mark.parametrize("kind", ["study", "series", "frame"])
def test_without_a_patient_what_shares_a_study_series_or_frame_of_reference_is_one_group(kind):
    found = groups(study("a", **{kind: "X"}), study("b", **{kind: "X"}), study("c", **{kind: "Y"}))
    assert found[0] == found[1] != found[2]


def test_a_chain_of_shared_studies_and_series_is_one_group():
    found = groups(study("a", study="1"), study("b", study="1", series="2"), study("c", series="2", frame="3"))
    assert len(set(found)) == 1


def test_an_image_without_a_patient_joins_the_patient_whose_study_it_shares():
    found = groups(study("a", header="H", study="S"), study("b", study="S"), study("c", header="H", study="T"))
    assert len(set(found)) == 1


def test_studies_of_known_patients_join_nobody():
    found = groups(study("a", "P1", study="S"), study("b", "P2", study="S"))
    assert found == ["P1", "P2"]


@given(st.permutations(range(6)))
def test_groups_do_not_depend_on_the_order_of_the_images(order):
    owners = [
        study("a", study="1"), study("b", study="1", series="2"), study("c", series="2"),
        study("d", header="H"), study("e", header="H", study="9"), study("f"),
    ]  # fmt: skip
    plain = group_images(owners)[0]
    assert group_images([owners[i] for i in order])[0] == [plain[i] for i in order]


def write(make, tmp_path, patients=8, per=3, header=None):
    """A folder of series of slices, and its table without patients."""
    lines = ["path,label"]
    for i in range(patients):
        for j in range(per):
            name = f"{i}_{j}.dcm"
            pixels = np.random.default_rng(10 * i + j).integers(0, 255, (8, 8)).astype(np.uint8)
            make(
                pixels,
                name,
                patient="",
                StudyInstanceUID=f"2.25.{i + 1}",
                SeriesInstanceUID=f"2.25.{i + 100}",
                **(header or {}),
            )
            lines.append(f"{name},{'ab'[i % 2]}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    return tmp_path


def test_slices_of_one_study_without_patient_ids_are_never_torn(make, tmp_path):
    folder = write(make, tmp_path)
    for cache in (False, True):
        cohort = load_folder(folder, folder / "labels.csv", size=8, cache=cache)
        split_of = {}
        for path, split, group in zip(cohort.paths, cohort.splits, cohort.groups(), strict=True):
            split_of.setdefault(path.split("_")[0], set()).add((split, int(group)))
        assert all(len(found) == 1 for found in split_of.values())
        assert len(set(cohort.groups().tolist())) == 8
        assert cohort.notes.grouping.endswith("24 by study, series, frame of reference or folder")


def test_a_split_column_that_tears_a_study_is_refused(make, tmp_path):
    folder = write(make, tmp_path)
    rows = (folder / "labels.csv").read_text().splitlines()
    marked = [f"{row},{'train' if n % 2 else 'test'}" for n, row in enumerate(rows[1:])]
    (folder / "labels.csv").write_text("\n".join([rows[0] + ",split", *marked]))
    with pytest.raises(CohortError, match="in more than one split"):
        load_folder(folder, folder / "labels.csv", size=8)


def test_frames_that_cannot_be_read_are_left_out_by_number_and_the_others_kept(make, tmp_path):
    frames = np.stack([np.full((8, 8), 50 * k, np.uint8) for k in range(4)])
    for i in range(10):
        make(frames[: 3 if i == 4 else 4], f"{i}.dcm", patient=f"P{i}", NumberOfFrames=4)
    (tmp_path / "labels.csv").write_text("path,label\n" + "\n".join(f"{i}.dcm,{'ab'[i % 2]}" for i in range(10)))
    for cache in (False, True, True):
        cohort = load_folder(tmp_path, tmp_path / "labels.csv", size=8, cache=cache)
        assert len(cohort.y) == 39
        (left,) = cohort.skipped
        assert left.path == "4.dcm"
        assert left.reason.startswith("frame 3 of 4, counted from 0: ")
        at = [k for k, path in enumerate(cohort.paths) if path == "4.dcm"]
        assert cohort.frames[at].tolist() == [0, 1, 2]
        np.testing.assert_allclose([cohort.x[k][0, 0, 0] for k in at], np.array([0, 50, 100]) / 255, atol=1e-6)
    with pytest.raises(ValueError, match="frame 3 of 4"):
        load_folder(tmp_path, tmp_path / "labels.csv", size=8, strict=True)


def test_what_was_ignored_in_headers_is_told_for_each_file(make, tmp_path):
    for i in range(10):
        make(np.arange(64, dtype=np.uint16).reshape(8, 8), f"{i}.dcm", patient=f"P{i}", PixelSpacing=[0, 0])
    (tmp_path / "labels.csv").write_text("path,label\n" + "\n".join(f"{i}.dcm,{'ab'[i % 2]}" for i in range(10)))
    for cache in (True, True):
        cohort = load_folder(tmp_path, tmp_path / "labels.csv", size=8, cache=cache)
        assert {r.reason for r in cohort.notes.remarks} == {"PixelSpacing was ignored: it is not two positive numbers"}
        assert len(cohort.notes.remarks) == 10
