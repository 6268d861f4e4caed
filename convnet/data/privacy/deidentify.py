"""De-identification by deid (https://github.com/pydicom/deid), told what PS3.15 table E.1-1 lists; then a second look.

We do not de-identify: deid does, in a worker, by a recipe made of the table. `phi.identifying` lists what is left.
Neither is a claim that a file conforms to a profile of PS3.15, or that nobody can be identified by it.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import os
from typing import Any

import numpy as np

from convnet.data.dicom.parse import read_header
from convnet.data.errors import DicomError
from convnet.data.privacy import phi

DATES = ("DA", "TM", "DT", "AS")
TEXTS = ("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT")


DUMMY = r"REMOVED|patient-[0-9A-F]{16}"


def recipe() -> str:
    """The table as a recipe of deid: remove, blank, or replace; UIDs by a function of the key."""
    from pydicom.datadict import dictionary_VR

    lines = ["FORMAT dicom", "", "%header", ""]
    for tag, action in phi.table()[0].items():
        try:
            vr = dictionary_VR(int(tag, 16))
        except KeyError:
            vr = "UN"
        if tag in ("00100010", "00100020"):  # one name a patient: images of one must not part into two splits
            lines.append(f"REPLACE {tag} func:new_name")
        elif "U" in action:
            lines.append(f"REPLACE {tag} func:new_uid")
        elif action == "X":
            lines.append(f"REMOVE {tag}")
        elif "D" in action and "Z" not in action and vr in TEXTS:
            lines.append(f"REPLACE {tag} REMOVED")
        elif "Z" in action or vr in (*DATES, *TEXTS):
            lines.append(f"BLANK {tag}")
        else:
            lines.append(f"REMOVE {tag}")
    return "\n".join(lines) + "\n"


def new_uid(old: str, key: bytes) -> str:
    """The same new UID for the same old one, under one key: '2.25.' and 122 bits of HMAC-SHA-256 (PS3.5 B.2)."""
    digest = hmac.new(key, f"uid\0{old}".encode(errors="replace"), hashlib.sha256).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big') >> 6}"


def deidentified(path: str | os.PathLike[str], recipe_path: str, key: str) -> np.ndarray:
    """The bytes of the file after deid, as uint8; private elements and the preamble are gone.

    key: hexadecimal, of the new UIDs. Raises DicomError where deid fails on the file.
    """
    from deid.config import DeidRecipe
    from deid.dicom.parser import DicomParser

    ds = read_header(path)
    secret = bytes.fromhex(key)

    def replaced(item: Any, value: Any, field: Any, dicom: Any) -> Any:
        old = field.element.value
        return [new_uid(u, secret) for u in old] if isinstance(old, (list, tuple)) else new_uid(str(old), secret)

    def renamed(item: Any, value: Any, field: Any, dicom: Any) -> str:
        digest = hmac.new(secret, f"patient\0{patient}".encode(errors="replace"), hashlib.sha256).hexdigest()
        return f"patient-{digest[:16].upper()}" if patient else ""

    try:
        patient = str(ds.get("PatientID") or "").strip()
        parser = DicomParser(ds, recipe=DeidRecipe(recipe_path), disable_skip=True)
        parser.define("new_uid", replaced)
        parser.define("new_name", renamed)
        parser.parse(remove_private=True)
        out = parser.dicom
        out.preamble = b"\0" * 128
        if "SOPInstanceUID" in out:
            out.file_meta.MediaStorageSOPInstanceUID = out.SOPInstanceUID
        for tag in sorted(out.keys()):
            if phi.action(tag) == "X":  # the groups that a recipe cannot name: 50xx, 60xx
                del out[tag]
        out.PatientIdentityRemoved = "YES"
        out.DeidentificationMethod = "deid by PS3.15 table E.1-1; no profile is claimed"
        buffer = io.BytesIO()
        out.save_as(buffer, enforce_file_format=True)
    except (DicomError, MemoryError):
        raise
    except Exception as error:  # in deid, or in writing what it left
        raise DicomError(path, f"deid cannot treat it ({type(error).__name__})") from None
    return np.frombuffer(buffer.getvalue(), np.uint8)
