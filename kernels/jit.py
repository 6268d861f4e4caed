"""Compile for the CPU: Numba under one floating-point rule, with a disk cache that never serves stale code.

Numba's own cache does not see a change in an imported file, so ours lives in a folder named after Numba's version and
settings, in files named after a hash of every source that a kernel can depend on (compiled_files.py).
"""

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, NullCache, _CacheLocator
from numba.core.compiler_lock import global_compiler_lock

from kernels.compiled_files import CompiledFiles, folder, hash_sources
from kernels.inner_functions import EntryCompiler, InnerCompiler, InnerContext
from kernels.numba_startup import load_array_functions
from kernels.scheduler import start_threads
from kernels.threads import load_openmp
from kernels.turns import turn

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

# every compiled function that Python calls
ENTRIES: list[Any] = []

# called with the function's name whenever one is compiled because the cache does not hold it
on_compile: list[Callable[[str], None]] = []


def jit(parallel: bool = False, inner: bool = False, **options: Any) -> Callable:
    """Return a decorator: `numba.njit` with our fast-math rule, no GIL, NumPy's division, and our disk cache.

    inner: only compiled code calls it; without an entry for Python it compiles in less time.
    """

    def decorate(function: Callable) -> Callable:
        settings: dict[str, Any] = {"fastmath": FASTMATH, "nogil": True, "error_model": "numpy", **options}
        settings["pipeline_class"] = InnerCompiler if inner else EntryCompiler
        if inner:
            settings |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
        dispatcher = numba.njit(parallel=parallel, **settings)(function)
        if folder() is None:
            dispatcher._cache = _NoCache(function, parallel)
        else:
            dispatcher._cache = _DiskCache(function, parallel)
            dispatcher.compile = _compile_in_turn(dispatcher)
        if not inner:
            ENTRIES.append(dispatcher)
        return dispatcher

    return decorate


class _Locator(_CacheLocator):
    def __init__(self, function: Callable, file: str) -> None:
        self.function, self._py_file = function, file  # Numba's name: its warnings read it

    def get_cache_path(self) -> str:
        return str(folder())

    def get_source_stamp(self) -> str:
        return ""  # the disambiguator holds it

    def get_disambiguator(self) -> str:
        line = self.function.__code__.co_firstlineno
        return f"{self.function.__module__}-{line}-{hash_sources(self.function)}"

    @classmethod
    def from_function(cls, function: Callable, file: str) -> "_Locator":
        return cls(function, file)


@cache
def _warn_not_kept() -> None:
    warnings.warn(
        "formula-convnet: some kernels are not kept on disk, every process compiles them anew: under these settings of "
        "Numba's (NUMBA_OPT=0, say) they hold addresses of this process",
        RuntimeWarning,
        stacklevel=2,
    )


_RELOAD_INIT = 7  # where CompileResult._reduce puts it


class _Impl(CompileResultCacheImpl):
    _locator_classes: list[Any] = [_Locator]  # noqa: RUF012  (Numba's name)

    def check_cachable(self, cres: Any) -> bool:
        if cres.library.has_dynamic_globals:
            _warn_not_kept()
            return False
        return super().check_cachable(cres)

    def rebuild(self, target_context: Any, payload: Any) -> Any:
        if payload[_RELOAD_INIT]:  # the kernel calls parallel ones: they are linked to a scheduler now
            start_threads()
        is_inner = payload[0][1] == "inner"
        return super().rebuild(InnerContext(target_context) if is_inner else target_context, payload)


class _DiskCache(FunctionCache):
    _impl_class = _Impl

    def __init__(self, function: Callable, parallel: bool) -> None:
        super().__init__(function)
        self._parallel = parallel
        how = "parallel" if parallel else "serial"
        self._cache_file = CompiledFiles(self.cache_path, f"{self._impl.filename_base}.{how}")

    def file(self, sig: Any, target_context: Any) -> Path:
        """Return where what is compiled for a signature is kept."""
        return self._cache_file.file(self._index_key(sig, target_context.codegen()))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        if self._parallel:
            start_threads()  # before the kernel is linked to a scheduler
        found = super().load_overload(sig, target_context)
        if found is None:
            _tell(self._py_func)
        return found


def _compile_in_turn(dispatcher: Any) -> Callable[[Any], Any]:
    """Return the dispatcher's `compile`, which waits for another process that is compiling the same."""
    alone, kept, context = dispatcher.compile, dispatcher._cache, dispatcher.targetctx

    def compile(sig: Any) -> Any:
        with global_compiler_lock:  # before the other lock, as every thread takes them
            file = kept.file(sig, context)
            with nullcontext() if file.exists() else turn(str(file.parent), file.name):
                return alone(sig)

    return compile


class _NoCache(NullCache):
    def __init__(self, function: Callable, parallel: bool) -> None:
        self._py_func, self._parallel = function, parallel

    def load_overload(self, sig: Any, target_context: Any) -> None:
        if self._parallel:
            start_threads()
        _tell(self._py_func)


def _tell(function: Callable) -> None:
    for listener in on_compile:
        listener(f"{function.__module__}.{function.__name__}")
