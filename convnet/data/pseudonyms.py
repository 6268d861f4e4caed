"""Names for patients that only the holder of a key can tie to the patient: HMAC-SHA-256 (RFC 2104).

The key is 32 bytes or more in the file that FORMULA_CONVNET_KEY names, else in a file of the user's own that is made
when it is first needed. The same key gives the same pseudonyms, so keep it with the data and keep it secret.
Anyone who holds the key can confirm a guessed patient ID. Without it, trying all of a hospital's numbers finds
nothing, as it would for a plain hash.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import warnings
from functools import cache
from pathlib import Path

from platformdirs import user_config_path

LEAST = 32  # bytes of a key
ALONE = secrets.token_bytes(LEAST)  # where no key can be kept: one for all threads of this run


@cache
def key() -> bytes:
    """Return the key of this run. Raises ValueError for a file that cannot be read, is too short, or is open to others.

    If none is named and none can be written, it is a key for this run alone, with a warning.
    """
    named = os.environ.get("FORMULA_CONVNET_KEY")
    path = Path(named) if named else user_config_path("formula-convnet", appauthor=False) / "pseudonyms.key"
    try:
        if not named and not path.exists():
            make(path)
        data = path.read_bytes()
    except OSError as error:
        if named or path.exists():
            raise ValueError(f"{path}: the key of the pseudonyms cannot be read: {error.strerror}") from None
        warnings.warn(
            f"formula-convnet: no key can be kept in {path} ({error.strerror}): the pseudonyms of this run will not be "
            "those of the next. Set FORMULA_CONVNET_KEY to a file of 32 random bytes.",
            RuntimeWarning,
            stacklevel=2,
        )
        return ALONE
    if len(data) < LEAST:
        raise ValueError(f"{path}: the key of the pseudonyms has {len(data)} bytes: expected {LEAST} random ones")
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise ValueError(f"{path}: others can read the key of the pseudonyms: chmod 600 {path}")
    return data


def make(path: Path) -> None:
    """Write a new key, for this user alone; two runs that write it at once agree on one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(LEAST))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # not replace: the first one stays
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def shown(path: object) -> str:
    """Return a file's name as results, logs and errors show it: its pseudonym under FORMULA_CONVNET_HIDE_PATHS.

    Names of files and folders are the user's own handles, but often hold a patient's name or number.
    """
    return pseudonym("file", str(path)) if os.environ.get("FORMULA_CONVNET_HIDE_PATHS") else str(path)


def pseudonym(kind: str, value: str) -> str:
    """Return 80 bits of HMAC-SHA-256(key, kind, value) in base 32: 'patient-7Q...'; "" for ""."""
    if not value:
        return ""
    digest = hmac.new(key(), f"{kind}\0{value}".encode(errors="surrogatepass"), hashlib.sha256).digest()
    return f"{kind}-{base64.b32encode(digest[:10]).decode()}"
