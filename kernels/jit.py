"""Compile for the CPU: Numba under one floating-point rule, with a disk cache that never serves stale code.

Numba's own cache does not see a change in an imported file, so ours lives in a folder named after a hash of all
our sources and Numba's version. It is per user, and not used where another user could write: its files are pickles.
"""

import hashlib
import os
import pickle
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, NullCache, _CacheLocator
from platformdirs import user_cache_path

from kernels.numba_startup import load_array_functions
from kernels.threads import load_openmp

if getattr(numba.config, "DISABLE_JIT", 0):
    raise ImportError(
        "formula-convnet: NUMBA_DISABLE_JIT is set, but the kernels are made of SIMD instructions that exist in "
        "compiled code only: unset it, or step through the plain loops with variant='reference'"
    )

load_openmp()
load_array_functions()

# contract: a*b + c may become one fused multiply-add. Never nnan, ninf or reassoc: a NaN pixel must stay a NaN,
# and the order of a sum is part of the result.
FASTMATH = {"contract"}

# called with the function's name whenever one is compiled because the cache does not hold it
on_compile: list[Callable[[str], None]] = []


def jit(parallel: bool = False, inner: bool = False, **options: Any) -> Callable:
    """Decorator: `numba.njit` with our fast-math rule, no GIL, NumPy's division, and our disk cache.

    inner: only compiled code calls it; without an entry for Python it compiles in less time.
    """

    def decorate(function: Callable) -> Callable:
        settings: dict[str, Any] = {"fastmath": FASTMATH, "nogil": True, "error_model": "numpy", **options}
        if inner:
            settings |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
        dispatcher = numba.njit(parallel=parallel, **settings)(function)
        how = "parallel" if parallel else "serial"
        dispatcher._cache = _NoCache(function) if folder() is None else _DiskCache(function, how)
        return dispatcher

    return decorate


@cache
def folder() -> Path | None:
    """Where compiled kernels are kept; None (and one warning) where no safe, writable folder can be had.

    FORMULA_CONVNET_CACHE or NUMBA_CACHE_DIR name another parent than the user's cache folder.
    """
    parent = os.environ.get("FORMULA_CONVNET_CACHE") or os.environ.get("NUMBA_CACHE_DIR")
    path = Path(parent or user_cache_path("formula-convnet", appauthor=False)) / _sources_hash()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
        status = path.stat()
        if os.name == "posix" and (status.st_uid != os.getuid() or status.st_mode & 0o022):
            raise PermissionError(f"{path} belongs to, or can be written by, another user")
    except OSError as error:
        warnings.warn(
            f"formula-convnet: compiled kernels are not kept, every process compiles anew: {error}. "
            "Set FORMULA_CONVNET_CACHE to a folder that only you can write.",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    return path


def _sources_hash() -> str:
    digest = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__} {sys.version}".encode())
    here = Path(__file__).resolve().parent
    for source in sorted(here.rglob("*.py")):
        # what compiles nothing for the CPU: its edits need not compile all anew
        if source.relative_to(here).parts[0] in ("cuda", "verify") or source.name.startswith("cuda"):
            continue
        digest.update(source.relative_to(here).as_posix().encode())
        digest.update(source.read_bytes())
    return digest.hexdigest()[:20]


class _Locator(_CacheLocator):
    def __init__(self, function: Callable) -> None:
        self.function = function

    def get_cache_path(self) -> str:
        return str(folder())

    def get_source_stamp(self) -> str:
        return ""  # the folder's name is the stamp

    def get_disambiguator(self) -> str:
        return f"{self.function.__module__}-{self.function.__code__.co_firstlineno}"

    @classmethod
    def from_function(cls, function: Callable, file: str) -> "_Locator":
        return cls(function)


class _Impl(CompileResultCacheImpl):
    _locator_classes: list[Any] = [_Locator]  # noqa: RUF012  (Numba's name)


class _Files:
    """One file a specialisation, written whole or not at all: two processes may fill the cache at once.

    Numba's index file would be a race: two writers can give one data file to two specialisations.
    """

    def __init__(self, path: str, base: str) -> None:
        self.path, self.base = Path(path), base

    def _file(self, key: Any) -> Path:
        return self.path / f"{self.base}.{hashlib.sha256(repr(key).encode()).hexdigest()[:20]}.nbc"

    def load(self, key: Any) -> Any:
        try:
            return pickle.loads(self._file(key).read_bytes())
        except FileNotFoundError:
            return None
        except Exception:  # a damaged file can raise anything; the kernel is then compiled and written again
            return None

    def save(self, key: Any, data: Any) -> None:
        from numba.core.serialize import dumps

        try:
            with tempfile.NamedTemporaryFile(dir=self.path, delete=False) as file:
                file.write(dumps(data))
            os.replace(file.name, self._file(key))
        except OSError as error:  # a full disk must not stop the computation
            warnings.warn(
                f"formula-convnet: a compiled kernel could not be kept: {error}", RuntimeWarning, stacklevel=2
            )


class _DiskCache(FunctionCache):
    _impl_class = _Impl

    def __init__(self, function: Callable, how: str) -> None:
        super().__init__(function)
        self._cache_file = _Files(self.cache_path, f"{self._impl.filename_base}.{how}")

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        found = super().load_overload(sig, target_context)
        if found is None:
            _tell(self._py_func)
        return found


class _NoCache(NullCache):
    def __init__(self, function: Callable) -> None:
        self._py_func = function

    def load_overload(self, sig: Any, target_context: Any) -> None:
        _tell(self._py_func)


def _tell(function: Callable) -> None:
    for listener in on_compile:
        listener(f"{function.__module__}.{function.__name__}")
