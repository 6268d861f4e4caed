"""Parallel kernels in any number of Python threads, and in forked processes: the same numbers, never a hang.

Compiled kernels do not call Numba's scheduler directly but by way of two functions of ours:

- One team of threads serves the process. A kernel that finds it at work for another Python thread does its own work in
  the calling thread: more threads than processors only slow each other down, and Numba's `workqueue` would abort.
- OpenMP's threads do not survive a fork, and GNU's implementation waits for them forever. In a child that is forked
  after the first parallel kernel, every kernel does its work in the calling thread.

How the work is divided stays the same, and with it every bit of the result.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from llvmlite import binding, ir
from numba.core.compiler_lock import global_compiler_lock

from kernels.forking import register_compiler
from kernels.processors import Movers, can_move

_SYMBOL = "numba_parallel_for"  # the name under which compiled kernels look for the scheduler
_PARALLEL = "numba.np.ufunc.parallel"


@cache
def start_threads() -> Scheduler:
    """Start Numba's threads, and route every kernel that is compiled or loaded from now on through our scheduler.

    OpenMP's default for the calling thread stays as it was: a library that shares it, PyTorch say, keeps its count.
    """
    from numba.np.ufunc import parallel

    if parallel._backend_init_process_lock is None:
        # Numba would take a lock between processes, which fixes multiprocessing's start method for good.
        parallel._backend_init_process_lock = parallel._nop()  # type: ignore[assignment]
    with ExitStack() as kept:
        keep_openmp_default(kept)
        parallel._launch_threads()
    scheduler = Scheduler()
    _running.append(scheduler)
    return scheduler


def number_of_threads() -> int:
    """Return how many threads a kernel's work is divided among: Numba's setting for the calling Python thread."""
    return start_threads().count()


_running: list[Scheduler] = []  # empty until there are threads


def runs_on_one_thread() -> bool:
    """Return True in a process that lost its threads in a fork: its kernels run in the calling thread."""
    return bool(_running) and _running[0].alone


class Scheduler:
    """Numba's scheduler behind a pointer, compiled once a process."""

    def __init__(self) -> None:
        binding.initialize_native_target()
        binding.initialize_native_asmprinter()
        machine = binding.Target.from_default_triple().create_target_machine()
        self.engine = binding.create_mcjit_compiler(binding.parse_assembly(str(write_scheduler())), machine)
        self.engine.finalize_object()
        self.pointer = ctypes.c_void_p.from_address(self.engine.get_global_value_address("scheduler"))
        self.pointer.value = binding.address_of_symbol(_SYMBOL)
        self.alone = False
        self.count: Callable[[], int] = sys.modules[_PARALLEL]._get_num_threads
        binding.add_symbol(_SYMBOL, self.engine.get_function_address("team_or_alone"))

    def work_alone(self) -> None:
        """From now on every kernel does its work in the calling thread."""
        self.pointer.value = self.engine.get_function_address("in_this_thread")
        if count := self.engine.get_global_value_address("count"):
            ctypes.c_int.from_address(count).value = 0  # its workers are the parent's
        self.alone = True


def write_scheduler() -> ir.Module:
    """Write `team_or_alone`, which calls the scheduler unless it is busy, and `in_this_thread`, which needs none."""
    byte, word, flag = ir.IntType(8).as_pointer(), ir.IntType(64), ir.IntType(32)
    signature = ir.FunctionType(ir.VoidType(), [byte] * 5 + [word] * 3)
    module = ir.Module("formula_convnet_scheduler")
    module.triple = binding.get_process_triple()
    pointer = ir.GlobalVariable(module, signature.as_pointer(), "scheduler")
    pointer.initializer = ir.Constant(signature.as_pointer(), None)
    busy = ir.GlobalVariable(module, flag, "busy")
    busy.initializer = flag(0)

    alone = ir.Function(module, signature, "in_this_thread")
    build = ir.IRBuilder(alone.append_basic_block())
    work = ir.FunctionType(ir.VoidType(), [byte] * 4)  # loops by itself over as many items as its dimensions say
    build.call(build.bitcast(alone.args[0], work.as_pointer()), alone.args[1:5])
    build.ret_void()

    movers = Movers(module, work) if can_move() else None
    either = ir.Function(module, signature, "team_or_alone")
    build = ir.IRBuilder(either.append_basic_block())
    free = build.extract_value(build.cmpxchg(busy, flag(0), flag(1), "acq_rel", "acquire"), 1)
    with build.if_else(free) as (there_is, there_is_none):
        with there_is:
            function, *others = either.args
            function = movers.prepare(build, function, others[-1]) if movers else function
            build.call(build.load(pointer), [function, *others])
            build.store_atomic(flag(0), busy, "release", 4)
        with there_is_none:
            build.call(alone, either.args)
    build.ret_void()
    return module


def keep_openmp_default(kept: ExitStack) -> None:
    """Put OpenMP's default number of threads back at the end; Numba passes its own to every parallel region."""
    try:
        pool = str(import_module("numba.np.ufunc.omppool").__file__)
    except ImportError:
        return  # no OpenMP: nothing to keep
    for place in (None, pool):  # the one that is in sight of all, PyTorch's say, and the pool's own
        with suppress(OSError, AttributeError, TypeError):
            openmp = ctypes.CDLL(place)
            kept.callback(openmp.omp_set_num_threads, openmp.omp_get_max_threads())


class _Fork:
    """What happens around a fork."""

    locks: list[Any]

    def before(self) -> None:
        """Wait until no other thread compiles or starts threads: the child would wait for it forever."""
        numbas: ModuleType | None = sys.modules.get(_PARALLEL)
        # in the order in which Numba takes them
        starting = [numbas._backend_init_thread_lock] if numbas else []
        self.locks = [global_compiler_lock._lock, *starting, binding.ffi.lib._lock._lock]
        for lock in self.locks:
            lock.acquire()

    def parent(self) -> None:
        """Let them go on."""
        for lock in reversed(self.locks):
            lock.release()
        self.locks = []

    def child(self) -> None:
        """Let go; the threads that did the kernels' work are not in this process."""
        self.parent()
        for scheduler in _running:
            scheduler.work_alone()


register_compiler(_Fork())
