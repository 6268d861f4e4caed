"""Decoded images on disk: what was read once is not decoded again, and a cohort need not fit into memory.

A folder of the user's own cache, for each way of preparing pixels:

    00000.npy, 00001.npy ...   (rows, H, W, channels) float32, 32 MiB each
    index.db                   SQLite: content of a file (keyed hash) -> its rows, and what its header says (`facts`)

A file is known by a keyed hash of its bytes, so a changed file is decoded anew, and nothing here names a patient, a
path or a file. The folder's name depends on the pipeline's source, on the libraries that decode, and on the key.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_path

from convnet.data.cohort.origin import origin
from convnet.data.errors import CohortError
from convnet.data.limits import open_regular
from convnet.data.preparation import Preparation
from convnet.data.pseudonyms import key

SHARD = 2**25  # bytes of pixels in one .npy file
RESIDENT = 2**27  # bytes of mapped pixels that stay in memory between two reads
AROUND = 2**16  # bytes that Linux maps around a touched page (fault_around_bytes)


def root() -> Path:
    """Where decoded images are kept; FORMULA_CONVNET_IMAGES names another folder than the user's cache."""
    named = os.environ.get("FORMULA_CONVNET_IMAGES")
    return Path(named) if named else user_cache_path("formula-convnet", appauthor=False) / "images"


