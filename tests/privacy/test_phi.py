"""What `convnet inspect --phi` lists, and what a pseudonym is."""

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pydicom
import pytest

from convnet.data import pseudonyms
from convnet.data.phantom import Study
from convnet.data.privacy import phi
from tests.privacy import planted


@pytest.fixture
def image(tmp_path):
    Study(train=1, val=0, test=0).write(tmp_path / "study")
    return next((tmp_path / "study").rglob("*.dcm"))


def test_every_planted_element_is_listed_without_its_value(image):
    planted.plant(image, 3)
    result = phi.identifying(image)
    listed = {e["tag"] for e in result["elements"] if not e["where"]}
    ds = pydicom.dcmread(image)
    for element in (*ds.file_meta, *ds):
        if phi.action(element.tag) and not phi.is_empty(element):
            assert f"({element.tag.group:04X},{element.tag.element:04X})" in listed
    assert len(listed) > 300
    text = "\n".join(phi.told(result))
    assert not any(word in text for word in planted.PLANTED)
    inner = [e for e in result["elements"] if e["where"] == "Request Attributes Sequence"]
    assert {e["name"] for e in inner} == {"Patient ID", "Patient's Name", "Referenced SOP Instance UID"}
    assert any(e["name"] == "private element" and e["action"] == "P" for e in result["elements"])
    assert result["preamble"]
    assert result["removed"] == "NO"


def test_empty_elements_are_not_listed_and_silence_is_no_promise(image):
    ds = pydicom.dcmread(image)
    ds.PatientName = ds.PatientID = ds.StudyID = ""
    del ds.BurnedInAnnotation
    ds.save_as(image)
    result = phi.identifying(image)
    assert not {"Patient's Name", "Patient ID", "Study ID"} & {e["name"] for e in result["elements"]}
    text = "\n".join(phi.told(result))
    assert "Burned In Annotation: the file says nothing; text that is burned into the pixels" in text
    assert "not in any header: this list cannot see them" in text


def test_a_damaged_element_counts_as_filled(image):
    ds = pydicom.dcmread(image)
    ds[0x00181400] = pydicom.dataelem.RawDataElement(pydicom.tag.Tag(0x00181400), "FD", 3, b"abc", 0, False, True)
    ds.save_as(image)
    assert "(0018,1400)" in {e["tag"] for e in phi.identifying(image)["elements"]}


@pytest.mark.parametrize(
    ("tag", "action"),
    [
        (0x00100010, "Z"),  # Patient's Name
        (0x00100030, "Z"),  # Patient's Birth Date
        (0x00080018, "U"),  # SOP Instance UID
        (0x00080080, "X/Z/D"),  # Institution Name
        (0x00104000, "X"),  # Patient Comments
        (0x60003000, "X"),  # Overlay Data
        (0x60223000, "X"),
        (0x50100010, "X"),  # Curve Data
        (0x00091001, "P"),
        (0x00280010, None),  # Rows
        (0x7FE00010, None),  # Pixel Data
    ],
)
def test_actions_are_those_of_the_table(tag, action):
    assert phi.action(tag) == action


def test_a_pseudonym_depends_on_key_kind_and_value_and_shows_none_of_them(monkeypatch, tmp_path):
    def under(byte):
        path = tmp_path / f"key{byte}"
        path.write_bytes(bytes([byte]) * 32)
        path.chmod(0o600)
        monkeypatch.setenv("FORMULA_CONVNET_KEY", str(path))
        pseudonyms.key.cache_clear()
        return [pseudonyms.pseudonym(kind, value) for kind in ("patient", "header") for value in ("12345", "12346")]

    one, again, other = under(1), under(1), under(2)
    pseudonyms.key.cache_clear()
    assert one == again
    assert len({*one, *other}) == 8
    assert all("1234" not in name for name in one)
    assert one[0].startswith("patient-")
    assert len(one[0]) == len("patient-") + 16  # 80 bits in base 32
    assert pseudonyms.pseudonym("patient", "") == ""


@pytest.mark.parametrize(
    ("data", "mode", "words"),
    [
        (b"short", 0o600, "has 5 bytes: expected 32"),
        (bytes(32), 0o644, "others can read the key"),
        (None, 0, "cannot be"),
    ],
)
def test_a_key_that_protects_nothing_is_refused(data, mode, words, tmp_path, monkeypatch):
    if data is not None:
        (tmp_path / "key").write_bytes(data)
        (tmp_path / "key").chmod(mode)
    monkeypatch.setenv("FORMULA_CONVNET_KEY", str(tmp_path / "key"))
    pseudonyms.key.cache_clear()
    try:
        with pytest.raises(ValueError, match=words):
            pseudonyms.key()
    finally:
        monkeypatch.undo()
        pseudonyms.key.cache_clear()


def test_a_key_is_made_once_for_the_user_alone(tmp_path):
    script = "from convnet.data.pseudonyms import key; print(key().hex())"
    environment = {"HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "PATH": ""}
    keys = {
        subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    assert len(keys) == 1
    (path,) = tmp_path.rglob("pseudonyms.key")
    assert path.stat().st_mode & 0o077 == 0
    assert len(set(np.frombuffer(path.read_bytes(), np.uint8).tolist())) > 10


@pytest.mark.filterwarnings("ignore:formula-convnet")
def test_threads_that_begin_at_once_without_a_place_for_a_key_share_one(monkeypatch):
    def nowhere(path):
        ready.wait()  # every thread is within the first call
        raise OSError(30, "Read-only file system")

    n = 4
    ready, found = threading.Barrier(n), []
    monkeypatch.delenv("FORMULA_CONVNET_KEY", raising=False)
    monkeypatch.setattr(pseudonyms, "user_config_path", lambda *_, **__: Path("/nowhere"))
    monkeypatch.setattr(pseudonyms, "make", nowhere)
    pseudonyms.key.cache_clear()
    threads = [threading.Thread(target=lambda: found.append(pseudonyms.key())) for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pseudonyms.key.cache_clear()
    assert len(found) == n
    assert len(set(found)) == 1


@pytest.mark.parametrize("keyword", ["Modality", "PhotometricInterpretation", "BodyPartExamined", "SOPClassUID"])
def test_a_name_that_damage_put_where_a_code_belongs_is_not_shown(image, keyword):
    from convnet.data import dicom

    ds = pydicom.dcmread(image)
    setattr(ds, keyword, "Zebralowitz^Q")
    ds.save_as(image)
    shown = str(dicom.describe(image))
    try:
        shown += str([step.what for step in dicom.steps(image)])
    except dicom.DicomError as error:
        shown += str(error)
    assert "Zebralowitz" not in shown


def test_a_decoders_message_is_told_without_what_it_quotes_of_the_header():
    from convnet.data.dicom.decode import without_values

    text = "Unknown (0028,0004) value 'Zebralowitz^Q', expected 'RGB'"
    assert without_values(text) == "Unknown (0028,0004) value 'not a code', expected 'RGB'"
