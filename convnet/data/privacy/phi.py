"""Which elements of a file may identify a patient: the list of PS3.15 Annex E, and what it cannot list.

phi.csv holds the tags and the actions of the Basic Application Level Confidentiality Profile, table E.1-1 of PS3.15,
edition 2026c, as listed by dicom-anonymizer 2.1.0 (KitwareMedical, BSD-3-Clause). An x in a tag stands for any digit.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from convnet.data.dicom.parse import read_header

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

EDITION = "PS3.15 2026c, table E.1-1"
DEEPEST = 100  # sequences within sequences; PS3.3 needs about ten
# what the profile does with an element (PS3.15 table E.1-1a)
ACTIONS = {
    "D": "to be replaced",
    "Z": "to be emptied or replaced",
    "X": "to be removed",
    "U": "to be given a new UID",
    "P": "private: to be removed unless known to be safe",
}
PIXELS = (
    "text that is burned into the pixels, and a face that can be made of slices, are not in any header: this list "
    "cannot see them. Look at the pictures"
)


@cache
def table() -> tuple[dict[str, str], dict[str, str]]:
    """({tag: action}, {tag with x: action}); a tag is eight hexadecimal digits."""
    lines = (files("convnet.data.privacy") / "phi.csv").read_text(encoding="utf-8").split()[1:]
    rows = dict(line.split(",") for line in lines)
    return {t: a for t, a in rows.items() if "x" not in t}, {t: a for t, a in rows.items() if "x" in t}


def action(tag: int) -> str | None:
    """Return the profile's action for a tag: one letter, several if it depends on the IOD, None if it may stay."""
    name = f"{tag:08X}"
    exact, masked = table()
    if name in exact:
        return exact[name]
    for mask, found in masked.items():
        if all(m in ("x", c) for m, c in zip(mask, name, strict=True)):
            return found
    return "P" if tag >> 16 & 1 else None


def identifying(path: str | os.PathLike[str], dummy: str | None = None) -> dict[str, Any]:
    """Return {elements: [{tag, name, action, where, count}], removed, burned_in, preamble}: never a value.

    elements   those of the list that are not empty, at any depth; where: the sequences around them
    removed    what the file says of itself (Patient Identity Removed): "YES", "NO" or None
    burned_in  what it says of text in its pixels (Burned In Annotation)
    preamble   are there bytes other than 0 before its header?
    dummy      a pattern of texts that stand for none: elements that hold one are left out
    Raises DicomError.
    """
    ds = read_header(path, pixels=False)
    found: dict[tuple[int, str], int] = {}
    for tag, where in (*elements(ds.file_meta, (), dummy), *elements(ds, (), dummy)):
        if action(tag) is not None:
            found[tag, where] = found.get((tag, where), 0) + 1
    listed = [
        {"tag": f"({t >> 16:04X},{t & 0xFFFF:04X})", "name": name(t), "action": action(t), "where": where, "count": n}
        for (t, where), n in found.items()
    ]
    preamble = getattr(ds, "preamble", None)
    return {
        "elements": listed,
        "removed": said(ds, "PatientIdentityRemoved"),
        "burned_in": said(ds, "BurnedInAnnotation"),
        "preamble": bool(preamble and any(preamble)),
    }


def elements(ds: Dataset, above: tuple[str, ...], dummy: str | None) -> Iterator[tuple[int, str]]:
    """Yield (tag, the sequences around it) of every element that is not empty, in the file's order."""
    for tag in sorted(ds.keys()):
        element = converted(ds, tag)
        if element is None:  # damaged: whatever it holds, it is there
            yield int(tag), " > ".join(above)
            continue
        if not is_empty(element) and not (dummy and re.fullmatch(dummy, str(element.value))):
            yield int(tag), " > ".join(above)
        if element.VR == "SQ" and len(above) < DEEPEST:
            for item in element.value or ():
                yield from elements(item, (*above, name(int(tag))), dummy)


def converted(ds: Dataset, tag: Any) -> DataElement | None:
    """Return the element, None if its bytes cannot be read as its VR says."""
    try:
        return ds[tag]
    except MemoryError:
        raise
    except Exception:  # each VR fails in its own way
        return None


def is_empty(element: DataElement) -> bool:
    """Return True if an element has no value."""
    value = element.value
    return value is None or (hasattr(value, "__len__") and len(value) == 0)


def name(tag: int) -> str:
    """Return the name of an element in PS3.6; a private one's is free text, and not repeated."""
    from pydicom.datadict import dictionary_description

    if tag >> 16 & 1:
        return "private element"
    try:
        return dictionary_description(tag)
    except KeyError:
        return "unknown element"


def said(ds: Dataset, keyword: str) -> str | None:
    """Return YES or NO, or None if the file says nothing or anything else."""
    value = converted(ds, keyword) if keyword in ds else None
    text = str(value.value).strip() if value is not None else ""
    return text if text in ("YES", "NO") else None


def told(result: dict[str, Any]) -> list[str]:
    """Return the result as text; `result` may also be of a file that is not DICOM (`kinds.identify`)."""
    if "fields" in result:
        names = ", ".join(result["fields"]) or "nothing"
        return [f"{result['kind']}, which holds beside its pixels: {names}; values are not shown", f"{PIXELS}"]
    lines = []
    for e in result["elements"]:
        does = " or ".join(ACTIONS.get(letter[0], letter) for letter in e["action"].split("/"))
        inside = f", in {e['where']}" if e["where"] else ""
        times = f" ({e['count']} times)" if e["count"] > 1 else ""
        lines.append(f"{e['tag']} {e['name']}{inside}{times}: {does}")
    lines.append(f"{len(lines)} elements that may identify the patient are filled ({EDITION}); values are not shown")
    if result["preamble"]:
        lines.append("the 128 bytes before the header are not all 0: they may hold anything")
    silent = "says nothing"
    lines.append(f"Patient Identity Removed: the file {says(result['removed']) or silent}")
    lines.append(f"Burned In Annotation: the file {says(result['burned_in']) or silent}; {PIXELS}")
    lines.append(
        "a free text that names a patient may stand in any other element too: this is a list of places to look"
    )
    return lines


def says(value: str | None) -> str | None:
    """Return what a file says of itself, in words; None for nothing."""
    return None if value is None else f"says {value}"
