"""A record of every run, in which nobody is named."""

import hashlib
import json

import pydicom
import pytest

from convnet.notice import NOTICE

pytest.importorskip("highdicom", reason="highdicom is in the extra [clinical]")


def test_every_run_adds_a_line_for_each_image_with_hashes_and_no_identifier(run, ct, model_file, tmp_path, secret):
    path = ct(name="Planted_Name.dcm", **secret)
    broken = tmp_path / "planted_broken.dcm"
    broken.write_bytes(b"no image")
    run(path)
    result, out = run(path, broken)
    text = (out / "runs.jsonl").read_text()
    entries = [json.loads(line) for line in text.splitlines()]
    assert len(entries) == 3
    assert entries[0]["input"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert entries[0]["model"] == hashlib.sha256(model_file.read_bytes()).hexdigest()
    assert entries[0]["result"]["probabilities"] == entries[1]["result"]["probabilities"]
    assert entries[0]["result"]["probabilities"] == result["images"][0]["probabilities"]
    assert entries[2]["input"] is None
    assert "is not a DICOM image file" in entries[2]["result"]["failed"]
    assert {"python", "numpy", "formula-convnet", "pydicom"} <= set(entries[0]["versions"])
    assert all(e["notice"] == NOTICE for e in entries)
    ds = pydicom.dcmread(path)
    for planted in (*secret.values(), "planted", str(tmp_path), ds.SOPInstanceUID, ds.StudyInstanceUID):
        assert planted.lower() not in text.lower()
    pictures = list((out / "png").iterdir())
    assert len(pictures) == 3
    for picture in pictures:
        assert b"lanted" not in picture.read_bytes()
        assert "lanted" not in picture.name
