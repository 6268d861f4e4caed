"""PNG, JPEG, TIFF and BMP files, by a table or in folders named after classes."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from convnet.data.cohort import CohortError, load_folder
from convnet.data.errors import DicomError
from convnet.data.preparation import Preparation
from convnet.data.reading.image_file import read_source as read_source_file

GREY = (np.arange(64).reshape(8, 8) * 4).astype(np.uint8)
COLOUR = np.stack([GREY, GREY.T, 255 - GREY], axis=-1)
WHOLE = Preparation(None)


def read_picture(path, preparation):
    return read_source_file(path, preparation, None)


def saved(tmp_path, picture, name="a.png", **options):
    picture.save(tmp_path / name, **options)
    return str(tmp_path / name)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.TIFF"])
def test_grey_of_8_bits_is_itself_over_255(tmp_path, name):
    found = read_picture(saved(tmp_path, Image.fromarray(GREY), name), WHOLE)
    np.testing.assert_allclose(found[..., 0], GREY / 255, atol=1e-7)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_grey_of_16_bits_is_itself_over_65535(tmp_path, name):
    values = GREY.astype(np.uint16) * 257 + 5
    values[-1, -1] = 65535
    found = read_picture(saved(tmp_path, Image.fromarray(values), name), WHOLE)
    np.testing.assert_allclose(found[..., 0], values / 65535, atol=1e-7)


@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA"])
def test_colours_are_kept_or_become_their_luminance(tmp_path, mode):
    picture = Image.fromarray(COLOUR)
    picture = picture.quantize(256) if mode == "P" else picture.convert(mode)
    shown = np.asarray(picture.convert("RGB")) / 255
    path = saved(tmp_path, picture)
    np.testing.assert_allclose(read_picture(path, Preparation(None, channels=3)), shown, atol=1e-6)
    np.testing.assert_allclose(read_picture(path, WHOLE)[..., 0], shown @ [0.299, 0.587, 0.114], atol=1e-6)


def test_a_jpeg_is_turned_as_its_exif_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise
    found = read_picture(saved(tmp_path, Image.fromarray(GREY), "a.jpg", exif=exif, quality=100), WHOLE)
    np.testing.assert_allclose(found[..., 0], np.rot90(GREY, -1) / 255, atol=0.03)


@pytest.mark.parametrize(
    ("picture", "name", "options", "reason"),
    [
        (Image.fromarray(COLOUR).convert("CMYK"), "a.jpg", {}, "mode CMYK"),
        (Image.fromarray(GREY.astype(np.float32)), "a.tif", {}, "mode F"),
        (Image.fromarray(GREY.astype(np.int32) * 1000), "a.tif", {}, "more than 16 bits"),
        (Image.fromarray(np.dstack([COLOUR, GREY])), "a.png", {}, "transparent"),
        (Image.fromarray(GREY), "a.tif", {"save_all": True, "append_images": [Image.fromarray(GREY)]}, "2 pages"),
    ],
)
def test_what_would_be_shown_wrong_is_refused(tmp_path, picture, name, options, reason):
    with pytest.raises(DicomError, match=reason):
        read_picture(saved(tmp_path, picture, name, **options), WHOLE)


def sorted_into(tmp_path, pattern, count=20):
    for n in range(count):
        path = tmp_path / pattern.format(label="ab"[n % 2], split=("train", "Valid", "test")[n % 6 // 2], n=n)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((9, 9), 10 * n, np.uint8)).save(path)
    return tmp_path


def test_folders_named_after_classes_are_labels(tmp_path):
    found = load_folder(sorted_into(tmp_path, "{label}/deeper/{n}.png"), None, size=8)
    assert found.classes == ("a", "b")
    for path, y, image in zip(found.paths, found.y, found.x, strict=True):
        n = int(path.split("/")[-1][:-4])
        assert (path.split("/")[0], n % 2) == (found.classes[y], y)
        np.testing.assert_allclose(image, 10 * n / 255, atol=1e-6)
    assert set(found.splits) == {"train", "val", "test"}


def test_folders_of_splits_hold_folders_of_classes(tmp_path):
    found = load_folder(sorted_into(tmp_path, "{split}/{label}/{n}.png"), None, size=8)
    assert found.classes == ("a", "b")
    expected = [{"train": "train", "Valid": "val", "test": "test"}[path.split("/")[0]] for path in found.paths]
    assert found.splits == expected


def test_a_folder_without_classes_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(CohortError, match="give --labels TABLE, or sort the images as FOLDER/CLASS/image"):
        load_folder(sorted_into(tmp_path, "{n}.png"), None, size=8)


def test_a_table_may_name_pictures_and_a_window_is_not_for_them(tmp_path):
    sorted_into(tmp_path, "{n}.png")
    (tmp_path / "labels.csv").write_text("path,label\n" + "\n".join(f"{n}.png,{'ab'[n % 2]}" for n in range(20)))
    assert len(load_folder(tmp_path, tmp_path / "labels.csv", size=8, channels=3).y) == 20
    with pytest.raises(CohortError, match="--window is for DICOM files"):
        load_folder(tmp_path, tmp_path / "labels.csv", size=8, window=(5.0, 10.0))


def tiff(bits, photometric, data, width=4, height=4):
    """A TIFF file of one strip; photometric 0 shows the lowest value white."""
    fields = [(256, width), (257, height), (258, bits), (259, 1), (262, photometric), (277, 1), (278, height)]
    fields += [(273, 8 + 2 + 12 * 9 + 4), (279, len(data))]
    entries = b"".join(struct.pack("<HHII", tag, 3, 1, value) for tag, value in sorted(fields))
    return b"II*\0" + struct.pack("<IH", 8, len(fields)) + entries + bytes(4) + data


@pytest.mark.parametrize("bits", [8, 16])
def test_a_tiff_whose_lowest_value_is_white_is_inverted(tmp_path, bits):
    values = (np.arange(16) * (2**bits // 16)).astype(f"<u{bits // 8}").reshape(4, 4)
    (tmp_path / "a.tif").write_bytes(tiff(bits, 0, values.tobytes()))
    found = read_picture(str(tmp_path / "a.tif"), WHOLE)[..., 0]
    np.testing.assert_allclose(found, 1 - values / (2**bits - 1), atol=1e-7)


def test_a_tiff_of_12_bits_is_itself_over_4095(tmp_path):
    values = np.arange(16).reshape(4, 4) * 273  # 0 to 4095
    pairs = values.reshape(-1, 2)
    packed = np.stack([pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], axis=1)
    (tmp_path / "a.tif").write_bytes(tiff(12, 1, packed.astype(np.uint8).tobytes()))
    found = read_picture(str(tmp_path / "a.tif"), WHOLE)[..., 0]
    np.testing.assert_allclose(found, values / 4095, atol=1e-7)


@pytest.mark.parametrize(("kind", "channels"), [(2, 3), (4, 2), (6, 4)], ids=["RGB", "grey and alpha", "RGBA"])
def test_a_png_of_16_bits_in_several_channels_is_refused_since_8_would_be_lost(tmp_path, kind, channels):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + np.full((4, channels), 65535, ">u2").tobytes() for _ in range(4))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 16, kind, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(DicomError, match="16 bits in each of several channels"):
        read_picture(str(tmp_path / "a.png"), WHOLE)