class Store:
    """Images of one size, prepared in one way. `with Store.open(preparation) as store: ...`"""

    def __init__(self, folder: Path, size: int, channels: int = 1) -> None:
        self.folder, self.shape = folder, (size, size, channels)
        self.bytes = 4 * size * size * channels
        self.rows = max(1, SHARD // self.bytes)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.name == "posix" and (folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o022):
            raise ValueError(f"{folder}: belongs to, or can be written by, another user: set FORMULA_CONVNET_IMAGES")
        self.index = sqlite3.connect(folder / "index.db", timeout=60, isolation_level=None, check_same_thread=False)
        self.index.execute("PRAGMA journal_mode=WAL")
        self.index.execute("PRAGMA synchronous=NORMAL")  # a lost end of it costs decoding anew, nothing else
        self.lock = threading.Lock()
        self.index.execute("CREATE TABLE IF NOT EXISTS space (next INTEGER)")
        self.index.execute(
            "CREATE TABLE IF NOT EXISTS files (content BLOB PRIMARY KEY, first INTEGER, frames INTEGER, facts TEXT)"
        )
        self.waiting: list[tuple[bytes, int, int, str]] = []
        self.touched: set[Path] = set()
        self.written = time.monotonic()

    @classmethod
    def open(cls, preparation: Preparation) -> Store:
        """Return the store for one way of preparing pixels. Raises ValueError or OSError if it cannot be kept."""
        if preparation.size is None:
            raise ValueError("load_folder: decoded images are kept on disk in one size: give a size, or cache=False")
        how = json.dumps([origin(), *astuple(preparation)]).encode()
        name = hashlib.sha256(key() + how).hexdigest()[:24]
        return cls(root() / name, preparation.size, preparation.channels)

    def takes(self, image: np.ndarray) -> bool:
        """Is it of this store's shape? Electrocardiograms are not: they are small, and not kept on disk."""
        return image.shape in (self.shape, self.shape[:2])

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.commit()
        with self.lock:
            self.index.close()

    @staticmethod
    def content(path: os.PathLike[str], most: int) -> bytes:
        """What a file of up to `most` bytes is known by: a keyed hash (BLAKE2b). Raises DicomError, OSError."""
        sha = hashlib.blake2b(key=key()[:64], digest_size=24)
        with open_regular(path, most) as file:
            while piece := file.read(2**18):
                sha.update(piece)
        return sha.digest()

    def find(self, content: bytes) -> tuple[range, dict[str, Any]] | None:
        """(rows, facts) of a file with this content, or None."""
        with self.lock:
            query = "SELECT first, frames, facts FROM files WHERE content = ?"
            row = self.index.execute(query, (content,)).fetchone()
        return None if row is None else (range(row[0], row[0] + row[1]), json.loads(row[2]))

    def add(self, content: bytes | None, images: Iterable[np.ndarray], facts: dict[str, Any]) -> range:
        """Keep a file's images -> their rows, for this run alone where `content` is None.

        Else they are in the index, for this run and the next, after `commit`.
        """
        frames = [np.ascontiguousarray(image, "<f4").reshape(self.shape) for image in images]
        first = self._claim(len(frames))
        for row, frame in enumerate(frames, first):
            self._write(row, frame)
        if content is not None:
            self.waiting.append((content, first, len(frames), json.dumps(facts)))
        if len(self.waiting) >= 512 or time.monotonic() - self.written > 2:
            self.commit()
        return range(first, first + len(frames))

    def commit(self) -> None:
        """Make sure that the pixels are on disk, then name them in the index: a row never points at nothing."""
        for path in self.touched:
            with path.open("rb+") as file:
                os.fsync(file.fileno())
        self.touched.clear()
        with self.lock:
            self.index.execute("BEGIN IMMEDIATE")
            self.index.executemany("INSERT OR IGNORE INTO files VALUES (?, ?, ?, ?)", self.waiting)
            self.index.execute("COMMIT")
        self.waiting.clear()
        self.written = time.monotonic()

    def _claim(self, n: int) -> int:
        """The first of n rows that are nobody else's, also among several runs at once."""
        with self.lock:
            self.index.execute("BEGIN IMMEDIATE")
            row = self.index.execute("SELECT next FROM space").fetchone() or (0,)
            self.index.execute("INSERT OR REPLACE INTO space (rowid, next) VALUES (1, ?)", (row[0] + n,))
            self.index.execute("COMMIT")
        return int(row[0])

    def shard(self, number: int) -> Path:
        return self.folder / f"{number:05d}.npy"

    def _write(self, row: int, frame: np.ndarray) -> None:
        path = self.shard(row // self.rows)
        if not path.exists():
            self._begin(path)
        with path.open("rb+") as file:
            start, _ = header(file)
            file.seek(start + self.bytes * (row % self.rows))
            file.write(frame.tobytes())
        self.touched.add(path)

    def _begin(self, path: Path) -> None:
        """An empty .npy file of full length: the system keeps no room for what is not written."""
        draft = path.with_suffix(f".{os.getpid()}")
        with draft.open("wb") as file:
            shape = (self.rows, *self.shape)
            np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
            file.truncate(file.tell() + self.bytes * self.rows)
        try:
            os.link(draft, path)  # not replace: another run may have begun it
        except FileExistsError:
            pass
        finally:
            draft.unlink()

    def images(self, rows: np.ndarray) -> Images:
        """These rows as images that are read when they are asked for."""
        self.commit()
        return Images([self.shard(i) for i in range(int(rows.max(initial=-1)) // self.rows + 1)], rows, self)


def unusable(error: Exception) -> CohortError:
    """The error for kept images that are damaged, locked, or gone."""
    return CohortError(f"kept images cannot be used ({error}): delete the folder {root()}, or use --no-cache")


def header(file: Any) -> tuple[int, tuple[int, ...]]:
    """(where the numbers of a .npy file begin, its shape)."""
    np.lib.format.read_magic(file)
    shape, _, _ = np.lib.format.read_array_header_1_0(file)
    return file.tell(), shape


class Images:
    """(N, H, W, C) float32 on disk, indexed on its first axis like an array: a number, a slice, or an array of numbers.

    What an index names is copied into memory, and nothing else stays there beyond `RESIDENT` bytes.
    `select` gives other Images without reading any; `np.asarray` reads all.
    """

    def __init__(self, paths: list[Path], rows: np.ndarray, store: Store) -> None:
        self.rows = np.asarray(rows, np.int64)
        self.each, self.bytes = store.rows, store.bytes
        self.shape, self.dtype = (len(self.rows), *store.shape), np.dtype(np.float32)
        self.ndim, self.paths = len(self.shape), paths
        self.maps: dict[int, tuple[mmap.mmap, np.ndarray]] = {}
        self.read = 0

    def __len__(self) -> int:
        return len(self.rows)

    def select(self, index: Any) -> Images:
        """The images at these places, not read yet; mapped files are shared."""
        other = object.__new__(Images)
        other.__dict__ = {**self.__dict__, "rows": self.rows[index]}
        other.shape = (len(other.rows), *self.shape[1:])
        return other

    def __getitem__(self, index: Any) -> np.ndarray:
        if isinstance(index, tuple):
            return self[index[0]][index[1:] if np.ndim(self.rows[index[0]]) == 0 else (slice(None), *index[1:])]
        rows = self.rows[index]
        out = np.empty((*rows.shape, *self.shape[1:]), np.float32)
        for at, row in np.ndenumerate(rows):
            out[at] = self._mapped(int(row) // self.each)[int(row) % self.each]
        self.read += rows.size * (self.bytes + AROUND)
        if self.read > RESIDENT:
            self._forget()
        return out

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:] if dtype is None else self[:].astype(dtype)

    def _mapped(self, number: int) -> np.ndarray:
        if number not in self.maps:
            try:
                with self.paths[number].open("rb") as file:
                    start, shape = header(file)
                    whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                self.maps[number] = whole, np.frombuffer(whole, "<f4", offset=start).reshape(shape)
            except (OSError, ValueError) as error:
                raise unusable(error) from None
        return self.maps[number][1]

    def _forget(self) -> None:
        """Give the pages back; the system's own cache of the files is not touched."""
        self.read = 0
        if hasattr(mmap, "MADV_DONTNEED"):
            for whole, _ in self.maps.values():
                whole.madvise(mmap.MADV_DONTNEED)
        else:  # Windows: mapped anew when they are asked for again
            self.maps.clear()
