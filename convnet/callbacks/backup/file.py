"""Kept values in one safetensors file: replaced whole or not at all, checked by SHA-256 when it is read.

Each array's name is its own checksum; the header's JSON, which names them all, has one beside it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from convnet.callbacks.backup.packing import digest, pack, unpack
from convnet.output.atomic import write_atomically

FORMAT = "formula-convnet backup 1"
_DAMAGE = (OSError, ValueError, TypeError, AttributeError, LookupError, RecursionError, MemoryError)


class BackupError(ValueError):
    """A backup that is damaged, no backup at all, or of another training."""


def write(path: Path, facts: dict[str, Any], state: Any) -> None:
    """Write what a training is (`facts`: text and numbers by name) and where it stands; OSError if that fails."""
    from safetensors.numpy import save

    tensors: dict[str, Any] = {}
    text = json.dumps({"format": FORMAT, "facts": facts, "state": pack(state, tensors)}, allow_nan=False)
    try:
        write_atomically(path, save(tensors, {"convnet": text, "sha256": _sum(text)}))
    except OSError as error:
        kept = "the backup before it is kept" if path.is_file() else "there is no backup before it"
        reason = error.strerror or str(error)
        raise OSError(
            f"{path}: the backup could not be written: {reason}; {kept}. Once that is mended, "
            "start the same training again"
        ) from None


def read(path: Path) -> tuple[dict[str, Any], Any]:
    """Return the facts and the state of a backup; BackupError with the reason for any other file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
        text = header.get("convnet", "null")
        config = json.loads(text)
        if not isinstance(config, dict) or config.get("format") != FORMAT:
            found = config.get("format") if isinstance(config, dict) else None
            raise ValueError(f"a safetensors file, but not a {FORMAT} (its format: {found!r})")
        if header.get("sha256") != _sum(text) or any(name != digest(array) for name, array in tensors.items()):
            raise ValueError("its checksum is wrong")
        facts, state = config["facts"], unpack(config["state"], tensors)
        if not isinstance(facts, dict) or not isinstance(state, dict):
            raise ValueError("other content")
    except (SafetensorError, *_DAMAGE) as error:
        raise BackupError(
            f"{path}: not a backup of a training, or damaged: {error or type(error).__name__}. Remove it to start "
            "from the beginning"
        ) from None
    return facts, state


def check_same(path: Path, facts: dict[str, Any], now: dict[str, Any]) -> None:
    """Raise BackupError that names what differs between the training of a backup and the present one."""
    if changes := [_describe(name, facts, now) for name in {**facts, **now} if facts.get(name) != now.get(name)]:
        more = f", and {len(changes) - 3} more" if len(changes) > 3 else ""
        raise BackupError(
            f"{path}: the backup is of another training: {'; '.join(changes[:3])}{more}. Repeat what it was made "
            "with, or remove it to start from the beginning"
        )


def _describe(name: str, before: dict[str, Any], now: dict[str, Any]) -> str:
    if name not in before or name not in now:
        return f"{name} is {'new' if name in now else 'gone'}"
    texts = [str(of[name]) for of in (before, now)]
    if max(map(len, texts)) > 100 or all(len(text) == 64 for text in texts):  # checksums say nothing to a reader
        return f"{name} changed"
    return f"{name} was {texts[0]}, now {texts[1]}"


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
