"""What can be refused before any work: paths that cannot be written, sizes that a network cannot take."""

from __future__ import annotations

import os
from pathlib import Path

MOST_WEIGHTS = 50_000_000  # with gradients and Adam's moments 800 MB


def check_file(option: str, path: Path | None) -> None:
    """ValueError where a file could not be written, before hours were spent on what would go into it."""
    if path is None or str(path) == "-":
        return
    if path.is_dir():
        raise ValueError(f"{option} {path} is a folder: give a file's name")
    if not path.parent.is_dir():
        raise ValueError(f"{option} {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise ValueError(f"{option} {path}: you may not write to {path.parent}")


def check_folder(folder: Path | None, option: str = "--figures") -> None:
    """ValueError where a folder to write to is a file."""
    if folder is not None and folder.exists() and not folder.is_dir():
        raise ValueError(f"{option} {folder} is a file: give a folder")


def check_size(network: str, size: int) -> None:
    """ValueError where a network cannot take images of this size, before any is read."""
    from convnet.study.networks import smallest_size, weights_at

    if (least := smallest_size(network)) > size:
        raise ValueError(f"--size {size} is too small for the network {network}: it needs {least} or more")
    if (weights := weights_at(network, size)) > MOST_WEIGHTS:
        raise ValueError(
            f"--size {size} would give the network {network} {weights / 1e6:.0f} million weights: use --network gap"
        )
