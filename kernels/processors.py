"""A worker that wakes up on its caller's processor moves to another one.

Linux may wake a sleeping thread on the processor of the thread that calls it, though another one is idle: in virtual
machines it does so after pauses of some 20 ms, since it takes a processor that has slept for long for one that the host
has taken away. Both then share one processor, each waiting for the other, and as long as they take turns the scheduler
sees no queue that it should balance. So before its share of the work each worker looks where its caller runs. From
there it leaves for the other processors that the process may use, and comes back when the caller has moved and they
meet again.

Whoever binds OpenMP's threads (OMP_PROC_BIND, OMP_PLACES, GOMP_CPU_AFFINITY) has them where they are.
"""

from __future__ import annotations

import os
import sys

from llvmlite import ir

BOUND = ("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY")
SET = 1024  # processors in glibc's cpu_set_t
_BYTE, _INT, _WORD = ir.IntType(8), ir.IntType(32), ir.IntType(64)


def can_move() -> bool:
    """Return whether workers may move: on Linux, unless their places are the user's choice."""
    return sys.platform == "linux" and not any(os.environ.get(name) for name in BOUND)


class Movers:
    """What a scheduler's module needs for workers that move; one team works at a time."""

    def __init__(self, module: ir.Module, work: ir.FunctionType) -> None:
        self._module, self._work = module, work
        self._function = self._variable("work", work.as_pointer())
        self._caller, self._home = self._variable("caller", _WORD), self._variable("home", _INT)
        self.share = self._write_share()

    def note_caller(self, build: ir.IRBuilder, function: ir.Value) -> ir.Value:
        """Note who calls and where; return what the team shall do in place of `function`."""
        build.store(build.bitcast(function, self._work.as_pointer()), self._function)
        build.store(build.call(self._external("pthread_self", _WORD), []), self._caller)
        build.store(build.call(self._external("sched_getcpu", _INT), []), self._home)
        return build.bitcast(self.share, function.type)

    def _write_share(self) -> ir.Function:
        """Write what each thread of a team does: move if it must, then its share of the work."""
        share = ir.Function(self._module, self._work, "share")
        build = ir.IRBuilder(share.append_basic_block())
        me, here = self._external("pthread_self", _WORD), self._external("sched_getcpu", _INT)
        worker = build.icmp_unsigned("!=", build.call(me, []), build.load(self._caller))
        with build.if_then(worker):
            home = build.load(self._home)
            with build.if_then(build.icmp_signed("==", build.call(here, []), home), likely=False):
                self._write_move(build, home)
        build.call(build.load(self._function), share.args)
        build.ret_void()
        return share

    def _write_move(self, build: ir.IRBuilder, home: ir.Value) -> None:
        """Leave `home` for the other processors of the process; without another one the call fails, and all stays."""
        processors = build.alloca(ir.ArrayType(_BYTE, SET // 8))
        first = build.bitcast(processors, _BYTE.as_pointer())
        place = [_INT, _WORD, _BYTE.as_pointer()]  # thread or process, bytes of the set, the set
        process = build.call(self._external("getpid", _INT), [])
        found = build.call(self._external("sched_getaffinity", _INT, *place), [process, _WORD(SET // 8), first])
        there = build.and_(build.icmp_signed(">=", found, _INT(0)), build.icmp_unsigned("<", home, _INT(SET)))
        with build.if_then(there):
            byte = build.gep(first, [build.lshr(home, _INT(3))])
            bit = build.shl(_INT(1), build.and_(home, _INT(7)))
            build.store(build.and_(build.load(byte), build.not_(build.trunc(bit, _BYTE))), byte)
            build.call(self._external("sched_setaffinity", _INT, *place), [_INT(0), _WORD(SET // 8), first])

    def _variable(self, name: str, kind: ir.Type) -> ir.GlobalVariable:
        made = ir.GlobalVariable(self._module, kind, name)
        made.initializer = ir.Constant(kind, None if isinstance(kind, ir.PointerType) else 0)
        return made

    def _external(self, name: str, result: ir.Type, *arguments: ir.Type) -> ir.Function:
        kind = ir.FunctionType(result, arguments)
        return self._module.globals.get(name) or ir.Function(self._module, kind, name)
