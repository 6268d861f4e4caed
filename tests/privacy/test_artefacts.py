"""Nothing that commands write, print or keep names a patient: every byte of every artefact is searched."""

import gzip
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from convnet.data.phantom import Study
from tests.privacy import planted

ROOT = Path(__file__).resolve().parents[2]


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
        environment |= {"HOME": str(home / "user"), "PYTHONPATH": str(ROOT), "FORMULA_CONVNET_CACHE": cache}
        environment |= {"MPLCONFIGDIR": str(home / "matplotlib"), **more}
        done = subprocess.run(
            [sys.executable, "-m", "convnet", *map(str, arguments)],
            cwd=home,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        (home / "logs").mkdir(exist_ok=True)
        log = home / "logs" / f"{len(list((home / 'logs').iterdir())):02d}-{arguments[0]}.txt"
        log.write_text(done.stdout + done.stderr)
        return done

    from kernels.jit import folder as compiled

    cache = str(compiled().parent)  # compiled kernels, which tests share
    return home, folder, run


def artefacts(home):
    """Every file that is not the hospital's own."""
    return [p for p in sorted(home.rglob("*")) if p.is_file() and not p.is_relative_to(home / "study")]


COMMANDS = (
    *("train", "evaluate", "diagnose", "audit", "compare", "crossvalidate"),
    *("inspect", "inspect --phi", "a damaged file"),
)


def test_no_planted_word_is_in_any_artefact_of_any_command(hospital):
    home, folder, run = hospital
    labels, model = folder / "labels.csv", home / "out" / "model.safetensors"
    (home / "out").mkdir()
    image = folder / "test" / sorted(p.name for p in (folder / "test").iterdir())[0]
    drawn = ("--overlays", home / "out" / "overlays")
    every = [
        ("train", folder, "--labels", labels, "--out", model, "--figures", home / "out" / "figures", "--epochs", 2),
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
        ),
        ("diagnose", model, image, folder / "train" / "damaged.dcm", "--json", home / "out" / "d.json", *drawn),
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
    assert {".safetensors", ".png", ".json", ".jsonl", ".txt", ".npy", ".db", ".key"} <= kinds, kinds
    assert [leak for path in found for leak in planted.leaks(path)] == []
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
    model = home / "out" / "model.safetensors"
    hide = {"FORMULA_CONVNET_HIDE_PATHS": "1"}
    done = run("diagnose", model, *sorted(named.iterdir()), "--json", home / "out" / "named.json", **hide)
    assert done.returncode == 0, done.stderr
    table = ("--labels", folder / "named.csv", "--json", home / "out" / "named-e.json")
    run("evaluate", model, folder, "--split", "all", *table, **hide)
    assert "left out: file-" in (home / "logs" / sorted(os.listdir(home / "logs"))[-1]).read_text()
    assert [leak for path in artefacts(home) for leak in planted.leaks(path)] == []
    (image,) = json.loads((home / "out" / "named.json").read_text())["images"]
    assert image["path"].startswith("file-")


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
