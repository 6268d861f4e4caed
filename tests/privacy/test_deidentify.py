"""What deid leaves of a planted file, and what we say of it."""

import numpy as np
import pydicom
import pytest

from convnet.data import dicom
from convnet.data.phantom import Study
from tests.command import convnet
from tests.privacy import planted

pytest.importorskip("deid", reason="the extra deid is not installed")


def test_no_planted_word_is_left_patients_stay_apart_and_pixels_are_the_same(tmp_path):
    Study(train=3, val=0, test=0).write(tmp_path / "study")
    paths = sorted((tmp_path / "study").rglob("*.dcm"))
    for number, path in enumerate(paths):
        planted.plant(path, number // 2)  # the first two are one patient's
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"no image")
    done = convnet("deidentify", *paths, broken, "--out", tmp_path / "out")
    assert done.returncode == 2  # for the broken one, and for no other
    assert len(done.stderr.strip().splitlines()) == 1
    assert "broken.dcm" in done.stderr
    out = sorted((tmp_path / "out").iterdir())
    assert [p.name for p in out] == ["000001.dcm", "000002.dcm", "000003.dcm"]
    assert [leak for path in out for leak in planted.leaks(path)] == []
    assert "no claim of conformance" in done.stdout
    assert "no listed element is left" in done.stdout
    files = [pydicom.dcmread(path) for path in out]
    assert files[0].PatientID == files[1].PatientID != files[2].PatientID
    assert files[0].StudyInstanceUID == files[1].StudyInstanceUID != files[2].StudyInstanceUID
    assert files[0].file_meta.MediaStorageSOPInstanceUID == files[0].SOPInstanceUID
    for before, after in zip(paths, out, strict=True):
        np.testing.assert_array_equal(dicom.read_images(before), dicom.read_images(after))
