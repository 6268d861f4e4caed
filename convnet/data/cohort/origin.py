"""What decoded pixels depend on beside the file: the source of every module that decodes, and its libraries."""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

DECODERS = (
    *("pydicom", "numpy", "scipy", "pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "pyjpegls"),
    *("pillow", "imagecodecs", "nibabel", "pynrrd"),
)
PIPELINE = "convnet.data.reading.labelled"  # what a worker is asked for, and what is kept of its answer


@cache
def origin() -> str:
    """Return a hash of the pipeline's sources and of the versions of the libraries that it decodes with."""
    sha = hashlib.sha256()
    for name, source in sorted(sources(PIPELINE).items()):
        sha.update(name.encode() + b"\0" + source.read_bytes())
    for name in DECODERS:
        try:
            sha.update(f"{name} {metadata.version(name)}\n".encode())
        except metadata.PackageNotFoundError:
            sha.update(f"{name} none\n".encode())
    return sha.hexdigest()


def sources(module: str) -> dict[str, Path]:
    """Return the file of `module` and of every module of ours that it imports, at once or when it runs."""
    found: dict[str, Path] = {}
    ahead = [module]
    while ahead:
        name = ahead.pop()
        path = None if name in found else _file(name)
        if path is None:
            continue
        found[name] = path
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom) and node.module:
                ahead += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                ahead += [alias.name for alias in node.names]
    return found


def _file(name: str) -> Path | None:
    """Return the file of one of our modules; None for other packages' modules and for a name that is no module."""
    package, _, _ = name.partition(".")
    if package not in ("convnet", "kernels"):
        return None
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:  # `name` is a function or class of a module
        return None
    return Path(spec.origin) if spec and spec.origin else None
