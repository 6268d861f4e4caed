"""An audit finds what was planted, and nothing in a clean study."""

import csv
import json
import re

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, zoom

from convnet.audit import findings, hashing, report, shortcuts
from convnet.audit.reading import read
from convnet.data.cohort.write import new_image


def scene(seed, side=48):
    """A smooth random picture, 0..255."""
    field = gaussian_filter(np.random.default_rng(seed).normal(size=(side, side)), side / 10, mode="wrap")
    return np.uint8(np.rint(np.clip(128 + 40 * field / field.std(), 0, 254)))


class Study:
    """A folder of files and its table, to plant faults in."""

    def __init__(self, folder):
        self.folder, self.rows = folder, []

    def add(self, pixels, label, split, patient=None, **header):
        n = len(self.rows)
        patient = patient or f"SYNTH-{n}"
        ds = new_image("1.2.840.10008.5.1.4.1.1.6.1", pixels, patient, f"{n}", header.pop("Modality", "US"))
        for keyword, value in header.items():
            setattr(ds, keyword, value)
        ds.save_as(self.folder / f"{n:03d}.dcm", enforce_file_format=True)
        self.rows.append((f"{n:03d}.dcm", label, split))
        return n + 2  # its line in the table

    def line(self, path, label, split):
        self.rows.append((path, label, split))
        return len(self.rows) + 1

    def audit(self):
        table = self.folder / "labels.csv"
        with table.open("w", newline="") as file:
            csv.writer(file).writerows([("path", "label", "split"), *self.rows])
        c = read(self.folder, table)
        tests = shortcuts.shortcuts(c.images)
        found = findings.findings(c, tests)
        return c, report.to_json(c, found, tests), found


