"""Where compiled kernels are kept: files that only their user can have written, each whole and unchanged.

The files are pickles, which run code when they are read. So a folder is refused in which another user could put a file,
or whose place another user could give to a folder of theirs; and a file is read only if its checksum is right.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import stat
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import llvmlite
import numba
from platformdirs import user_cache_path

# settings of Numba's that change the machine code: kernels of one setting are no use under another
_SETTINGS = (
    *("BOUNDSCHECK", "OPT", "DEBUGINFO_DEFAULT", "DEBUG_ARRAY_OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "ENABLE_AVX"),
    *("EXTEND_VARIABLE_LIFETIMES", "NRT_STATS", "ENABLE_PROFILING", "LLVM_PASS_TIMINGS"),
)
_CHECKSUM = hashlib.sha256().digest_size

# held while a file is written: who ends a process from another thread waits for it
SAVING = threading.Lock()


@cache
def folder() -> Path | None:
    """Return where compiled kernels are kept; None, with one warning, if no safe, writable folder can be had.

    FORMULA_CONVNET_CACHE or NUMBA_CACHE_DIR name another parent than the user's cache folder. FORMULA_CONVNET_HELPER=0
    keeps a second process from filling it (ahead.py).
    """
    parent = os.environ.get("FORMULA_CONVNET_CACHE") or os.environ.get("NUMBA_CACHE_DIR")
    path = Path(parent or user_cache_path("formula-convnet", appauthor=False)).absolute() / _hash_settings()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
        if os.name == "posix":
            refuse_shared(path)
    except OSError as error:
        warnings.warn(
            f"formula-convnet: compiled kernels are not kept, every process compiles anew: {error}. "
            "Set FORMULA_CONVNET_CACHE to a folder that only you can write, below folders that only you can write.",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    return path


def refuse_shared(path: Path) -> None:
    """Raise PermissionError if another user can write to the folder, or put another folder in its place."""
    status = path.stat()
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise PermissionError(f"{path} belongs to, or can be written by, another user")
    for parent in sorted({*path.parents, *path.resolve().parents}):
        status = parent.stat()
        if status.st_uid not in (0, os.getuid()):
            raise PermissionError(f"{path} lies in {parent}, which belongs to another user, who can replace it")
        if not status.st_mode & stat.S_ISVTX and (status.st_mode & 0o002 or _group_of_others(status)):
            raise PermissionError(f"{path} lies in {parent}, in which other users can replace it")


def _group_of_others(status: os.stat_result) -> bool:
    """Return True if a group can write there, unless it is the user's private one, which has the user's name."""
    if not status.st_mode & 0o020:
        return False
    import grp
    import pwd

    try:
        return grp.getgrgid(status.st_gid).gr_name != pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # no such name: who is in the group cannot be known
        return True


def _hash_settings() -> str:
    """Name a folder for this Numba and the settings that it compiles under."""
    settings = [getattr(numba.config, name, None) for name in _SETTINGS]
    # code with lines for debuggers names its source by the whole path: another checkout has its own
    if getattr(numba.config, "DEBUGINFO_DEFAULT", 0):
        settings.append(str(Path(__file__).resolve().parent))
    text = f"{numba.__version__} {llvmlite.__version__} {sys.version} {settings}"
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def hash_sources(function: Callable) -> str:
    """Return a stamp of all sources that a function's machine code can depend on.

    These are its file, and the files of `kernels` that this file imports, directly or through others. All of them, if
    the function is not one of `kernels`, or holds values that any of them may have given it (a closure).
    """
    name, sources = function.__module__, _sources()
    inside = name in sources and not function.__closure__
    digest = hashlib.sha256(
        "".join(sources[each].digest for each in sorted(_reach(name) if inside else sources)).encode()
    )
    if name not in sources and os.path.isfile(function.__code__.co_filename):
        digest.update(Path(function.__code__.co_filename).read_bytes())
    return digest.hexdigest()[:20]


class _Source(NamedTuple):
    digest: str
    imports: frozenset[str]


@cache
def _sources() -> dict[str, _Source]:
    """Return the digest of every module of `kernels` that CPU code may come from, and the modules that it imports."""
    here = Path(__file__).resolve().parent
    texts = {}
    for source in sorted(here.rglob("*.py")):
        place = source.relative_to(here.parent).with_suffix("")
        if not source.name.startswith("cuda"):
            texts[".".join(place.parts).removesuffix(".__init__")] = source.read_text("utf-8")
    return {
        name: _Source(hashlib.sha256(f"{name} {text}".encode()).hexdigest(), _find_imports(text, texts.keys()))
        for name, text in texts.items()
    }


def _find_imports(text: str, modules: Collection[str]) -> frozenset[str]:
    """Return the modules that a source's import statements name, wherever they stand in it."""
    found = set(re.findall(r"^\s*import (kernels[\w.]*)", text, re.MULTILINE))
    for origin, listed in re.findall(r"^\s*from (kernels[\w.]*) import (\([^)]*\)|.*)", text, re.MULTILINE):
        names = re.findall(r"\w+", re.sub(r"\bas \w+", "", listed))
        # a name is a module of that package, or something that the package itself defines
        found |= {f"{origin}.{name}" if f"{origin}.{name}" in modules else origin for name in names}
    return frozenset(found & set(modules))


@cache
def _reach(name: str) -> set[str]:
    """Return a module with all modules that it imports, directly or through others."""
    reached, new = set[str](), {name}
    while new:
        reached |= new
        new = {other for reader in new for other in _sources()[reader].imports} - reached
    return reached


class CompiledFiles:
    """The files of one function, one for each specialisation, written whole or not at all: checksum, then pickle.

    Numba's index file would be a race: two writers can give one data file to two specialisations.
    """

    def __init__(self, path: str, base: str) -> None:
        self.path, self.base = Path(path), base

    def file(self, key: Any) -> Path:
        """Return the file of a specialisation."""
        return self.path / f"{self.base}.{hashlib.sha256(repr(key).encode()).hexdigest()[:20]}.nbc"

    def load(self, key: Any) -> Any:
        """Return what was saved; None for a missing or damaged file: the kernel is then compiled and written again."""
        try:
            content = self.file(key).read_bytes()
            if hashlib.sha256(content[_CHECKSUM:]).digest() != content[:_CHECKSUM]:
                return None
            return pickle.loads(content[_CHECKSUM:])
        except FileNotFoundError:
            return None
        except Exception:  # a file of another version can raise anything
            return None

    def save(self, key: Any, data: Any) -> None:
        """Write a specialisation's file; a warning if that fails: a full disk must not stop the computation."""
        from numba.core.serialize import dumps

        content = dumps(data)
        try:
            with SAVING, tempfile.NamedTemporaryFile(dir=self.path, delete=False) as file:
                try:
                    file.write(hashlib.sha256(content).digest() + content)
                    file.flush()
                    os.replace(file.name, self.file(key))
                except BaseException:
                    os.unlink(file.name)
                    raise
        except OSError as error:
            warnings.warn(
                f"formula-convnet: a compiled kernel could not be kept: {error}", RuntimeWarning, stacklevel=2
            )
