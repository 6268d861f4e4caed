"""The simulated series: what each slice shows is known, and the headers say which slices belong together."""

import csv

import numpy as np
import pydicom
import pytest

from convnet.data import cohort
from convnet.data.phantom import SeriesStudy


def test_a_patient_with_a_lesion_shows_it_on_neighbouring_slices_alone(tmp_path):
    study = SeriesStudy(train=4, val=2, test=2)
    table = study.write(tmp_path / "ct")
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8 * 8
    for patient in {row["patient"] for row in rows}:
        shown = [i for i, row in enumerate(r for r in rows if r["patient"] == patient) if row["label"] == "present"]
        ill = int(patient[-4:]) % 2 == 0
        assert len(shown) == (3 if ill else 0)
        assert not ill or shown == list(range(shown[0], shown[0] + 3))
    first, last = (pydicom.dcmread(tmp_path / "ct" / rows[i]["path"]) for i in (0, 7))
    assert first.SeriesInstanceUID == last.SeriesInstanceUID
    assert first.SOPInstanceUID != last.SOPInstanceUID
    assert (first.ImagePositionPatient[2], last.ImagePositionPatient[2]) == (0, 35)


def test_what_is_written_is_a_cohort_of_patients_studies_and_series(tmp_path):
    study = SeriesStudy(train=4, val=2, test=2)
    data = cohort.load_folder(tmp_path / "ct", study.write(tmp_path / "ct"))
    for level in ("patient", "study", "series"):
        names = np.array(data.members(level))
        assert len(set(names)) == 8
        assert all(len(set(names[i : i + 8])) == 1 for i in range(0, 64, 8))
    assert data.skipped == []


def test_more_slices_than_there_are_cannot_show_it():
    with pytest.raises(ValueError, match="shown=9: expected 1 to 8"):
        SeriesStudy(shown=9)


def test_a_volume_that_states_no_series_is_one_itself(tmp_path):
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK writes the volumes")
    rng = np.random.default_rng(0)
    rows = []
    for n in range(4):
        values = rng.integers(0, 200, (8, 12, 12)).astype(np.int16)
        sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / f"{n}.mha"))
        rows.append(f"{n}.mha,{n % 2}")
    (tmp_path / "labels.csv").write_text("path,label\n" + "\n".join(rows))
    data = cohort.load_folder(tmp_path, tmp_path / "labels.csv", size=12, slices="axial:4")
    names = data.members("series")
    assert len(names) == 16
    assert len(set(names)) == 4
    assert all(len(set(names[i : i + 4])) == 1 for i in range(0, 16, 4))
    assert set(data.members("study")) == {""}
