"""Nothing that commands write, print or keep names a patient: every byte of every artefact is searched."""

import gzip
import io
import json
import os
import time
import zipfile

import numpy as np
import pydicom
import pytest

from convnet.data.phantom import Study
from tests.command import convnet
from tests.privacy import planted


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    """A study whose headers and table name patients; a home of its own for keys, caches and records; and a runner."""
    home = tmp_path_factory.mktemp("home")
    folder = home / "study"
    Study(train=48, val=16, test=16, contrast=60.0).write(folder)
    for number, path in enumerate(sorted(folder.rglob("*.dcm"))):
        planted.plant(path, number)
        path.rename(path.with_name(f"image{number:04d}.dcm"))
    names = iter(sorted(folder.rglob("*.dcm")))
    rows = ["path,label,patient,split"]
    for n, path in enumerate(names):
        split = path.parent.name
        rows.append(
            f"{split}/{path.name},{'absent' if n % 2 else 'present'},{planted.NAME} {planted.NUMBER}-{n},{split}"
        )
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    (folder / "train" / "damaged.dcm").write_bytes(next(folder.rglob("*.dcm")).read_bytes()[:900])
    with (folder / "labels.csv").open("a") as table:
        table.write(f"train/damaged.dcm,absent,{planted.NAME},train\n")

    def run(*arguments, **more):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("FORMULA_", "XDG_"))}
        environment |= {"HOME": str(home / "user"), "FORMULA_CONVNET_CACHE": cache}
        environment |= {"MPLCONFIGDIR": str(home / "matplotlib"), **more}
        done = convnet(*arguments, cwd=home, env=environment)
        (home / "logs").mkdir(exist_ok=True)
        log = home / "logs" / f"{len(list((home / 'logs').iterdir())):02d}-{arguments[0]}.txt"
        log.write_text(done.stdout + done.stderr)
        return done

    from kernels.compiled_files import folder as compiled

    cache = str(compiled().parent)  # compiled kernels, which tests share
    return home, folder, run


def artefacts(home, since=0):
    """Every file, written to since then (ns), that is not the hospital's own, nor filed in its studies."""
    own = (home / "study", home / "filed")
    files = [p for p in sorted(home.rglob("*")) if p.is_file() and not any(map(p.is_relative_to, own))]
    return [p for p in files if p.stat().st_mtime_ns >= since]


COMMANDS = (
    *("train", "evaluate", "diagnose", "explain", "audit", "compare", "crossvalidate"),
    *("inspect", "inspect --phi", "a damaged file"),
)


def test_no_planted_word_is_in_any_artefact_of_any_command(hospital):
    home, folder, run = hospital
    labels, model = folder / "labels.csv", home / "out" / "model.safetensors"
    single, film = home / "out" / "model-1.safetensors", home / "out" / "film.safetensors"
    (home / "out").mkdir()
    image = folder / "test" / sorted(p.name for p in (folder / "test").iterdir())[0]
    drawn = ("--overlays", home / "out" / "overlays")
    every = [
        (
            *("train", folder, "--labels", labels, "--out", model, "--figures", home / "out" / "figures"),
            *("--epochs", 2, "--runs", 2, "--record", film, "--report", home / "out" / "run.html"),
        ),
        (
            "evaluate",
            model,
            folder,
            "--labels",
            labels,
            "--json",
            home / "out" / "e.json",
            "--figures",
            home / "out" / "e",
            "--report",
            home / "out" / "r.html",
        ),
        ("diagnose", model, image, folder / "train" / "damaged.dcm", "--json", home / "out" / "d.json", *drawn),
        ("explain", single, image, "--html", home / "out" / "lesson.html", "--record", film),
        ("audit", folder, "--labels", labels, "--json", home / "out" / "a.json", "--html", home / "out" / "a.html"),
        ("compare", model, model, folder, "--labels", labels, "--json", home / "out" / "c.json"),
        (
            *("crossvalidate", folder, "--labels", labels, "--json", home / "out" / "v.json", "--epochs", 1),
            *("--folds", 2, "--cases", "--figures", home / "out" / "v"),
        ),
        ("inspect", image, "--picture", home / "out" / "steps.png"),
        ("inspect", image, "--phi"),
        ("inspect", folder / "train" / "damaged.dcm"),
    ]
    for arguments, name in zip(every, COMMANDS, strict=True):
        done = run(*arguments)
        assert done.returncode == (2 if name == "a damaged file" else 0), done.stderr
    found = artefacts(home)
    kinds = {path.suffix for path in found}
    assert {".safetensors", ".png", ".json", ".jsonl", ".html", ".txt", ".npy", ".db", ".key"} <= kinds, kinds
    names = {path.name for path in found}
    assert {
        "model.card.html",
        "model-2.card.json",
        "a.html",
        "lesson.html",
        "cases.png",
        "film.safetensors",
        "r.html",
    } <= names
    leaks = [leak for path in found for leak in planted.leaks(path)]
    size, forms = sum(path.stat().st_size for path in found) / 1e6, len(planted.patterns())
    words = f"{len(planted.PLANTED)} words in {forms} forms"
    print(f"\n{len(found)} files ({size:.1f} MB) of {len(COMMANDS)} commands searched for {words}: {len(leaks)} found")
    assert leaks == []
    result = json.loads((home / "out" / "d.json").read_text())
    assert len(result["images"]) == 1
    log = "".join(path.read_text() for path in (home / "logs").iterdir())
    assert "(0010,0010) Patient's Name: to be emptied or replaced" in log


