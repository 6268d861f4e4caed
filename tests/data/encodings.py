"""What can be read: every transfer syntax and photometric interpretation tried, as the table in convnet/data/dicom.

python -m tests.data.encodings          prints the table
python -m tests.data.encodings --write  writes it into that folder's README.md
"""

from __future__ import annotations

import re
import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom._uid_dict import UID_dictionary
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder
from pydicom.uid import UID, ExplicitVRBigEndian

from convnet.data import dicom
from tests.data import pictures

ENCODED = Path(__file__).parent / "encoded"
README = Path(dicom.__file__).with_name("README.md")
BEGIN, END = "<!-- encodings: python -m tests.data.encodings --write -->", "<!-- encodings end -->"

COLUMNS = {
    "MONOCHROME": ("MONOCHROME1", "MONOCHROME2"),
    "PALETTE COLOR": ("PALETTE COLOR",),
    "RGB": ("RGB",),
    "YBR_FULL": ("YBR_FULL",),
    "YBR_FULL_422": ("YBR_FULL_422",),
    "YBR_RCT": ("YBR_RCT",),
    "YBR_ICT": ("YBR_ICT",),
}
MONO = ("MONOCHROME1", "MONOCHROME2")
PLAIN = (*MONO, "PALETTE COLOR", "RGB", "YBR_FULL")
NATIVE = (*PLAIN, "YBR_FULL_422")
# which interpretations each syntax may have (PS3.5 8.2), and the file names of those that pydicom cannot write
SYNTAXES = {
    "1.2.840.10008.1.2": NATIVE,
    "1.2.840.10008.1.2.1": NATIVE,
    "1.2.840.10008.1.2.1.99": NATIVE,
    "1.2.840.10008.1.2.2": NATIVE,
    "1.2.840.10008.1.2.5": PLAIN,
    "1.2.840.10008.1.2.4.50": (*MONO, "RGB", "YBR_FULL", "YBR_FULL_422"),
    "1.2.840.10008.1.2.4.51": MONO,
    "1.2.840.10008.1.2.4.57": PLAIN,
    "1.2.840.10008.1.2.4.70": PLAIN,
    "1.2.840.10008.1.2.4.80": PLAIN,
    "1.2.840.10008.1.2.4.81": (*MONO, "RGB", "YBR_FULL"),
    "1.2.840.10008.1.2.4.90": (*PLAIN, "YBR_RCT"),
    "1.2.840.10008.1.2.4.91": (*MONO, "RGB", "YBR_FULL", "YBR_RCT", "YBR_ICT"),
    "1.2.840.10008.1.2.4.201": (*MONO, "PALETTE COLOR", "RGB", "YBR_RCT"),
    "1.2.840.10008.1.2.4.202": (*MONO, "PALETTE COLOR", "RGB", "YBR_RCT"),
    "1.2.840.10008.1.2.4.203": (*MONO, "RGB", "YBR_ICT"),
}
FIXTURES = {
    "1.2.840.10008.1.2.4.50": "jpeg-baseline",
    "1.2.840.10008.1.2.4.51": "jpeg-extended",
    "1.2.840.10008.1.2.4.57": "jpeg-lossless",
    "1.2.840.10008.1.2.4.70": "jpeg-lossless-sv1",
    "1.2.840.10008.1.2.4.201": "htj2k-lossless",
    "1.2.840.10008.1.2.4.202": "htj2k-lossless-rpcl",
    "1.2.840.10008.1.2.4.203": "htj2k",
}
LOSSY = {f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 81, 91, 203)}
OTHER_COLOURS = ("HSV", "ARGB", "CMYK", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "XYB")
SHORT = {"Non-Hierarchical, First-Order Prediction (Process 14 [Selection Value 1])": "Process 14 SV1"}


def file(syntax: str, photometric: str, folder: Path) -> Path:
    """A file of the picture in that encoding."""
    if syntax in FIXTURES:
        return ENCODED / f"{FIXTURES[syntax]}.{photometric.replace(' ', '_')}.dcm"
    uid, path = UID(syntax), folder / f"{syntax}.{photometric}.dcm"
    inside = photometric in ("YBR_RCT", "YBR_ICT")  # JPEG 2000 turns RGB into these itself
    ds = pictures.native("RGB" if inside else photometric)
    if uid.is_encapsulated:
        options = {"j2k_psnr": [60]} if syntax.endswith(".91") else {"jls_error": 2} if syntax.endswith(".81") else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if inside:
                ds.PhotometricInterpretation = photometric
            if photometric == "YBR_RCT":  # a reversible code stream, which the irreversible syntax may hold too
                ds.compress("1.2.840.10008.1.2.4.90")
                ds.file_meta.TransferSyntaxUID = uid
            else:
                ds.compress(uid, **options)
    else:
        ds.file_meta.TransferSyntaxUID = uid
        if syntax == ExplicitVRBigEndian and ds.BitsAllocated == 16:
            ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    ds.save_as(path, enforce_file_format=True)
    return path


def is_right(image: np.ndarray, syntax: str, photometric: str) -> bool:
    """Does a grey image show the picture: to 8-bit rounding of the colour spaces, to 2 % where the encoding loses."""
    exact = syntax not in LOSSY and not photometric.startswith("YBR_FULL")
    return bool(np.abs(image - pictures.truth(photometric)).max() <= (1e-6 if exact else 0.02))


