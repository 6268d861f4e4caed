"""Compile what only compiled code calls to LLVM's language, and no further.

Numba optimises every function and turns it into machine code, then does both again in each function that calls it. A
parallel loop it compiles four times: the loop, two wrappers around it, and the function in which it stands. Of what
Python never calls, nobody runs that machine code, so here it is never made. What Python calls is optimised whole, after
everything that it calls has been linked into it.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.environment import lookup_environment


class EntryCompiler(Compiler):
    """Numba's compiler, with an `InnerLibrary` for each loop that it compiles apart."""

    def compile_extra(self, func: Any) -> Any:
        """Compile Python's code."""
        target = self.state.targetctx  # a copy of Numba's, for this compilation alone
        codegen = target.codegen()
        self.state.library = library = self.make_library(codegen, func.__qualname__)
        target._internal_codegen = _ForLinking(codegen)
        result = super().compile_extra(func)
        self.set_environments(library)
        return result

    def make_library(self, codegen: Any, name: str) -> Any:
        """Return an empty library for the function."""
        library = codegen.create_library(name)
        library.enable_object_caching()
        return library

    def set_environments(self, library: Any) -> None:
        """Tell the machine code where the Python objects are that the functions linked into it use."""
        for variable in library._final_module.global_variables:
            environment = lookup_environment(variable.name)
            if environment is not None:
                library.codegen.set_env(variable.name, environment)


class InnerCompiler(EntryCompiler):
    """Numba's compiler, with an `InnerLibrary` for its result too."""

    def make_library(self, codegen: Any, name: str) -> Any:
        """Return an empty library for the function."""
        return InnerLibrary(codegen, name)

    def set_environments(self, library: Any) -> None:
        """Leave that to what calls it."""


class _ForLinking:
    """A code generator whose libraries are for linking."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def create_library(self, name: str) -> InnerLibrary:
        """Return an empty library."""
        return InnerLibrary(self._codegen, name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)


class InnerLibrary(JITCodeLibrary):
    """A function's code for linking into its callers."""

    @property
    def codegen(self) -> Any:
        """Return the code generator, as far as it concerns a function without an address."""
        return _WithoutAddresses(self._codegen)

    def get_pointer_to_function(self, name: str) -> int:
        """Return 0, as of every name that has no machine code."""
        self._ensure_finalized()
        return 0

    def serialize_using_object_code(self) -> tuple[str, str, bytes]:
        """Return what the disk cache keeps: the code for linking."""
        return self.name, "inner", self._get_module_for_linking().as_bitcode()

    @classmethod
    def unserialize(cls, codegen: Any, kept: tuple[str, str, bytes]) -> InnerLibrary:
        """Return the library that was kept."""
        library = cls(codegen, kept[0])
        library._final_module = library._shared_module = llvm.parse_bitcode(kept[2])
        library._finalize_final_module()
        return library

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True


class _WithoutAddresses:
    """A code generator that leaves alone the globals of a function that is not in memory."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def set_env(self, env_name: str, env: Any) -> None:
        """Do nothing: the caller's module holds the global."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)


class InnerContext:
    """Numba's target for rebuilding a kept `InnerLibrary`."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def codegen(self) -> InnerContext:
        """Return what unserializes libraries."""
        return self

    def unserialize_library(self, kept: tuple[str, str, bytes]) -> InnerLibrary:
        """Return the library that was kept."""
        return InnerLibrary.unserialize(self._context.codegen(), kept)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)