@pytest.fixture
def study(tmp_path):
    """Ninety sound images of two labels in three splits."""
    s = Study(tmp_path)
    for n in range(90):
        s.add(scene(n), "ab"[n % 2], ("train", "val", "test")[n // 2 % 3])
    return s


def rows_of(result, check, level=None):
    """The rows of each group of a check's findings."""
    return [
        sorted(i["row"] for i in group)
        for f in result["findings"]
        if f["check"] == check and level in (None, f["level"])
        for group in f["groups"]
    ]


def test_nothing_is_found_in_a_sound_study(study):
    _, result, _ = study.audit()
    assert result["findings"] == []
    assert result["counts"]["train"] == {"a": 15, "b": 15}
    assert "does not prove clean data" in " ".join(report.lines(result))


def test_copies_across_splits_and_under_other_labels_are_errors(study):
    copy = study.add(scene(0), "a", "test", Manufacturer="other header")  # row 2: a, train
    conflict = study.add(scene(1), "a", "train")  # row 3: b, train
    within = study.add(scene(6), "a", "train")  # row 8: a, train
    _, result, _ = study.audit()
    assert rows_of(result, "duplicate", "error") == [[2, copy]]
    assert rows_of(result, "label conflict", "error") == [[3, conflict]]
    assert rows_of(result, "duplicate", "warning") == [[8, within]]


def test_a_brighter_larger_noisier_or_mirrored_copy_is_known_again(study):
    rng = np.random.default_rng(0)
    original = scene(2).astype(float)  # row 4: a, val
    changed = {
        "brighter": np.clip(original * 0.8 + 40, 0, 254),
        "larger": zoom(original, 2, order=1),
        "noisier": original + rng.normal(0, 4, original.shape),
    }
    lines = [study.add(np.uint8(np.clip(x, 0, 254)), "a", "train") for x in changed.values()]
    mirrored = study.add(scene(3)[:, ::-1], "b", "train")  # row 5: b, val
    _, result, _ = study.audit()
    assert rows_of(result, "near-duplicate", "error") == [[4, *lines]]
    assert rows_of(result, "mirrored", "error") == [[5, mirrored]]
    assert {f["check"] for f in result["findings"]} == {"near-duplicate", "mirrored", "mixed sizes"}


def test_frames_of_one_patient_in_one_split_may_be_alike(study):
    for n in range(3):
        study.add(np.uint8(np.clip(scene(200).astype(int) + n, 0, 254)), "a", "train", patient="SYNTH-ONE")
    assert study.audit()[1]["findings"] == []


def test_a_patient_in_two_splits_is_an_error_and_of_two_labels_a_note(study):
    one = study.add(scene(100), "a", "train", patient="SYNTH-X")
    two = study.add(scene(101), "b", "test", patient="SYNTH-X")
    _, result, _ = study.audit()
    assert rows_of(result, "patients", "error") == [[one, two]]
    assert rows_of(result, "patients", "note") == [[one, two]]
    assert "SYNTH" not in json.dumps(result)


def test_odd_images_are_named_with_their_rows(study):
    flat = study.add(np.full((48, 48), 77, np.uint8), "a", "train")
    white = scene(102)
    white[:30] = 255
    burnt = study.add(white, "b", "train")
    ct = study.add(scene(103), "a", "train", Modality="CT")
    gone = study.line("no-such-file.dcm", "a", "train")
    (study.folder / "damaged.dcm").write_bytes(b"\0" * 400)
    damaged = study.line("damaged.dcm", "b", "val")
    (study.folder / "unlisted.dcm").write_bytes(b"x")
    _, result, _ = study.audit()
    assert rows_of(result, "constant") == [[flat]]
    assert rows_of(result, "saturated") == [[burnt]]
    assert rows_of(result, "wrong modality") == [[ct]]
    assert sorted(row for f in result["findings"] for row in f["rows"]) == [gone, damaged]
    assert [f["text"] for f in result["findings"] if f["check"] == "not listed"] == [
        "1 file of the folder: no row names it"
    ]


def test_classes_that_are_rare_or_missing_from_a_split_are_told(study):
    study.add(scene(104), "c", "train")
    texts = [f["text"] for f in study.audit()[1]["findings"] if f["check"] == "classes"]
    assert any("fewer than 30 images: c (1)" in t for t in texts)
    assert any("45.0 times" in t for t in texts)
    assert {"split val lacks c", "split test lacks c"} <= set(texts)


def test_a_label_that_follows_the_scanner_is_found_and_one_that_does_not_is_not(study):
    for n in range(40):
        scanner = ("north", "south")[n % 2 if n < 30 else 0]
        study.add(scene(300 + n), "ab"[n % 2], "train", Manufacturer=scanner, PatientSex="FM"[n // 2 % 2])
    _, result, _ = study.audit()
    tested = {s["fact"]: s for s in result["shortcuts"]}
    assert tested["manufacturer"]["suspicious"]
    assert tested["manufacturer"]["p_all"] < 0.01
    assert tested["manufacturer"]["guess"] > tested["manufacturer"]["baseline"]
    assert not tested["sex"]["suspicious"]
    assert [f["check"] for f in result["findings"] if f["check"] == "shortcut"] == ["shortcut"]


def test_copies_of_one_patient_do_not_make_a_shortcut(study):
    """Fifty images of one patient from one scanner are one patient."""
    for n in range(50):
        study.add(scene(400 + n), "a", "train", patient="SYNTH-MANY", Manufacturer="elsewhere")
    tested = {s["fact"]: s for s in study.audit()[1]["shortcuts"]}
    assert not tested["manufacturer"]["suspicious"]


@given(st.integers(0, 2**16))
def test_the_permutation_test_agrees_with_fisher_and_v_with_its_definition(seed):
    from scipy.stats import chi2_contingency, fisher_exact

    rng = np.random.default_rng(seed)
    r, c = (np.r_[0, 1, rng.integers(0, 2, 28)] for _ in "ab")
    found = shortcuts.association([f"v{i}" for i in r], [f"l{i}" for i in c])
    counts = np.array(found["patients"])
    assert found["chi2"] == pytest.approx(chi2_contingency(counts, correction=False).statistic)
    chances = [np.abs(fisher_exact(counts).pvalue - found["p"])]
    assert chances[0] < 0.05  # the same tables are as extreme, or nearly
    assert 0 <= found["v"] <= 1


def test_v_is_one_for_all_in_common_and_about_zero_for_nothing():
    labels = ["a", "b"] * 50
    assert shortcuts.association(labels, labels)["v"] == pytest.approx(1)
    assert shortcuts.association(["x"] * 50 + ["y"] * 50, labels)["v"] == 0


def test_pairs_are_found_whatever_the_block_of_the_comparison(monkeypatch):
    pictures = np.stack([zoom(scene(n % 7) / 255, 32 / 48, order=1) for n in range(14)])
    found = {(a, b) for a, b, _, mirrored in hashing.pairs(pictures) if not mirrored}
    assert found == {(n, n + 7) for n in range(7)}
    monkeypatch.setattr(hashing, "BLOCK", 14 * 3)
    assert {(a, b) for a, b, _, mirrored in hashing.pairs(pictures) if not mirrored} == found


def test_a_lung_window_is_not_overexposure(study):
    lung = np.full((48, 48), 40.0)  # soft tissue, white in a lung window
    lung[10:38, 6:42] = scene(7)[10:38, 6:42] - 800.0
    line = study.add(np.uint8(0 * lung), "a", "train", Modality="CT")
    path = study.folder / f"{line - 2:03d}.dcm"
    ds = pydicom.dcmread(path)
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit, ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = 15, 1, -1024, "HU"
    ds.WindowCenter, ds.WindowWidth = -600, 1200
    ds.PixelData = np.uint16(lung + 1024).tobytes()
    ds["PixelData"].VR = "OW"
    ds.save_as(path)
    _, result, _ = study.audit()
    assert rows_of(result, "saturated") == []
    assert rows_of(result, "window") == [[line]]
    (found,) = [f for f in result["findings"] if f["check"] == "window"]
    assert found["level"] == "note"
    assert "as a lung window does" in found["text"]


@pytest.mark.parametrize(
    ("levels", "style"),
    [([], "good"), (["note"], "good"), (["note", "warning"], "warn"), (["warning", "error"], "bad")],
)
def test_a_verdict_is_green_only_without_warnings(levels, style):
    assert report.verdict([findings.Finding("check", level, "text") for level in levels])[0] == style


def test_findings_come_first_and_name_their_files(study):
    copy = study.add(scene(0), "a", "test")
    gone = study.line("gone.dcm", "a", "train")
    c, result, found = study.audit()
    html = report.page(c, result, found)
    assert html.index("<h2>Findings</h2>") < html.index("finding-1") < html.index("Images by split and label")
    assert f"row {copy} ({copy - 2:03d}.dcm): a, test" in html
    assert f"row {gone} (gone.dcm)" in html
    text = "\n".join(report.lines(result))
    assert f"row 2 (000.dcm), row {copy} ({copy - 2:03d}.dcm)" in text
    assert f"row {gone} (gone.dcm)" in text


def test_the_page_stands_alone_shows_pictures_and_names_nobody(study, tmp_path):
    study.add(scene(0), "a", "test", patient="SYNTH-<script>")
    c, result, found = study.audit()
    html = report.page(c, result, found)
    assert html.count("data:image/png;base64,") >= 2 + 24
    assert not re.search(r"SYNTH|script|https?:|<link|src=\"(?!data:)", html)
    assert "row 92 (090.dcm): a, test" in html
    assert pydicom.dcmread(tmp_path / "090.dcm").PatientID.startswith("SYNTH")