def test_with_hidden_paths_a_files_name_is_in_no_artefact_either(hospital):
    home, folder, run = hospital
    named = folder / f"{planted.NAME}_{planted.NUMBER}"
    named.mkdir()
    for place in ("good", "damaged"):
        data = next((folder / "test").iterdir()).read_bytes()
        (named / f"{planted.UID}.{place}.dcm").write_bytes(data if place == "good" else data[:900])
    rows = "".join(f"{named.name}/{path.name},absent,{n},test\n" for n, path in enumerate(sorted(named.iterdir())))
    (folder / "named.csv").write_text("path,label,patient,split\n" + rows)
    model, begin = home / "out" / "model.safetensors", time.time_ns()
    hide = {"FORMULA_CONVNET_HIDE_PATHS": "1"}
    done = run("diagnose", model, *sorted(named.iterdir()), "--json", home / "out" / "named.json", **hide)
    assert done.returncode == 0, done.stderr
    table = ("--labels", folder / "named.csv", "--json", home / "out" / "named-e.json")
    run("evaluate", model, folder, "--split", "all", *table, **hide)
    run("audit", folder, *table[:2], "--html", home / "out" / "named-a.html", **hide)
    run("evaluate", model, folder, "--split", "all", *table[:2], "--report", home / "out" / "named-r.html", **hide)
    assert "file-" in (home / "out" / "named-a.html").read_text()
    assert "file-" in (home / "out" / "named-r.html").read_text()
    assert "left out: file-" in (home / "logs" / sorted(os.listdir(home / "logs"))[-1]).read_text()
    found = artefacts(home, begin)
    assert {".txt", ".json", ".jsonl"} <= {path.suffix for path in found}
    assert [leak for path in found for leak in planted.leaks(path)] == []
    (image,) = json.loads((home / "out" / "named.json").read_text())["images"]
    assert image["path"].startswith("file-")


PATIENTS_OWN = (  # what ties a result to its study (PS3.3 C.7.1, C.7.2, C.17.2)
    *("PatientName", "PatientID", "PatientBirthDate", "StudyInstanceUID", "StudyID", "StudyDate", "StudyTime"),
    *("AccessionNumber", "ReferringPhysicianName", "SeriesInstanceUID", "ReferencedSOPInstanceUID"),
    *("StudyDescription", "IssuerOfPatientID"),
)


def test_what_is_filed_in_a_study_names_the_patient_where_a_study_does_and_nowhere_else(hospital):
    pytest.importorskip("highdicom", reason="highdicom is in the extra [clinical]")
    home, folder, run = hospital
    begin = time.time_ns()
    model, image = home / "out" / "model.safetensors", sorted((folder / "test").glob("*.dcm"))[0]
    done = run("diagnose", model, image, "--dicom", home / "filed", "--record", home / "out" / "runs.jsonl")
    assert done.returncode == 0, done.stderr
    filed = sorted((home / "filed").iterdir())
    assert {pydicom.dcmread(path).Modality for path in filed} >= {"SR"}
    for path in filed:
        assert planted.leaks(path)
        ds = pydicom.dcmread(path)
        ds.walk(lambda item, element: item.pop(element.tag) if element.keyword in PATIENTS_OWN else None)
        ds.save_as(home / "out" / f"{path.name}.stripped")
    assert [leak for path in artefacts(home, begin) for leak in planted.leaks(path)] == []


def test_the_study_does_hold_the_words_that_are_searched_for(hospital):
    _, folder, _ = hospital
    image = next((folder / "test").iterdir())
    words = {leak.split("'")[1] for leak in planted.leaks(image)}
    assert words == set(planted.PLANTED)


@pytest.mark.parametrize("word", planted.PLANTED)
def test_the_search_finds_a_word_however_it_is_written(word, tmp_path):
    def found(data):
        (tmp_path / "file").write_bytes(data)
        return any(repr(word) in leak for leak in planted.leaks(tmp_path / "file"))

    import base64

    npz = io.BytesIO()
    np.savez_compressed(npz, names=np.array([f"a {word}"]))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr(f"{word}.txt", "x")
    for data in (
        f"x{word}y".encode(),
        f"x{word.upper()}".encode(),
        b"\1" + word.encode("utf-16-le"),
        f"x{word}".encode("utf-16-be"),
        base64.b64encode(f"..{word}, and more".encode()),
        f"{word}..".encode().hex().encode(),
        npz.getvalue(),
        archive.getvalue(),
        b"junk" + gzip.compress(f"{word}".encode()),
        planted.png_text("Author", f"by {word}"),
    ):
        assert found(data), data[:60]
    assert not found(b"nothing of that kind " * 100)
