"""Keras's file of weights: HDF5, in which every layer is a group and its arrays are "vars/0", "vars/1", ..."""

from __future__ import annotations

import io
from collections.abc import Mapping
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from convnet.model_file import ModelFileError

Tree = dict[str, list[np.ndarray]]  # a layer's path, "" the model itself; its arrays in order

MOST_OBJECTS = 100_000
MOST_DEPTH = 64
MOST_AXES = 8
MOST_GROWTH = 1000  # bytes in memory for one in the file
FREE = 2**20  # bytes that an array may take whatever the file's size


def require_h5py() -> ModuleType:
    """Return h5py; ImportError says how to install it."""
    try:
        import h5py
    except ImportError:
        raise ImportError(
            "Keras's files of weights need h5py: pip install h5py, or formula-convnet with the [keras] extra"
        ) from None
    return h5py


def read(source: Path | bytes, where: object) -> Tree:
    """Return all arrays of a file of weights by their layers' paths; ModelFileError for any other file.

    Links, arrays in other files, and filters that HDF5 would load as plug-ins are refused.
    """
    h5py = require_h5py()
    if isinstance(source, Path) and not source.is_file():
        raise ModelFileError(f"{where}: no such file")
    try:
        with h5py.File(io.BytesIO(source) if isinstance(source, bytes) else source, "r") as file:
            return _Reader(h5py).read(file)
    except Exception as error:  # HDF5 can fail anywhere in a damaged file, and in many ways
        raise ModelFileError(f"{where}: not Keras's file of weights, or damaged: {error}") from None


class _Reader:
    """Walks through a file's groups, counting what it meets."""

    def __init__(self, h5py: ModuleType) -> None:
        self.h5py, self.objects, self.tree = h5py, 0, Tree()

    def read(self, file: Any) -> Tree:
        self._walk(file, (), {self._identity(file)})
        return self.tree

    def _identity(self, group: Any) -> tuple[int, ...]:
        info = self.h5py.h5o.get_info(group.id)
        return info.fileno, info.addr

    def _walk(self, group: Any, path: tuple[str, ...], above: set[tuple[int, ...]]) -> None:
        if len(path) > MOST_DEPTH:
            raise ValueError(f"groups are nested more than {MOST_DEPTH} deep")
        arrays: dict[str, np.ndarray] = {}
        for name in group:
            self.objects += 1
            if self.objects > MOST_OBJECTS:
                raise ValueError(f"it holds more than {MOST_OBJECTS} groups and arrays")
            if group.get(name, getclass=True, getlink=True) is not self.h5py.HardLink:
                raise ValueError(f"{'/'.join((*path, name))} is a link to another place or file")
            item = group[name]
            if isinstance(item, self.h5py.Group):
                place = self._identity(item)
                if place in above:
                    raise ValueError(f"{'/'.join((*path, name))} holds itself")
                self._walk(item, (*path, name), above | {place})
            elif isinstance(item, self.h5py.Dataset):
                arrays[name] = self._array(item, "/".join((*path, name)))
        if path[-1:] == ("vars",):
            self.tree["/".join(path[:-1])] = _in_order(arrays)
        elif arrays:
            raise ValueError(f"{'/'.join(path) or 'the file itself'} holds arrays outside of a group 'vars'")

    def _array(self, item: Any, name: str) -> np.ndarray:
        if item.external or item.is_virtual:
            raise ValueError(f"the numbers of {name} are in another file")
        filters = item.id.get_create_plist()
        known = {self.h5py.h5z.FILTER_DEFLATE, self.h5py.h5z.FILTER_SHUFFLE, self.h5py.h5z.FILTER_FLETCHER32}
        if not known.issuperset(filters.get_filter(i)[0] for i in range(filters.get_nfilters())):
            raise ValueError(f"{name} is packed with a filter that only a plug-in unpacks")
        if item.dtype.kind not in "fiu" or len(item.shape) > MOST_AXES:
            raise ValueError(f"{name} is {item.dtype} of shape {item.shape}, no array of numbers")
        stated = prod(item.shape) * item.dtype.itemsize
        if stated > FREE and stated > MOST_GROWTH * item.id.get_storage_size():
            raise ValueError(f"{name} states {stated:,} bytes and holds {item.id.get_storage_size():,}")
        if item.attrs.get("dtype") == "bfloat16":
            raise ValueError(f"{name} is bfloat16: save the model as float32")
        return item[()] if item.shape else np.asarray(item[()])


def _in_order(arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Return the arrays "0", "1", "2" ...; other names only if all of them have names, as their order."""
    if all(name.isdecimal() for name in arrays):
        return [arrays[name] for name in sorted(arrays, key=int)]
    return list(arrays.values())


def pack(tree: Mapping[str, list[np.ndarray]], names: Mapping[str, str]) -> bytes:
    """Return the bytes of a file of weights; `names` are the layers' own, which Keras notes beside them."""
    h5py = require_h5py()
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for path, arrays in tree.items():
            group = file.create_group(f"{path}/vars" if path else "vars")
            group.attrs["name"] = names[path]
            for number, array in enumerate(arrays):
                group[str(number)] = array
    return content.getvalue()
