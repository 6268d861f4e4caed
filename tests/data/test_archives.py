"""A zip, a tar, a DICOMDIR or a folder per patient in place of a folder of images; what is not harmless is refused."""

import io
import stat
import tarfile
import tempfile
import zipfile

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.fileset import FileSet

from convnet.data.cohort import CohortError, load, load_folder
from convnet.data.limits import Limits
from convnet.data.reading.archive import inside
from convnet.data.reading.listing import opened_files

KINDS = ["zip", "tar", "tar.gz", "tgz", "tar.bz2", "tar.xz"]


def png(value=0):
    out = io.BytesIO()
    Image.fromarray(np.full((6, 6), value, np.uint8)).save(out, "PNG")
    return out.getvalue()


def packed(path, members):
    """Write an archive of {name: bytes} of the kind that its name says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return path
    mode = "w:" + {"tgz": "gz", "tar": ""}.get(path.suffix[1:], path.suffix[1:])
    with tarfile.open(path, mode) as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """What is left in the folder of temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return lambda: list(folder.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_of_class_folders_is_the_folder_itself(tmp_path, kind, temporary):
    members = {f"{'ab'[n % 2]}/{n}.png": png(10 * n) for n in range(12)}
    for name, data in members.items():
        (tmp_path / "plain" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "plain" / name).write_bytes(data)
    members |= {"__MACOSX/a/._0.png": b"x", "a/.DS_Store": b"x"}
    found = load(packed(tmp_path / f"images.{kind}", members), size=6, cache=False)
    expected = load_folder(tmp_path / "plain", None, size=6)
    assert found.paths == expected.paths
    assert found.splits == expected.splits
    np.testing.assert_array_equal(found.x, expected.x)
    assert temporary() == []


def test_a_table_names_files_in_an_archive_and_errors_name_the_archive(tmp_path):
    archive = packed(tmp_path / "images.zip", {f"{n}.png": png(n) for n in range(4)} | {"bad.png": b"no picture"})
    table = tmp_path / "labels.csv"
    table.write_text("path,label\n" + "".join(f"{n}.png,{'ab'[n % 2]}\n" for n in range(4)) + "bad.png,a\n")
    found = load_folder(archive, table, size=6, split_all="test", cache=True)
    assert [s.path for s in found.skipped] == ["bad.png"]
    with pytest.raises(ValueError, match=r"images\.zip/bad\.png: is not a picture"):
        load_folder(archive, table, size=6, split_all="test", strict=True)


def hostile(tmp_path):
    """name, bytes, the words of the refusal"""
    for name in ("../out.png", "/etc/out.png", "a/../../out.png", "C:/out.png", "..\\out.png", "a\nb.png"):
        yield f"path{abs(hash(name))}.zip", {name: png()}, "leaves the folder"
    yield "path.tar", {"../out.png": png()}, "leaves the folder"
    yield "twice.tar", None, "two members of one name"
    yield "link.tar", None, "a link or a device"
    yield "hard.tar", None, "a link or a device"
    yield "device.tar", None, "a link or a device"
    yield "link.zip", None, "a link or a device"
    yield "secret.zip", None, "is encrypted"
    yield "under.zip", {"a": png(), "a/b": png()}, "whose folder is another member"
    yield "many.zip", {f"{n}.png": b"" for n in range(21)}, "--limit members"
    yield "many.tar.gz", {f"{n}.png": b"" for n in range(21)}, "--limit members"
    yield "large.zip", {"a.png": bytes(2**20 + 1)}, "--limit file"
    yield "bomb.zip", {f"{n}.png": bytes(2**20) for n in range(5)}, "--limit unpacked"
    yield "bomb.tar.gz", {f"{n}.png": bytes(2**20) for n in range(5)}, "--limit unpacked"
    yield "damaged.zip", b"PK no archive", "is not an archive, or damaged"
    yield "damaged.tar.gz", b"\x1f\x8b no archive", "is not an archive, or damaged"


def tar_of(path, **fields):
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("a.png")
        for name, value in fields.items():
            setattr(member, name, value)
        archive.addfile(member)
        if not fields:
            archive.addfile(tarfile.TarInfo("A.png"))


def made(tmp_path, name, content):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        packed(path, content)
    elif name == "twice.tar":
        tar_of(path)
    elif name == "link.tar":
        tar_of(path, type=tarfile.SYMTYPE, linkname="/etc/passwd")
    elif name == "hard.tar":
        tar_of(path, type=tarfile.LNKTYPE, linkname="/etc/passwd")
    elif name == "device.tar":
        tar_of(path, type=tarfile.CHRTYPE)
    elif name == "link.zip":
        member = zipfile.ZipInfo("a.png")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(member, "/etc/passwd")
    else:
        packed(path, {"a.png": png()})
        data = bytearray(path.read_bytes())
        at = data.index(b"PK\x01\x02")
        data[6] |= 1
        data[at + 8] |= 1
        path.write_bytes(data)
    return path


def test_an_archive_that_is_not_harmless_is_refused_by_name_and_leaves_nothing(tmp_path, temporary):
    limits = Limits(file=2**20, unpacked=4 * 2**20, members=20)
    for name, content, reason in hostile(tmp_path):
        with pytest.raises(CohortError, match=reason), opened_files([made(tmp_path, name, content)], limits):
            pytest.fail(f"{name} was unpacked")
    assert temporary() == []
    assert not list(tmp_path.parent.glob("out.png"))


def test_an_archive_within_is_not_opened(tmp_path):
    inner = packed(tmp_path / "inner.zip", {"0.png": png()}).read_bytes()
    members = {f"{'ab'[n % 2]}/{n}.png": png(n) for n in range(4)}
    found = load(packed(tmp_path / "outer.tar", members | {"a/inner.zip": inner}), size=6, split_all="test")
    assert [(s.path, s.reason[:13]) for s in found.skipped] == [("a/inner.zip", "is an archive")]


def test_a_members_name_is_checked_on_this_side_of_the_worker_too():
    assert inside("a/b.png") == inside("a\\b.png") == inside("./a/b.png") == "a/b.png"
    for name in ("", "..", "a/..", "/a", "C:a", "\\\\host\\a", "a:stream", "a\0b", "x" * 2000):
        with pytest.raises(ValueError, match="has a member"):
            inside(name)


def file_set(tmp_path, real, count=3):
    """A DICOMDIR and the files that it names, written by pydicom."""
    files = FileSet()
    for n in range(count):
        ds = dcmread(real / "CT_small.dcm")
        ds.PatientID, ds.SOPInstanceUID = f"P{n}", f"{ds.SOPInstanceUID}.{n}"
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        files.add(ds)
    files.write(tmp_path / "disc")
    return tmp_path / "disc" / "DICOMDIR"


def test_a_dicomdir_stands_for_the_files_that_it_names(tmp_path, real):
    index = file_set(tmp_path, real)
    (index.parent / "other.dcm").write_bytes((real / "CT_small.dcm").read_bytes())
    with opened_files([index]) as found:
        assert len(found) == 3
        assert {dcmread(file.path).PatientID for file in found} == {"P0", "P1", "P2"}
        names = [file.path.relative_to(index.parent.resolve()).as_posix() for file in found]
    (tmp_path / "labels.csv").write_text("path,label\n" + "".join(f"{name},ct\n" for name in names))
    cohort = load_folder(index, tmp_path / "labels.csv", size=8, split_all="test")
    assert cohort.paths == names
    assert [s.path for s in cohort.skipped] == ["other.dcm"]


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
def test_a_dicomdir_never_leads_out_of_its_folder(tmp_path, real):
    index = file_set(tmp_path, real)
    ds = dcmread(index)
    for parts in (["..", "secret.dcm"], ["/etc", "passwd"], ["a/../..", "b"], [".."]):
        for record in ds.DirectoryRecordSequence:
            if "ReferencedFileID" in record:
                record.ReferencedFileID = parts
        ds.save_as(index)
        with pytest.raises(CohortError, match="outside its folder"), opened_files([index]):
            pytest.fail(str(parts))


def test_a_dicomdir_that_is_none_is_refused(tmp_path, real):
    (tmp_path / "DICOMDIR").write_bytes((real / "CT_small.dcm").read_bytes())
    with pytest.raises(CohortError, match="holds no directory of files"), opened_files([tmp_path / "DICOMDIR"]):
        pytest.fail("it is a CT slice")


def test_a_table_says_whose_image_a_file_is_by_its_path_or_its_folders(tmp_path):
    packed(tmp_path / "a.zip", {f"{name}.png": png() for name in ("one/0", "one/1", "two/0", "three")})
    (tmp_path / "alone.png").write_bytes(png())
    patients = {"one": "P1", "one/1.png": "P2", "three.png": "P3", (tmp_path / "alone.png").as_posix(): "P4"}
    with opened_files([tmp_path / "a.zip", tmp_path / "alone.png"], patients=patients) as found:
        of = {file.name.removeprefix(f"{tmp_path}/"): file.patient for file in found}
    names = ("one/0", "one/1", "three", "two/0")
    assert of == dict(zip([*(f"a.zip/{n}.png" for n in names), "alone.png"], ["P1", "P2", "P3", "", "P4"], strict=True))


def slices_of(tmp_path, real, patient, header=True):
    folder = tmp_path / "scans" / patient
    folder.mkdir(parents=True)
    for n in range(3):
        ds = dcmread(real / "CT_small.dcm")
        ds.PatientID = f"ID-{patient}" if header else ""
        ds.StudyInstanceUID = ds.SeriesInstanceUID = ds.FrameOfReferenceUID = (
            f"1.2.3.{patient[1:]}.{0 if header else n}"
        )
        ds.SOPInstanceUID = f"{ds.SOPInstanceUID}.{n}"
        ds.save_as(folder / f"{n}.dcm")


@pytest.mark.parametrize("header", [True, False], ids=["PatientID", "no PatientID"])
def test_a_row_may_name_a_patients_folder_whose_slices_stay_in_one_split(tmp_path, real, header):
    for n in range(20):
        slices_of(tmp_path, real, f"p{n}", header)
    rows = "".join(f"p{n},{'ab'[n % 2]}\n" for n in range(20))
    (tmp_path / "labels.csv").write_text("path,label\n" + rows)
    found = load_folder(tmp_path / "scans", tmp_path / "labels.csv", size=8)
    assert len(found.y) == 60
    assert found.skipped == []
    splits = {}
    for path, split, y in zip(found.paths, found.splits, found.y, strict=True):
        splits.setdefault(path.split("/")[0], set()).add(split)
        assert y == int(path.split("/")[0][1:]) % 2
    assert all(len(of) == 1 for of in splits.values())
    assert len(set(found.groups().tolist())) == 20


def test_a_file_that_two_rows_name_through_its_folder_is_an_error(tmp_path, real):
    slices_of(tmp_path, real, "p1")
    (tmp_path / "labels.csv").write_text("path,label\np1,a\np1/0.dcm,b\n")
    with pytest.raises(CohortError, match=r"both name 'p1/0\.dcm'"):
        load_folder(tmp_path / "scans", tmp_path / "labels.csv", size=8)


def test_an_empty_folder_or_one_by_a_link_out_is_an_error(tmp_path):
    (tmp_path / "scans" / "empty").mkdir(parents=True)
    (tmp_path / "scans" / "out").symlink_to(tmp_path)
    for name, reason in (("empty", "has no files"), ("out", "a link out of the folder")):
        (tmp_path / "labels.csv").write_text(f"path,label\n{name},a\n")
        with pytest.raises(CohortError, match=reason):
            load_folder(tmp_path / "scans", tmp_path / "labels.csv", size=8)
