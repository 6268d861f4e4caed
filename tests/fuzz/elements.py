"""Damage that DICOM understands: values that contradict each other, tables that lie, files within files."""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Callable
from typing import Any

from pydicom import Dataset, dcmread, dcmwrite
from pydicom.dataelem import RawDataElement
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import AllTransferSyntaxes, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

WORDS = (0, 1, 2, 3, 7, 8, 12, 15, 16, 17, 32, 64, 255, 4096, 65535)
TEXTS = ("0", "-1", "1", "2", "1e308", "-1e308", "1e-308", "nan", "inf", "", "abc", "9" * 400, "1e999", "0x10", "1_0")
VALUES: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("Rows", "Columns", "SamplesPerPixel", "PlanarConfiguration", "PixelRepresentation"), WORDS),
    **dict.fromkeys(("BitsAllocated", "BitsStored", "HighBit", "PixelPaddingValue", "PixelPaddingRangeLimit"), WORDS),
    **dict.fromkeys(("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth"), TEXTS),
    "NumberOfFrames": ("0", "-1", "2", "3", "10000", "10001", "1000000", "2147483647", "1e9", "nan", "", "9" * 400),
    "PhotometricInterpretation": (
        *("MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT"),
        *("PALETTE COLOR", "XYB", "CMYK", "", "a" * 300),
    ),
    "PixelSpacing": (["0", "0"], ["1e-300", "1e300"], ["-1", "1"], ["20", "1"], ["1", "19.9"], ["1"], ["nan", "1"]),
    "PixelAspectRatio": (["0", "0"], ["1", "20"], ["20", "1"], ["1", "-1"], ["1"], ["2147483647", "2147483647"]),
    "VOILUTFunction": ("LINEAR", "LINEAR_EXACT", "SIGMOID", "", "x" * 100),
    "PresentationLUTShape": ("IDENTITY", "INVERSE", "", "x"),
    "Modality": ("CT", "MR", "US", "PT", "ECG", "", "\u202e"),
    "SpecificCharacterSet": ("ISO_IR 192", "ISO 2022 IR 87", "GB18030", "nonsense", ["", "ISO 2022 IR 149"], "\\\\\\"),
    "SOPClassUID": ("", "1.2.840.10008.1.3.10", "1.2.840.10008.5.1.4.1.1.2.1", "1." * 60, "x"),
    "PatientID": ("", "x" * 10000, "=cmd|' /C calc'!A0", "\u0000", "\udcff"),
    "PatientOrientation": (["L", "F"], ["", ""], ["X"]),
    "ImageOrientationPatient": (["0"] * 6, ["1", "0", "0", "0", "1", "0"], ["nan"] * 6, ["1"]),
}


def mutated(data: bytes, chance: random.Random) -> bytes:
    """1 to 4 changes of elements, written again; ValueError where the result cannot be written."""
    out = io.BytesIO()
    try:
        ds = dcmread(io.BytesIO(data), force=True)
        for _ in range(chance.choice((1, 1, 2, 3, 4))):
            chance.choice(CHANGES)(ds, chance)
        if chance.random() < 0.03:
            return bomb(ds, chance)
        dcmwrite(out, ds, enforce_file_format=False)
    except Exception as error:  # no data set, or values that pydicom will not write
        raise ValueError(str(error)) from None
    return out.getvalue()


def value(ds: Dataset, chance: random.Random) -> None:
    keyword = chance.choice(sorted(VALUES))
    setattr(ds, keyword, chance.choice(VALUES[keyword]))


def raw(ds: Dataset, chance: random.Random) -> None:
    """Any element with any VR over any bytes: read lazily, so the fault shows when the value is asked for."""
    tag = chance.choice(sorted(ds.keys())) if len(ds) else Tag(0x00280010)
    content = chance.choice((b"", b"\0", b"\xff\xff", b"12\\ab", b"\xff" * 4, chance.randbytes(chance.randrange(64))))
    vr = chance.choice(("US", "SS", "UL", "FD", "FL", "DS", "IS", "CS", "UI", "PN", "UN", "OB", "AT", "LO", "DA", "OW"))
    ds[tag] = RawDataElement(tag, vr, len(content), content, 0, False, True)


def without(ds: Dataset, chance: random.Random) -> None:
    if len(ds):
        del ds[chance.choice(sorted(ds.keys()))]


