"""Run compiled kernels of the CPU in another arithmetic: whatever Python calls within `swapped` does."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numba
from llvmlite import binding
from numba.core import types
from numba.core.dispatcher import Dispatcher, _DispatcherBase

from kernels.algebra import helpers
from kernels.algebra.refusal import NotAlgebraicError
from kernels.algebra.rewrite import rewrite

_numba: Any = numba
_made: dict[Any, Any] = {}  # a compiled kernel -> (itself, the same in another arithmetic, its engine)


@contextmanager
def swapped(world: int) -> Iterator[set[str]]:
    """Within this, compiled kernels that Python calls compute in the world's arithmetic, on integers seen as floats.

    The names of those that ran are in what it yields.

    NotAlgebraicError, from the call, for a kernel that does with its numbers what no polynomial does.
    """
    used = set[str]()
    dispatchers: list[Any] = [d for d in gc.get_objects() if isinstance(d, Dispatcher)]
    base: Any = _DispatcherBase
    compile_for = base._compile_for_args
    for dispatcher in dispatchers:
        dispatcher._clear()

    def find(dispatcher: Any, *args: Any, **kws: Any) -> Any:
        used.add(dispatcher.py_func.__name__)
        return _find_swapped(dispatcher, *args, **kws)

    base._compile_for_args = find
    helpers.WORLD[0] = world
    try:
        yield used
    finally:
        base._compile_for_args = compile_for
        for dispatcher in dispatchers:
            dispatcher._clear()
            for found in dispatcher.overloads.values():
                dispatcher._insert([a._code for a in found.signature.args], found.entry_point, found.objectmode)


def _find_swapped(dispatcher: Any, *args: Any, **kws: Any) -> Any:
    """Stand in for Numba's search for the compiled code of some arguments."""
    if kws:
        raise NotAlgebraicError(f"{dispatcher.py_func.__name__} is called with keywords")
    wanted = tuple(dispatcher.typeof_pyval(a) for a in args)
    if any(isinstance(t, (types.Float, types.Complex)) for t in wanted):
        raise NotAlgebraicError(f"{dispatcher.py_func.__name__} is given a floating-point number beside arrays")
    dispatcher.compile(wanted)
    compiled = dispatcher.overloads[wanted]
    if id(compiled) not in _made:
        _made[id(compiled)] = (compiled, *_make(compiled))
    return _made[id(compiled)][1]


def _make(compiled: Any) -> tuple[Any, Any]:
    """Compile a kernel in the other arithmetic; (the function for Python, what must live as long)."""
    library = compiled.library
    text = rewrite(str(library._get_module_for_linking()))
    module = binding.parse_assembly(text)
    module.verify()
    machine = binding.Target.from_default_triple().create_target_machine(opt=0)
    engine = binding.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    description = compiled.fndesc
    record = engine.get_global_value_address(description.env_name)
    if record:  # where the code looks for Numba's record of the function
        ctypes.c_void_p.from_address(record).value = id(compiled.environment)
    address = engine.get_function_address(description.llvm_cpython_wrapper_name)
    function = _numba._dynfunc.make_function(
        description.lookup_module(), description.qualname.split(".")[-1], "", address, compiled.environment, (library,)
    )
    return function, engine
