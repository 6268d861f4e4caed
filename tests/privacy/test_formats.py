"""What pictures, volumes and archives hold beside their pixels goes into nothing that commands write or print."""

import os
import zipfile

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image, PngImagePlugin

from tests.command import convnet
from tests.privacy import planted

VALUES = (np.arange(48 * 48).reshape(48, 48) % 256).astype(np.uint8)


def write_pictures(folder, n):
    exif, texts = Image.Exif(), PngImagePlugin.PngInfo()
    exif[0x010E], exif[0x013B] = planted.TEXT, f"{planted.NAME} {planted.NUMBER}"  # description, artist
    texts.add_text("Patient", f"{planted.NAME} {planted.DATE}")
    picture = Image.fromarray(np.roll(VALUES, 7 * n, axis=1))
    picture.save(folder / f"{n}.jpg", exif=exif, comment=planted.NAME.encode())
    picture.save(folder / f"{n}.png", exif=exif, pnginfo=texts)
    picture.save(folder / f"{n}.tif", exif=exif)


def write_volumes(folder, n):
    image = nib.Nifti1Image(np.roll(VALUES, 11 * n, axis=0)[:, :, None], np.eye(4))
    image.header["descrip"], image.header["db_name"] = planted.NAME.encode(), planted.NUMBER.encode()
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", f"{planted.NAME} {planted.UID}".encode()))
    nib.save(image, folder / f"{n}.nii.gz")
    other = sitk.GetImageFromArray(np.roll(VALUES, 13 * n, axis=0)[None])
    for key, value in (("content", planted.TEXT), ("PatientName", planted.NAME), ("StudyDate", planted.DATE)):
        other.SetMetaData(key, value)
    for kind in ("nrrd", "mha"):
        sitk.WriteImage(other, str(folder / f"{n}.{kind}"))


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    """A folder of class folders, the same as a zip with comments, a home of its own, and a runner."""
    home = tmp_path_factory.mktemp("home")
    for n in range(8):
        folder = home / "study" / "ab"[n % 2]
        folder.mkdir(parents=True, exist_ok=True)
        write_pictures(folder, n)
        write_volumes(folder, n)
    with zipfile.ZipFile(home / "study" / "study.zip", "w") as archive:
        archive.comment = planted.TEXT.encode()
        for path in sorted((home / "study").rglob("?.*")):
            member = zipfile.ZipInfo(path.relative_to(home / "study").as_posix())
            member.comment = planted.NAME.encode()
            archive.writestr(member, path.read_bytes())

    def run(*arguments):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("FORMULA_", "XDG_"))}
        environment |= {"HOME": str(home / "user"), "FORMULA_CONVNET_CACHE": cache}
        done = convnet(*arguments, cwd=home, env={**environment, "MPLCONFIGDIR": str(home / "matplotlib")})
        (home / "logs").mkdir(exist_ok=True)
        (home / "logs" / f"{len(list((home / 'logs').iterdir()))}.txt").write_text(done.stdout + done.stderr)
        assert done.returncode == 0, done.stderr
        return done

    from kernels.compiled_files import folder as compiled

    cache = str(compiled().parent)
    return home, run


def test_no_text_of_a_picture_volume_or_archive_is_in_any_artefact(hospital):
    home, run = hospital
    out = home / "out"
    out.mkdir()
    run("train", home / "study" / "study.zip", "--out", out / "m.safetensors", "--epochs", 1, "--figures", out / "f")
    run("evaluate", out / "m.safetensors", home / "study" / "study.zip", "--split", "all", "--json", out / "e.json")
    run("audit", home / "study" / "study.zip", "--html", out / "a.html", "--json", out / "a.json")
    images = [home / "study" / "a" / f"0.{kind}" for kind in ("jpg", "png", "tif", "nii.gz", "nrrd", "mha")]
    run("diagnose", out / "m.safetensors", *images, "--json", out / "d.json", "--overlays", out / "o")
    for image in images:
        run("inspect", image, "--picture", out / f"{image.name}.png")
        run("inspect", image, "--phi")
        run("explain", out / "m.safetensors", image, "--html", out / f"{image.name}.html")
    found = [p for p in home.rglob("*") if p.is_file() and not p.is_relative_to(home / "study")]
    assert {".safetensors", ".png", ".json", ".html", ".txt", ".npy"} <= {path.suffix for path in found}
    assert [leak for path in found for leak in planted.leaks(path)] == []
    told = "".join(path.read_text() for path in (home / "logs").iterdir())
    for word in ("exif", "Patient", "descrip", "extension: comment", "content", "patientname"):
        assert word in told


def test_the_files_do_hold_the_words_that_are_searched_for(hospital):
    home, _ = hospital
    for path in sorted((home / "study").rglob("*.*")):
        assert planted.leaks(path), path.name
