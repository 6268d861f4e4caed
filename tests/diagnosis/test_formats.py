"""One picture in every format that is read: `diagnose`, `inspect` and `explain` see the same in each."""

import json
import zipfile

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from convnet.data.limits import Limits
from convnet.data.preparation import Preparation
from convnet.data.reading.kinds import open_source
from convnet.diagnosis.diagnose import cases
from convnet.explain.lessons.image import read
from tests.command import convnet

VALUES = (np.arange(30 * 20).reshape(30, 20) % 251).astype(np.uint8)
VALUES[0, 0], VALUES[-1, -1] = 0, 255  # the range of a volume
PICTURES = ("a.png", "a.bmp", "a.tif", "a.gif", "a.webp")
VOLUMES = ("a.nii", "a.nii.gz", "a.nrrd", "a.mha")


@pytest.fixture
def scans(tmp_path, make_dicom):
    """A folder with the picture in every format, and its DICOM file."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for name in PICTURES:
        Image.fromarray(VALUES).save(folder / name, **({"lossless": True} if name == "a.webp" else {}))
    nib.save(nib.Nifti1Image(VALUES.T[:, :, None], np.diag([-1, -1, 1, 1])), folder / "a.nii")
    nib.save(nib.Nifti1Image(VALUES.T[:, :, None], np.diag([-1, -1, 1, 1])), folder / "a.nii.gz")
    image = sitk.GetImageFromArray(VALUES[None])
    for name in ("a.nrrd", "a.mha"):
        sitk.WriteImage(image, str(folder / name))
    make_dicom(folder / "a.dcm", VALUES)
    return folder


@pytest.fixture
def make_dicom():
    from convnet.data.cohort.write import new_image

    def make(path, values):
        new_image("1.2.840.10008.5.1.4.1.1.7", values, "SYNTH-1", "formats", "OT").save_as(path)

    return make


@pytest.mark.parametrize("name", [*PICTURES, *VOLUMES])
def test_every_format_is_the_same_image_to_the_network_and_to_overlays(model, scans, name):
    (expected,), (found,) = (list(cases(model, [scans / n], pictures=True)) for n in ("a.dcm", name))
    np.testing.assert_allclose(found.image, expected.image, atol=2e-7)
    np.testing.assert_array_equal(found.grey, expected.grey)
    np.testing.assert_array_equal(found.geometry.seen(), expected.geometry.seen())
    np.testing.assert_array_equal(read(model, scans / name)[0], found.image)


def test_diagnose_takes_folders_and_archives_and_names_the_files_in_them(model, scans, tmp_path):
    del model.metadata["scope"]  # it would abstain
    model_file = tmp_path / "m.safetensors"
    model.save(model_file)
    with zipfile.ZipFile(tmp_path / "scans.zip", "w") as archive:
        for path in scans.iterdir():
            archive.write(path, path.name)
    out = tmp_path / "out.json"
    convnet("diagnose", model_file, scans, tmp_path / "scans.zip", "--json", out, "--overlays", tmp_path / "o")
    result = json.loads(out.read_text())
    names = sorted(p.name for p in scans.iterdir())
    assert [r["path"] for r in result["images"]] == [
        str(folder / name) for folder in (scans, tmp_path / "scans.zip") for name in names
    ]
    assert result["failed"] == []
    drawn = {name for r in result["images"] for name in r.get("pictures", ())}
    assert drawn
    assert all((tmp_path / "o" / name).exists() for name in drawn)


@pytest.mark.parametrize("name", ["a.png", "a.nii.gz", "a.nrrd", "a.mha"])
def test_a_report_is_not_made_for_what_is_not_dicom_and_it_is_said(model_file, scans, tmp_path, name):
    pytest.importorskip("highdicom")
    done = convnet("diagnose", model_file, scans / name, "--dicom", tmp_path / "filed")
    assert "no DICOM report: it is no DICOM file" in done.stderr
    assert not list((tmp_path / "filed").glob("*")) or not (tmp_path / "filed").exists()


@pytest.mark.parametrize("name", [*PICTURES, *VOLUMES])
def test_inspect_shows_every_step_and_draws_it(scans, tmp_path, name):
    done = convnet("inspect", scans / name, "--size", "16", "--picture", tmp_path / "steps.png")
    assert "30 x 20" in done.stdout
    assert "what the network sees" in done.stdout
    assert (tmp_path / "steps.png").read_bytes()[:4] == b"\x89PNG"
    told = convnet("inspect", scans / name, "--phi").stdout
    assert "values are not shown" in told


def test_a_volumes_slice_is_chosen_by_plane_and_number(tmp_path):
    values = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)
    nib.save(nib.Nifti1Image(values, np.diag([-1, -1, 1, 1])), tmp_path / "a.nii")
    source = open_source(str(tmp_path / "a.nii"))
    for plane, axis, middle in (("axial", 2, 2), ("coronal", 1, 2), ("sagittal", 0, 1)):
        first, *_ = source.steps(None, Preparation(None, slices=f"{plane}:1"))
        assert set(first.array.ravel()) == set(np.take(values, middle, axis).ravel())
        other, *_ = source.steps(0, Preparation(None, slices=f"{plane}:1"))
        assert set(other.array.ravel()) == set(np.take(values, 0, axis).ravel())


def test_limits_hold_for_every_format(model, scans):
    for name in (*PICTURES, *VOLUMES):
        (found,) = cases(model, [scans / name], Limits(values=100))
        assert "--limit values" in str(found)
