"""Run compiled kernels of the CPU in another arithmetic: whatever Python calls within `swapped` does."""

from __future__ import annotations

import ctypes
import gc
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numba
from llvmlite import binding
from numba.core import types
from numba.core.dispatcher import Dispatcher, _DispatcherBase
from numba.core.registry import cpu_target

from kernels.algebra import helpers
from kernels.algebra.refusal import NotAlgebraicError
from kernels.algebra.rewrite import rewrite

_numba: Any = numba
_known: weakref.WeakSet = weakref.WeakSet()
_made: dict[int, tuple] = {}  # id of a compiled kernel -> itself, the same in another arithmetic, its engine


@contextmanager
def swapped(world: int) -> Iterator[set[str]]:
    """Within this, compiled kernels that Python calls compute in the world's arithmetic, on integers seen as floats.

    The names of those that ran are in what it yields.
    NotAlgebraicError, from the call, for a kernel that does with its numbers what no polynomial does.
    """
    helpers.WORLD[0] = world
    with changed(_in_other_arithmetic, _made) as used:
        yield used


def _in_other_arithmetic(compiled: Any) -> str:
    if any(isinstance(t, (types.Float, types.Complex)) for t in compiled.signature.args):
        raise NotAlgebraicError(f"{compiled.fndesc.qualname} is given a floating-point number beside arrays")
    return rewrite(text_of(compiled))


def text_of(compiled: Any) -> str:
    """Return a compiled kernel, with all that it calls, in LLVM's language, as it is turned into machine code."""
    return str(compiled.library._get_module_for_linking())


@contextmanager
def changed(
    change: Callable[[Any], str], made: dict[int, tuple], called: Callable[[Any, tuple], None] = lambda *_: None
) -> Iterator[set[str]]:
    """Within this, compiled kernels that Python calls are what `change` makes of them; `made` keeps these.

    called: told of each call before it is made, with Numba's function and the arguments.
    """
    used = set[str]()

    def find(dispatcher: Any, compiled: Any, args: tuple) -> Any:
        used.add(dispatcher.py_func.__name__)
        if id(compiled) not in made:
            made[id(compiled)] = (compiled, *_make(compiled, change(compiled)))
        called(dispatcher, args)
        return made[id(compiled)][1]

    with intercepted(find):
        yield used


@contextmanager
def intercepted(find: Callable[[Any, Any, tuple], Any]) -> Iterator[None]:
    """Within this, `find` says what runs when Python calls a compiled kernel.

    It is given Numba's function, what was compiled for the arguments, and these.
    """
    base: Any = _DispatcherBase
    kept = base._compile_for_args, base.add_overload

    def search(dispatcher: Any, *args: Any, **kws: Any) -> Any:
        """Stand in for Numba's search for the compiled code of some arguments."""
        if kws:
            raise NotAlgebraicError(f"{dispatcher.py_func.__name__} is called with keywords")
        wanted = tuple(dispatcher.typeof_pyval(a) for a in args)
        dispatcher.compile(wanted)
        return find(dispatcher, dispatcher.overloads[wanted], args)

    def keep(dispatcher: Any, compiled: Any) -> None:
        """Note compiled code without entering it where a call finds it at once, past `search`."""
        dispatcher.overloads[tuple(compiled.signature.args)] = compiled

    for dispatcher in _dispatchers():
        dispatcher._clear()
    base._compile_for_args, base.add_overload = search, keep
    try:
        yield
    finally:
        base._compile_for_args, base.add_overload = kept
        for dispatcher in _dispatchers():
            dispatcher._clear()
            for found in dispatcher.overloads.values():
                dispatcher._insert([a._code for a in found.signature.args], found.entry_point, found.objectmode)


def _dispatchers() -> list[Any]:
    """Return every function that Numba compiles: those there are at the first call, and what was made since."""
    if not _known:
        kinds = _and_subclasses(Dispatcher)
        _known.update(d for d in gc.get_objects() if type(d) in kinds)  # by type: a dead weak reference has no class
        base: Any = _DispatcherBase
        made = base.__init__

        def noted(dispatcher: Any, *args: Any, **kws: Any) -> None:
            made(dispatcher, *args, **kws)
            _known.add(dispatcher)

        base.__init__ = noted
    return list(_known)


def _and_subclasses(kind: type) -> set[type]:
    return {kind}.union(*map(_and_subclasses, type.__subclasses__(kind)))


def _make(compiled: Any, text: str) -> tuple[Any, Any]:
    """Compile a changed kernel; (the function for Python, what must live as long)."""
    try:
        module = binding.parse_assembly(text)
        module.verify()
    except RuntimeError as error:
        first = str(error).strip().splitlines()[-1][:120]
        raise NotAlgebraicError(f"the code of {compiled.fndesc.qualname} cannot be changed: {first}") from error
    _, cpu, features = cpu_target.target_context.codegen().magic_tuple()  # whose instructions the kernel asks for
    machine = binding.Target.from_default_triple().create_target_machine(cpu=cpu, features=features, opt=0)
    engine = binding.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    description = compiled.fndesc
    record = engine.get_global_value_address(description.env_name)
    if record:  # where the code looks for Numba's record of the function
        ctypes.c_void_p.from_address(record).value = id(compiled.environment)
    address = engine.get_function_address(description.llvm_cpython_wrapper_name)
    kept = (compiled.library,)
    name = description.qualname.split(".")[-1]
    function = _numba._dynfunc.make_function(description.lookup_module(), name, "", address, compiled.environment, kept)
    return function, engine
