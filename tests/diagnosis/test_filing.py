"""What diagnose leaves behind: overlays, DICOM that an independent validator accepts, and a record of the run."""

import json
import shutil
import subprocess

import pydicom
import pytest
from typer.testing import CliRunner

from convnet.cli import app
from convnet.model import load
from convnet.notice import NOTICE

hd = pytest.importorskip("highdicom", reason="highdicom is in the extra [clinical]")


def read(folder, names):
    return [pydicom.dcmread(folder / "dcm" / name) for name in names]


def dciodvfy(path):
    """The errors that David Clunie's validator finds."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed: apt-get install dicom3tools")
    done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]


@pytest.fixture
def lax(model_file, tmp_path):
    """A model file that abstains from nothing, for images that are not like its training."""
    model = load(model_file)
    del model.metadata["scope"]
    model.save(tmp_path / "lax.safetensors")
    return tmp_path / "lax.safetensors"


def multiframe(ct, lax):
    path = ct(name="two.dcm")
    ds = pydicom.dcmread(path)
    ds.SOPClassUID = pydicom.uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.NumberOfFrames, ds.PixelData = 2, ds.PixelData * 2
    ds.save_as(path)
    return path


def test_everything_written_is_valid_dicom(run, ct, phantom, secret):
    result, out = run(ct(**secret), *sorted((phantom / "test").iterdir())[:3], ct(name="mr.dcm", Modality="MR"))
    found = sorted((out / "dcm").iterdir())
    assert len(found) == 4 * 2 + len(result["reports"])
    for path in found:
        assert dciodvfy(path) == [], path


def test_multi_frame_and_slides_results_are_valid_dicom(run, ct, lax):
    result, out = run(multiframe(ct, lax), model=lax)
    assert len(result["images"]) == 2
    (report,) = read(out, result["reports"])
    for path in (out / "dcm").iterdir():
        assert dciodvfy(path) == [], path
    groups = hd.sr.srread(out / "dcm" / result["reports"][0]).content.get_image_measurement_groups()
    assert [g.source_images[0].referenced_frame_numbers for g in groups] == [[1], [2]]
    frames = [read(out, r["dicom"])[0].SourceImageSequence[0].ReferencedFrameNumber for r in result["images"]]
    assert frames == [1, 2]


def test_the_report_says_what_the_result_says(run, ct, secret):
    path = ct(**secret)
    result, out = run(path)
    (one,) = result["images"]
    report = hd.sr.srread(out / "dcm" / result["reports"][0])
    (group,) = report.content.get_image_measurement_groups()
    values = {m.name.meaning: m.value for m in group.get_measurements()}
    for name, p in one["probabilities"].items():
        assert values[f"Probability of {name}"] == pytest.approx(p, abs=1e-6)
    said = {e.name.meaning: e.value.meaning for e in group.get_qualitative_evaluations()}
    assert said == {"Notice": NOTICE, "Result": one["label"]}
    assert report.CompletionFlag, report.VerificationFlag == ("COMPLETE", "UNVERIFIED")
    assert report.PreliminaryFlag == "PRELIMINARY"
    assert group.source_images[0].referenced_sop_instance_uid == pydicom.dcmread(path).SOPInstanceUID


def test_an_abstention_is_reported_with_its_reasons_and_without_numbers(run, ct):
    result, out = run(ct(Modality="MR"))
    assert result["images"][0]["dicom"] == []
    assert "pictures" not in result["images"][0]
    (group,) = hd.sr.srread(out / "dcm" / result["reports"][0]).content.get_image_measurement_groups()
    said = [e.value.meaning for e in group.get_qualitative_evaluations()]
    assert "The network abstains" in said
    assert any("modality is 'MR'" in s for s in said)
    assert not any("Probability" in m.name.meaning for m in group.get_measurements())


def test_results_belong_to_the_source_and_refer_to_it(run, ct, secret):
    path = ct(**secret)
    source = pydicom.dcmread(path)
    result, out = run(path)
    captures, reports = read(out, result["images"][0]["dicom"]), read(out, result["reports"])
    assert len(captures) == 2
    for ds in captures + reports:
        for keyword in ("StudyInstanceUID", *secret):
            if keyword != "StudyDescription":
                assert ds[keyword].value == source[keyword].value, keyword
        assert ds.SeriesInstanceUID != source.SeriesInstanceUID
        assert ds.SOPInstanceUID != source.SOPInstanceUID
        assert "not for clinical use" in ds.SeriesDescription
    for ds in captures:
        item = ds.SourceImageSequence[0]
        assert (item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) == (
            source.SOPClassUID,
            source.SOPInstanceUID,
        )
        assert (ds.Rows, ds.Columns) == (source.Rows, source.Columns)
        assert list(ds.PixelSpacing) == list(source.PixelSpacing)
        assert NOTICE in ds.ImageComments
    assert len({ds.SeriesInstanceUID for ds in captures}) == 1
    assert [ds.InstanceNumber for ds in captures] == [1, 2]
    evidence = reports[0].CurrentRequestedProcedureEvidenceSequence[0]
    named = {i.ReferencedSOPInstanceUID for s in evidence.ReferencedSeriesSequence for i in s.ReferencedSOPSequence}
    assert named == {source.SOPInstanceUID, *(ds.SOPInstanceUID for ds in captures)}


def test_a_file_without_a_study_is_refused_before_anything_is_filed(run, ct, tmp_path, model_file):
    path = ct()
    ds = pydicom.dcmread(path)
    del ds.StudyInstanceUID
    ds.save_as(path)
    arguments = ["diagnose", model_file, path, "--dicom", tmp_path / "d", "--record", tmp_path / "r"]
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert done.exit_code == 2
    assert "states no StudyInstanceUID" in done.output


def test_a_header_that_cannot_be_filed_costs_its_own_report_alone_and_is_not_quoted(ct, model_file, tmp_path):
    bad, good = (
        ct(name="bad.dcm", PatientName="Planted", StudyDate="20261399", StudyInstanceUID="1.2.3"),
        ct(name="good.dcm"),
    )
    arguments = ["diagnose", model_file, bad, good, "--dicom", tmp_path / "d", "--json", tmp_path / "j"]
    done = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0
    result = json.loads((tmp_path / "j").read_text())
    assert len(result["images"]) == 2
    (failed,) = result["failed"]
    assert failed["path"] == str(bad)
    assert "no DICOM result could be made of its header" in failed["reason"]
    assert "Planted" not in done.output
    assert len(result["reports"]) == 1
    assert len(list((tmp_path / "d").iterdir())) == 3


def test_a_sex_that_dicom_does_not_know_is_left_empty(run, ct):
    result, out = run(ct(PatientSex="U"))
    assert [ds.PatientSex for ds in read(out, result["reports"])] == [""]
    assert all(dciodvfy(path) == [] for path in (out / "dcm").iterdir())


def test_a_warning_never_quotes_the_patient(run, ct, recwarn, capfd):
    run(ct(PatientName="Plantedwithoutcomma"))
    assert not any("Planted" in str(w.message) for w in recwarn)
    assert "Planted" not in capfd.readouterr().err
