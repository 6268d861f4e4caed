"""Files whose every identifying element holds a word that nothing else holds, and a search for those words."""

from __future__ import annotations

import base64
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.uid import CTImageStorage

from convnet.data.privacy.phi import table

NAME, GIVEN, DATE, TIME, NUMBER = "Zebralowitz", "Quirinus", "19370518", "041759.123", "77340918"
UID = "1.2.826.0.1.3680043.9999.424242"
TEXT = "Mnemosyne Ward 9"
CODES = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")  # NumPy's text is UTF-32
PLANTED = (NAME, GIVEN, DATE, TIME, NUMBER, UID, TEXT)
VALUES = {
    "PN": f"{NAME}^{GIVEN}",
    **dict.fromkeys(("LO", "SH", "LT", "ST", "UT", "UC", "UR", "AE"), TEXT),
    **{"DA": DATE, "TM": TIME, "DT": DATE + TIME, "UI": UID, "IS": NUMBER, "AS": "071Y", "CS": "O"},
}


def plant(path: Path, number: int) -> None:
    """Fill every element of PS3.15 table E.1-1 whose VR takes text, and some that stand in sequences or are private."""
    from pydicom.datadict import dictionary_VM, dictionary_VR

    ds = dcmread(path)
    for name in table()[0]:
        tag = int(name, 16)
        try:
            vr, vm = dictionary_VR(tag), dictionary_VM(tag)
        except KeyError:
            continue
        if tag >> 16 in (0x0000, 0x0002, 0x0004) or vr not in VALUES or not vm.startswith("1"):
            continue
        ds.add_new(tag, vr, VALUES[vr])
    ds.PatientID, ds.AccessionNumber = f"{NUMBER}{number:04d}", NUMBER
    ds.PatientName = f"{NAME}^{GIVEN}^{number}"
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"{UID}.{number}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{UID}.1.{number}", f"{UID}.2.{number}"
    item = Dataset()
    item.PatientID, item.PatientName, item.ReferencedSOPInstanceUID = NUMBER, NAME, UID
    ds.RequestAttributesSequence = [item]
    block = ds.private_block(0x0011, TEXT, create=True)
    block.add_new(1, "LO", NAME)
    ds.preamble = TEXT.encode().ljust(128, b"\0")
    ds.PatientIdentityRemoved = "NO"
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = CTImageStorage
    ds.save_as(path)


def patterns() -> list[tuple[str, bytes]]:
    """(word, bytes) of every word in UTF-8, -16 and -32 either way round, base 64 and hexadecimal, in both cases."""
    out = []
    for word in PLANTED:
        for text in {word, word.upper(), word.lower()}:
            out += [(word, text.encode(code)) for code in CODES]
            out.append((word, text.encode().hex().encode()))
            for start in range(3):  # its place in groups of three bytes changes its letters
                data = b"\0" * start + text.encode()
                whole = len(data) // 3 * 4  # letters of groups of three that are the word's alone
                out.append((word, base64.b64encode(data)[4 if start else 0 : whole]))
    dashed = f"{DATE[:4]}-{DATE[4:6]}-{DATE[6:]}"
    return [*out, (DATE, dashed.encode()), (DATE, dashed.encode("utf-16-le"))]


def leaks(path: Path) -> list[str]:
    """Every planted word in a file's name or bytes, also in what is compressed in them."""
    layers = [path.name.encode(), path.read_bytes()]
    layers += unpacked(layers[1])
    return sorted({f"{word!r} in {path.name}" for data in layers for word, found in patterns() if found in data})


def unpacked(data: bytes) -> Iterator[bytes]:
    """The members of a zip or .npz file, and every zlib or gzip stream in any other (PNG's text and pixels, PDF)."""
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                inner = archive.read(member)
                yield from (member.filename.encode(), member.comment, inner, *unpacked(inner))
        return
    if data[:8] == b"\x89PNG\r\n\x1a\n":  # pixels lie in several chunks of one stream
        chunks = re.findall(rb"IDAT", data)
        yield joined(data) if chunks else b""
    for at in (m.start() for m in re.finditer(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08", data)):
        try:
            yield zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(data[at : at + 2**24], 2**26)
        except zlib.error:
            continue


def joined(data: bytes) -> bytes:
    """What the IDAT chunks of a PNG unfold to."""
    at, body = 8, b""
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"IDAT":
            body += data[at + 8 : at + 8 + length]
        at += 12 + length
    return zlib.decompressobj().decompress(body)


def png_text(key: str, text: str) -> bytes:
    """A PNG with a compressed text chunk: what a search of plain bytes would not see."""
    from PIL import Image, PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_text(key, text, zip=True)
    out = io.BytesIO()
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(out, "PNG", pnginfo=info)
    return out.getvalue()
