"""The .keras file: a zip archive of config.json, metadata.json and model.weights.h5, read with limits."""

from __future__ import annotations

import io
import json
import stat
import zipfile
import zlib
from pathlib import Path
from typing import Any

from convnet.model_file import ModelFileError

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MOST_BYTES = {CONFIG: 64 * 2**20, METADATA: 2**20, WEIGHTS: 8 * 2**30}
MOST_MEMBERS = 10_000
# Keras stores its members as they are; repacked archives shrink parameters by a tenth, JSON by a factor of 30
MOST_GROWTH = 100


def read(path: Path) -> tuple[dict[str, Any], bytes]:
    """Return an archive's configuration and its file of weights; ModelFileError for any other file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ModelFileError(f"{path}: not a file")
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MOST_MEMBERS:
                raise ValueError(f"it has {len(members)} members; up to {MOST_MEMBERS} can be read")
            text, weights = (_member(archive, name) for name in (CONFIG, WEIGHTS))
            config = json.loads(text)
    except FileNotFoundError:
        raise ModelFileError(f"{path}: no such file") from None
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, RecursionError, EOFError) as error:
        raise ModelFileError(f"{path}: not a .keras file, or damaged: {error or type(error).__name__}") from None
    if not isinstance(config, dict):
        raise ModelFileError(f"{path}: damaged .keras file: {CONFIG} is no table")
    return config, weights


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return one member, which must be there once and must not grow beyond what a model's file grows to."""
    found = [info for info in archive.infolist() if info.filename == name]
    if len(found) != 1:
        there = ", ".join(sorted({info.filename for info in archive.infolist()})[:5])
        raise ValueError(f"it must hold {name} once, found {len(found)} of it; it holds {there or 'nothing'}")
    info = found[0]
    if info.file_size > MOST_BYTES[name] or info.file_size > MOST_GROWTH * max(info.compress_size, 2**16):
        raise ValueError(f"{name} states {info.file_size:,} bytes, packed into {info.compress_size:,}")
    with archive.open(info) as member:
        content = member.read(info.file_size + 1)
    if len(content) != info.file_size:
        raise ValueError(f"{name} states {info.file_size:,} bytes and has {len(content):,}")
    return content


def pack(config: dict[str, Any], metadata: dict[str, Any], weights: bytes) -> bytes:
    """Return the bytes of a .keras file, its members stored as Keras stores them."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(METADATA, json.dumps(metadata))
        archive.writestr(CONFIG, json.dumps(config, allow_nan=False))
        archive.writestr(WEIGHTS, weights)
    return content.getvalue()