@cache
def outcome(syntax: str, photometric: str) -> str:
    """What reads it: the packages any one of which is enough, "built in" where none is needed, or "refused"."""
    with tempfile.TemporaryDirectory() as folder:
        path = file(syntax, photometric, Path(folder))
        try:
            image = dicom.read_images(path, None)[0]
        except dicom.DicomError:
            return "refused"
        if not is_right(image, syntax, photometric):
            return "WRONG"
        decoder, ds = get_decoder(UID(syntax)), dcmread(path)
        plugins = [p for p in decoder.available_plugins if plugin_reads(decoder, ds, p, photometric)]
    if not UID(syntax).is_encapsulated or plugins == ["pydicom"]:
        return "built in"
    names = {"pylibjpeg": "openjpeg" if "2000" in UID(syntax).name else "libjpeg"}
    return ", ".join(names.get(p, p) for p in plugins)


def plugin_reads(decoder, ds, plugin: str, photometric: str) -> bool:
    """Does this plugin alone give the values that all together give?"""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            one, _ = decoder.as_array(ds, index=0, decoding_plugin=plugin)
            every, _ = decoder.as_array(ds, index=0)
    except Exception:  # each plugin fails in its own way
        return False
    return np.abs(one.astype(int) - every.astype(int)).max() <= 0.02 * (2**ds.BitsStored - 1)


def syntaxes() -> list[str]:
    """Every transfer syntax of PS3.6 that can hold pixels, in its order."""
    found = [uid for uid, facts in UID_dictionary.items() if facts[1] == "Transfer Syntax"]
    others = ("1.2.840.10008.1.2.6", "1.2.840.10008.1.2.7.3", "1.2.840.10008.1.20")  # mail, XML, audio, Papyrus
    return [uid for uid in found if not uid.startswith(others)]


def refused(syntax: str) -> bool:
    """Is a file in this syntax turned away with a reason?"""
    ds = pictures.native("MONOCHROME2")
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    ds.PixelData = encapsulate([ds.PixelData])
    ds["PixelData"].is_undefined_length = True
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.dcm"
        ds.save_as(path, enforce_file_format=True, implicit_vr=False, little_endian=True)
        try:
            dicom.read_images(path)
        except dicom.DicomError as error:
            return "is not supported" in error.reason
    return False


def refused_colour(photometric: str) -> bool:
    """Is a photometric interpretation that no table has turned away with a reason?"""
    ds = pictures.native("RGB")
    ds.PhotometricInterpretation = photometric
    if photometric in ("ARGB", "CMYK"):
        ds.SamplesPerPixel, ds.PixelData = 4, bytes(ds.Rows * ds.Columns * 4)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.dcm"
        ds.save_as(path, enforce_file_format=True)
        try:
            dicom.read_images(path)
        except dicom.DicomError as error:
            return photometric in error.reason or "cannot be decoded" in error.reason
    return False


def name(syntax: str) -> str:
    """The syntax's name, as short as it can be told from the others."""
    text = UID(syntax).name
    for long, short in SHORT.items():
        text = text.replace(long, short)
    return text.replace(" Image Compression", "").replace(" Non-Hierarchical", "").replace(",", "")


def table() -> str:
    """Return the table as Markdown."""
    lines = ["| transfer syntax | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for syntax in syntaxes():
        if syntax not in SYNTAXES:
            continue
        cells = []
        for group in COLUMNS.values():
            found = {outcome(syntax, p) for p in group if p in SYNTAXES[syntax]}
            cells.append(" / ".join(sorted(found)) or "–")
        lines.append(f"| {name(syntax)} | " + " | ".join(cells) + " |")
    rest = [s for s in syntaxes() if s not in SYNTAXES]
    assert all(map(refused, rest)), [s for s in rest if not refused(s)]
    lines += ["", "Refused, whatever the photometric interpretation: " + "; ".join(families(rest)) + "."]
    assert all(map(refused_colour, OTHER_COLOURS))
    lines += ["", f"Refused, whatever the transfer syntax: {', '.join(OTHER_COLOURS)} (retired, or only in video)."]
    return "\n".join(lines)


def families(rest: list[str]) -> list[str]:
    """The refused syntaxes, those of one family together, each with the end of its UID."""
    kinds = {
        "Encapsulated Uncompressed": r"1\.98",
        "JPEG's retired processes": r"4\.[56]\d",
        "JPEG 2000 multi-component": r"4\.9[23]",
        "JPIP (pixels on a server)": r"4\.(9[45]|20[45])",
        "MPEG2, MPEG-4 and HEVC video": r"4\.10\d(\.1)?",
        "SMPTE ST 2110 live video": r"7\.[12]",
    }
    ends = [uid.removeprefix("1.2.840.10008.1.2.") for uid in rest]
    of = {kind: [end for end in ends if re.fullmatch(pattern, end)] for kind, pattern in kinds.items()}
    assert sorted(end for found in of.values() for end in found) == sorted(ends)
    return [f"{kind} (…{', …'.join(found)})" for kind, found in of.items()]


def in_readme() -> str:
    """Return the table as README.md has it."""
    return README.read_text().partition(BEGIN)[2].partition(END)[0].strip()


if __name__ == "__main__":
    if "--write" in sys.argv:
        before, _, rest = README.read_text().partition(BEGIN)
        README.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}")
    else:
        print(table())
