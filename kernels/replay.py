"""One native call for many: what Python called compiled kernels with, noted once, is run again without Python.

A program of kernels over fixed arrays makes the same calls every time. `note_calls` runs it once and notes each call
of a compiled function, with its arguments; `Replay` writes them all into one function of machine code, in which arrays
are constants: addresses, shapes, strides. Running it costs one foreign call, and no thread of Python's waits for it.

What a program does beside calling compiled functions is not repeated: only one that does nothing else may be replayed.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import CPUDispatcher, cpu_target

from kernels.forking import register_models
from kernels.jit import ENTRIES

_RECORDING = threading.RLock()
_names = count()


class Call(NamedTuple):
    """One call of a compiled function: what Numba compiled, and the arguments."""

    compiled: Any
    arguments: tuple[Any, ...]


class NotReplayableError(RuntimeError):
    """A program that does what cannot be noted: a result that Python takes, or an argument with no fixed form."""


class _Noting(CPUDispatcher):
    """A compiled function whose calls by one thread are noted."""

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        result = super().__call__(*arguments, **named)
        if _noted.thread == threading.get_ident():
            signature = tuple(map(self.typeof_pyval, arguments))
            compiled = self.overloads.get(signature)
            if named or result is not None or compiled is None:
                raise NotReplayableError(f"{self.py_func.__module__}.{self.py_func.__name__} cannot be replayed")
            _noted.calls.append(Call(compiled, arguments))
        return result


class _Noted:
    """Whose calls are noted, and which they were."""

    thread: int | None = None
    calls: list[Call]


_noted = _Noted()


@contextmanager
def _noting() -> Iterator[list[Call]]:
    """Note every call that this thread makes of functions compiled by `kernels.jit`."""
    with _RECORDING:
        watched = list(ENTRIES)
        _noted.thread, _noted.calls = threading.get_ident(), []
        for entry in watched:
            entry.__class__ = _Noting
        try:
            yield _noted.calls
        finally:
            for entry in watched:
                entry.__class__ = CPUDispatcher
            _noted.thread = None


def note_calls(program: Callable[[], Any]) -> list[Call]:
    """Run a program and return its calls of compiled functions; NotReplayableError if there is one of another kind."""
    program()  # what is compiled only now may compile others
    with _noting() as calls:
        program()
    return calls


class Replay:
    """A function without arguments that makes the calls again, in their order."""

    def __init__(self, calls: list[Call]) -> None:
        self._kept = calls  # the arrays, and the code they go to
        with global_compiler_lock:
            self._run = self._compile()

    def _compile(self) -> Callable[[], int]:
        self._library = cpu_target.target_context.codegen().create_library("formula_convnet_replay")
        name = f"formula_convnet_replay_{next(_names)}"
        self._library.add_ir_module(self._write(name))
        self._library.finalize()
        return ctypes.CFUNCTYPE(ctypes.c_int32)(self._library.get_pointer_to_function(name))

    def __call__(self) -> None:
        """Make all calls."""
        if self._run():
            raise RuntimeError("a compiled kernel failed while it was replayed")

    def _write(self, name: str) -> ir.Module:
        context = cpu_target.target_context
        module = self._library.create_ir_module(name)
        function = ir.Function(module, ir.FunctionType(ir.IntType(32), []), name)
        builder = ir.IRBuilder(function.append_basic_block())
        for call in self._kept:
            status = _call(context, builder, call)
            # Numba's codes: 0 is a result, -2 is None
            failed = builder.and_(
                builder.icmp_signed("!=", status, status.type(0)), builder.icmp_signed("!=", status, status.type(-2))
            )
            with builder.if_then(failed, likely=False):
                builder.ret(status)
        builder.ret(ir.IntType(32)(0))
        return module


class _Fork:
    """Wait for what is being noted: a child would find functions that note the calls of a thread it does not have."""

    def before(self) -> None:
        """Hold up whoever wants to note."""
        _RECORDING.acquire()

    def parent(self) -> None:
        """Let them go on."""
        _RECORDING.release()

    def child(self) -> None:
        """Let go."""
        _RECORDING.release()


register_models(_Fork())  # who notes may go on to compile


def _call(context: Any, builder: ir.IRBuilder, call: Call) -> ir.Value:
    """Write one call, by Numba's convention: where the result goes, where an exception goes, the arguments' parts."""
    signature, described = call.compiled.signature, call.compiled.fndesc
    convention = context.call_conv
    kind = convention.get_function_type(signature.return_type, signature.args)
    address = call.compiled.library.get_pointer_to_function(described.llvm_func_name)
    target = builder.inttoptr(ir.IntType(64)(address), kind.as_pointer())
    places = [cgutils.alloca_once(builder, kind.args[i].pointee) for i in range(2)]
    values = [_constant(context, builder, t, v) for t, v in zip(signature.args, call.arguments, strict=True)]
    parts = context.get_arg_packer(signature.args).as_arguments(builder, values)
    return builder.call(target, [*places, *parts])


def _constant(context: Any, builder: ir.IRBuilder, kind: Any, value: Any) -> ir.Value:
    """Return an argument as a constant of the code."""
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder)
        word, item = context.get_value_type(types.intp), context.get_data_type(kind.dtype).as_pointer()
        context.populate_array(
            array,
            data=builder.inttoptr(word(value.ctypes.data), item),
            shape=cgutils.pack_array(builder, [word(n) for n in value.shape], ty=word),
            strides=cgutils.pack_array(builder, [word(n) for n in value.strides], ty=word),
            itemsize=word(value.itemsize),
            meminfo=None,
        )
        return array._getvalue()
    if isinstance(kind, types.BaseTuple):
        items = [_constant(context, builder, t, v) for t, v in zip(kind, value, strict=True)]  # type: ignore[call-overload]
        return context.make_tuple(builder, kind, items)
    if isinstance(kind, types.NoneType):
        return context.get_dummy_value()
    if isinstance(kind, (types.Integer, types.Boolean, types.Float)):
        return context.get_constant(kind, value)
    raise NotReplayableError(f"an argument of Numba's type {kind} cannot be a constant")
