"""Pictures, arrays, tables and recipes from strangers: size, time and kind are bounded before anything is believed."""

import io
import os
import struct
import zipfile
import zlib

import numpy as np
import pytest
import typer

from convnet.commands.recipe import read_config
from convnet.data import cohort
from convnet.data.arrays import read_npy
from convnet.data.cohort.table import read_table
from convnet.data.errors import CohortError, DicomError
from convnet.data.limits import Limits
from convnet.data.preparation import Preparation
from convnet.data.reading.image_file import read_image
from convnet.data.reading.readers import Readers
from convnet.explain.lessons.image import read
from tests.explain import models

PLAIN = Preparation(28).to_plain()
SMALL = Limits(memory=2**28, seconds=5)


def in_worker(path, pick=None, limits=SMALL):
    """`read_image` as `convnet explain` calls it."""
    with Readers(limits, workers=1) as readers:
        ((image, label),) = readers.read(read_image, path, PLAIN, pick, 0)
    return image, label


def png(width, height):
    """A PNG whose header claims a size, and whose rows are zeros that compress to almost nothing."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compressobj(9)
    data = b"".join(rows.compress(bytes(width + 1)) for _ in range(min(height, 2000))) + rows.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def npy(shape, dtype="|u1", data=b"", fortran=False):
    """The bytes of a .npy file whose header may lie."""
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": dtype, "fortran_order": fortran, "shape": shape})
    return out.getvalue() + data


def test_explain_decodes_no_file_in_the_calling_process(tmp_path, monkeypatch):
    from PIL import Image

    Image.fromarray(np.zeros((28, 28), np.uint8)).save(tmp_path / "a.png")
    np.save(tmp_path / "a.npy", np.zeros((28, 28, 1), np.float32))
    cohort.write_dicom(cohort.from_arrays(np.zeros((1, 28, 28)), ["x"], splits=["train"]), tmp_path / "d")
    network = models.listing(2)
    monkeypatch.setattr("PIL.Image.open", lambda *_, **__: pytest.fail("opened in the calling process"))
    monkeypatch.setattr("convnet.data.dicom.pipeline.decode", lambda *_: pytest.fail("decoded in the calling process"))
    monkeypatch.setattr("numpy.load", lambda *_, **__: pytest.fail("loaded in the calling process"))
    for path in (tmp_path / "a.png", tmp_path / "a.npy", tmp_path / "d" / "train" / "00000.dcm"):
        assert read(network, path)[0].shape == (28, 28, 1)


@pytest.mark.parametrize(("width", "height"), [(40_000, 40_000), (12_000, 12_000)])
def test_a_picture_that_unfolds_to_much_is_refused_and_nothing_is_lost(tmp_path, width, height):
    (tmp_path / "bomb.png").write_bytes(png(width, height))
    with pytest.raises(DicomError, match=r"--limit (values|memory)=|Decompression"):
        in_worker(tmp_path / "bomb.png", limits=Limits(memory=2**26, seconds=20))


def test_an_image_has_the_time_and_size_that_its_limits_give(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((100, 100), np.float32))
    with pytest.raises(DicomError, match="--limit file="):
        in_worker(tmp_path / "a.npy", limits=Limits(file=1000))
    with pytest.raises(DicomError, match="--limit values="):
        in_worker(tmp_path / "a.npy", limits=Limits(values=1000))
    assert in_worker(tmp_path / "a.npy")[0].shape == (100, 100)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (npy((10**12,)), "claims an array of shape"),
        (npy((10**6, 10**6), "<f8", bytes(100)), "claims an array of shape"),
        (npy((4,), "|O", b"cos\nsystem\n"), "holds object values"),
        (npy((4,), "<U9", bytes(144)), "holds <U9 values"),
        (npy((8,), "<f4", bytes(32))[:-1], "ends after 31 bytes of an array of 32 bytes"),
        (b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535, "damaged"),
        (b"", "damaged"),
    ],
)
def test_an_array_that_claims_more_than_it_holds_or_holds_code_is_refused(tmp_path, data, words):
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(DicomError, match=r"a\.npy: ") as refused:
        read_npy(tmp_path / "a.npy")
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def archive(path, members, **claims):
    """An .npz file of raw members; each inflates to what it says."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(f"{name}.npy", data)