def syntax(ds: Dataset, chance: random.Random) -> None:
    """The pixels as they are, under another transfer syntax."""
    ds.file_meta.TransferSyntaxUID = chance.choice([*map(str, AllTransferSyntaxes), "1.2.3", ""])


def pixels(ds: Dataset, chance: random.Random) -> None:
    data = ds.get("PixelData")
    if not isinstance(data, bytes) or not data:
        ds.PixelData = data = b"\0" * chance.choice((2, 200, 20000))
    element = ds["PixelData"]
    element.VR = chance.choice(("OB", "OW"))
    piece = data[: chance.randrange(len(data) + 1)]
    element.value = chance.choice((piece, data + data, chance.randbytes(len(data) & ~1), data[:-1], piece * 3))
    if chance.random() < 0.3:
        try:
            count = chance.choice((1, 2, 1000))
            element.value = encapsulate([piece or b"\0\0"] * count, has_bot=chance.random() < 0.5)
            element.is_undefined_length = True
        except ValueError:
            pass


def table(ds: Dataset, chance: random.Random) -> None:
    """A look-up table or palette whose descriptor and data disagree."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [chance.choice(WORDS) for _ in range(3)])
    item.add_new("LUTData", "OW", chance.randbytes(2 * chance.choice((0, 1, 8, 256))))
    setattr(ds, chance.choice(("ModalityLUTSequence", "VOILUTSequence")), Sequence([item]))
    for colour in chance.sample(("Red", "Green", "Blue"), chance.randrange(4)):
        ds.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", [chance.choice(WORDS) for _ in range(3)])
        ds.add_new(f"{colour}PaletteColorLookupTableData", "OW", chance.randbytes(2 * chance.choice((0, 1, 8, 256))))


def groups(ds: Dataset, chance: random.Random) -> None:
    """Functional groups of an enhanced file, with items missing or of the wrong kind."""
    measures, item = Dataset(), Dataset()
    measures.PixelSpacing = chance.choice(VALUES["PixelSpacing"])
    measures.RescaleSlope, measures.WindowWidth = chance.choice(TEXTS), chance.choice(TEXTS)
    names = (
        "PixelMeasuresSequence",
        "PixelValueTransformationSequence",
        "FrameVOILUTSequence",
        "PlaneOrientationSequence",
    )
    for name in chance.sample(names, chance.randrange(1, 4)):
        setattr(item, name, chance.choice((Sequence([measures]), Sequence([]), Sequence([Dataset()]))))
    items = Sequence([item] * chance.choice((0, 1, 2, 50)))
    setattr(ds, chance.choice(("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")), items)


def nested(ds: Dataset, chance: random.Random) -> None:
    """Sequences in sequences, deeper than any parser's stack."""
    inner = b""
    for _ in range(chance.choice((3, 100, 400, 5000))):
        item = b"\xfe\xff\x00\xe0" + len(inner).to_bytes(4, "little") + inner
        inner = b"\x40\x00\x30\xa7SQ\0\0" + len(item).to_bytes(4, "little") + item  # ContentSequence
    tag = Tag("ContentSequence")
    ds[tag] = RawDataElement(tag, "UN", len(inner), inner, 0, False, True)


CHANGES: tuple[Callable[[Dataset, random.Random], None], ...] = (
    *(value, value, value, value, raw, raw, without, syntax, pixels, table, groups, nested),
)


def bomb(ds: Dataset, chance: random.Random) -> bytes:
    """A deflated file: small, and up to 400 MB when it is unfolded."""
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    plain, meta = io.BytesIO(), io.BytesIO()
    dcmwrite(plain, ds, enforce_file_format=True)
    only = Dataset()
    only.file_meta = ds.file_meta
    dcmwrite(meta, only, enforce_file_format=True)
    rest = plain.getvalue()[len(meta.getvalue()) :]
    only.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    head = io.BytesIO()
    dcmwrite(head, only, enforce_file_format=True)
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = chance.choice((0, 10**4, 10**6, 4 * 10**8))
    element = b"\xe0\x7f\x20\x00OB\0\0" + zeros.to_bytes(4, "little")
    body = engine.compress(rest + element) + b"".join(engine.compress(bytes(2**20)) for _ in range(zeros // 2**20))
    return head.getvalue() + body + engine.flush()
