"""Nothing outside the folder is read: not through tables, links or a DICOMDIR."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pydicom.data
import pytest

from convnet.data import cohort

ROOT = Path(__file__).resolve().parents[2]
REAL = Path(pydicom.data.__file__).parent / "test_files"


@pytest.fixture
def folder(tmp_path):
    """A folder with one good file, and another file beside it that must not be read."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    shutil.copy(REAL / "CT_small.dcm", tmp_path / "in" / "good.dcm")
    shutil.copy(REAL / "MR_small.dcm", tmp_path / "out" / "secret.dcm")
    return tmp_path


def load(folder, *paths):
    table = folder / "labels.csv"
    table.write_text("path,label\n" + "".join(f"{p},x\n" for p in ("good.dcm", *paths)), encoding="utf-8")
    return cohort.load_folder(folder / "in", table, split_all="test")


def link(at, to):
    try:
        at.symlink_to(to)
    except OSError:
        pytest.skip("this user may not make links")


@pytest.mark.parametrize("relative", [False, True])
def test_a_link_out_of_the_folder_is_not_followed_and_the_rest_is_read(folder, relative):
    link(folder / "in" / "link.dcm", "../out/secret.dcm" if relative else folder / "out" / "secret.dcm")
    link(folder / "in" / "sub", "../out" if relative else folder / "out")
    c = load(folder, "link.dcm", "sub/secret.dcm")
    assert c.paths == ["good.dcm"]
    assert [s.reason for s in c.skipped[:2]] == [
        "row 3: is a link out of the folder: put the file itself there",
        "row 4: is a link out of the folder: put the file itself there",
    ]


def test_a_link_within_the_folder_is_followed(folder):
    link(folder / "in" / "again.dcm", "good.dcm")
    assert load(folder, "again.dcm").paths == ["good.dcm", "again.dcm"]


def test_a_folder_that_is_a_link_itself_is_read(folder):
    link(folder / "alias", folder / "in")
    (folder / "labels.csv").write_text("path,label\ngood.dcm,x\n")
    assert cohort.load_folder(folder / "alias", folder / "labels.csv", split_all="test").paths == ["good.dcm"]


def test_rings_of_links_and_names_too_long_are_rows_left_out(folder):
    link(folder / "in" / "ring.dcm", "ring.dcm")
    c = load(folder, "ring.dcm", "x" * 5000 + ".dcm")
    assert c.paths == ["good.dcm"]
    assert len([s for s in c.skipped if s.reason.startswith("row")]) == 2


def test_a_pipe_in_the_folder_is_left_out_and_not_waited_for(folder):
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes with names here")
    os.mkfifo(folder / "in" / "pipe.dcm")
    assert load(folder, "pipe.dcm").paths == ["good.dcm"]


AUDIT = """
import sys
from convnet.data.preparation import Preparation
from convnet.data.reading import tasks, worker
worker.prepare()
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
_, *reasons, _ = tasks.labelled_images(sys.argv[1], Preparation().to_plain())
print(*reasons)
print([path for path in opened if not path.isdigit() and not path.startswith(sys.argv[1])])  # a number: open already
"""


def test_a_dicomdir_that_names_files_outside_opens_none(folder):
    from pydicom import dcmread

    ds = dcmread(next(p for p in sorted(REAL.rglob("DICOMDIR*")) if p.is_file()))
    for record in ds.DirectoryRecordSequence:
        record.ReferencedFileID = ["..", "out", "secret.dcm"]
    ds.save_as(folder / "in" / "DICOMDIR")
    done = subprocess.run(
        [sys.executable, "-c", AUDIT, folder / "in" / "DICOMDIR"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    first, others = done.stdout.splitlines()
    assert "is a DICOMDIR: an index of files, with no image of its own" in first
    assert others == "[]"


def test_diagnose_follows_no_link_out_of_the_folder_and_reads_the_rest(folder):
    from convnet.data.errors import DicomError
    from convnet.data.reading.listing import opened_files

    link(folder / "in" / "link.dcm", folder / "out" / "secret.dcm")
    link(folder / "in" / "again.dcm", "good.dcm")
    link(folder / "in" / "ring.dcm", "ring.dcm")
    link(folder / "alias.dcm", folder / "out" / "secret.dcm")
    found = {}
    with opened_files([folder / "in", folder / "alias.dcm"]) as files:
        for file in files:
            try:
                found[file.path.name] = file.locate().resolve().name
            except DicomError as error:
                found[file.path.name] = error.reason
    assert "cannot be opened" in found.pop("ring.dcm")
    assert found == {
        "link.dcm": "is a link out of the folder: put the file itself there",
        "again.dcm": "good.dcm",
        "good.dcm": "good.dcm",
        "alias.dcm": "secret.dcm",  # named by the user, not found in a folder
    }