def medmnist(train=b""):
    """The six members of a small MedMNIST file, one of them given."""
    images, labels = npy((4, 28, 28), data=bytes(4 * 784)), npy((4, 1), data=bytes([0, 1, 0, 1]))
    members = {f"{s}_images": images for s in ("train", "val", "test")}
    members |= {f"{s}_labels": labels for s in ("train", "val", "test")}
    return {**members, "train_images": train or images}


def test_an_archive_is_bounded_by_what_it_unfolds_to(tmp_path):
    archive(tmp_path / "bomb.npz", medmnist(npy((2**17, 784), data=bytes(2**17 * 784))))
    assert (tmp_path / "bomb.npz").stat().st_size < 2**18
    limits = Limits(arrays=2**24)
    with pytest.raises(CohortError, match=r"bomb\.npz: unfolds to .* --limit arrays="):
        cohort.load_npz(tmp_path / "bomb.npz", limits=limits)
    with pytest.raises(DicomError, match="--limit arrays="):
        in_worker(tmp_path / "bomb.npz", "test[0]", limits=limits)


@pytest.mark.parametrize("train", [npy((10**9, 28, 28)), npy((4, 28, 28), "|O", b"cos\nsystem\n"), b"no array"])
def test_an_archive_with_a_lying_member_is_refused_before_memory_is_taken(tmp_path, train):
    archive(tmp_path / "a.npz", medmnist(train))
    with pytest.raises(CohortError, match=r"a\.npz: "):
        cohort.load_npz(tmp_path / "a.npz")
    with pytest.raises(DicomError, match=r"a\.npz: "):
        in_worker(tmp_path / "a.npz", "train[3]")


def test_one_image_of_an_archive_that_does_not_fit_into_memory(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (3000, 224, 224), np.uint8)  # 150 MB
    parts = {s: images if s == "test" else images[:2] for s in ("train", "val", "test")}
    labels = {f"{s}_labels": (np.arange(len(x)) % 2)[:, None] for s, x in parts.items()}
    np.savez(tmp_path / "a.npz", **{f"{s}_images": x for s, x in parts.items()}, **labels)
    image, label = in_worker(tmp_path / "a.npz", "test[2999]", Limits(memory=2**26, seconds=20))
    assert label == "1"
    assert image.shape == (28, 28, 1)
    assert image.mean() == pytest.approx(images[2999].mean() / 255, abs=1e-3)


@pytest.fixture(params=["pipe", "device", "folder"])
def endless(request, tmp_path):
    """What never ends or is no file: a pipe that nobody writes to, a device, a folder."""
    if request.param == "device":
        return "/dev/zero"
    path = tmp_path / "special.png"
    if request.param == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    return path


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices of POSIX")
def test_pipes_devices_and_folders_are_refused_at_once(endless, tmp_path):
    for refuse in (
        lambda: read_table(endless),
        lambda: read_config(typer.Context(typer.main.get_command(typer.Typer(callback=lambda: None))), endless),
        lambda: cohort.load_npz(endless),
        lambda: in_worker(endless),
    ):
        with pytest.raises(ValueError, match=r"is no file|is a folder|(?i:is a directory)"):
            refuse()


@pytest.mark.skipif(not os.path.exists("/proc/self/pagemap"), reason="a file of Linux that states no size")
def test_a_table_that_states_no_size_and_goes_on_ends_at_its_bound(monkeypatch):
    monkeypatch.setattr("convnet.data.cohort.table.MOST", 2**20)
    with pytest.raises(CohortError, match="has more than 1 MiB"):
        read_table("/proc/self/pagemap")


def test_a_recipe_is_bounded_in_size_and_depth(tmp_path):
    context = typer.Context(typer.main.get_command(typer.Typer(callback=lambda: None)))
    path = tmp_path / "recipe.toml"
    for text, words in (
        ("epochs = " + "[\n" * 100_000, "nested too deeply"),
        ("a" + ".a" * 100_000 + " = 1", "a line of more than 1000 characters"),
        ("#" * (2**20 + 1), "has more than 1 MiB"),
        ("epochs = \xff", "cannot be read as TOML"),
    ):
        path.write_bytes(text.encode("latin-1"))
        with pytest.raises(ValueError, match=words):
            read_config(context, path)
