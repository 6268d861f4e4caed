"""A worker does not run on its caller's processor while another one is there.

Linux may wake a sleeping thread on the processor of the thread that wakes it, though another one is idle: in virtual
machines it does so after pauses of some 20 ms, since it takes a processor that has slept for long for one that the host
has taken away. The caller and its worker then share one processor, each waiting for the other, and as long as they take
turns the scheduler sees no queue that it should balance. The same happens the other way round: a worker that ends last
wakes its caller where it runs itself.

So each worker looks, before its share of the work, where its caller runs; there it leaves for the other processors that
the process may use. And the caller looks where its workers ran when it called them last: those whose processor it has
come to itself it sends away before it wakes them. Workers alone are moved, and none is bound to one processor if the
process may use three or more.

Whoever binds OpenMP's threads (OMP_PROC_BIND, OMP_PLACES, GOMP_CPU_AFFINITY) has them where they are.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable

from llvmlite import ir

BOUND = ("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY")
CALLS = ("gettid", "getpid", "pthread_self", "sched_getcpu", "sched_getaffinity", "sched_setaffinity")
PROCESSORS = 1024  # in glibc's cpu_set_t
WORKERS = 256  # whose places are remembered; of more, the others only move by themselves
_BYTE, _INT, _WORD = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_VOID = ir.VoidType()


def can_move() -> bool:
    """Return whether workers may move: on Linux, unless their places are the user's choice."""
    if sys.platform != "linux" or any(os.environ.get(name) for name in BOUND):
        return False
    library = ctypes.CDLL(None)
    return all(hasattr(library, name) for name in CALLS)  # an old C library has no gettid


class Movers:
    """What a scheduler's module needs for workers that move; one team works at a time."""

    def __init__(self, module: ir.Module, work: ir.FunctionType) -> None:
        self._module, self._work = module, work
        self._function = self._variable("work", work.as_pointer())
        self._caller, self._home = self._variable("caller", _WORD), self._variable("home", _INT)
        self._count = self._variable("count", _INT)  # of the workers of the last call
        self._threads, self._places = (self._variable(n, ir.ArrayType(_INT, WORKERS)) for n in ("threads", "places"))
        self._move = self._write_move()
        self.share = self._write_share()

    def prepare(self, build: ir.IRBuilder, function: ir.Value) -> ir.Value:
        """Note who calls and where, and send workers away from there; return what the team shall do for `function`."""
        build.store(build.bitcast(function, self._work.as_pointer()), self._function)
        me, here = build.call(self._external("pthread_self", _WORD), []), self._processor(build)
        known = build.icmp_unsigned("==", me, build.load(self._caller))  # another caller's workers may be no more
        last = build.select(known, self._known(build), _INT(0))
        self._each(build, last, lambda i: self._send_away(build, i, here))
        for value, variable in ((me, self._caller), (here, self._home), (_INT(0), self._count)):
            build.store(value, variable)
        return build.bitcast(self.share, function.type)

    def _known(self, build: ir.IRBuilder) -> ir.Value:
        count = build.load(self._count)
        return build.select(build.icmp_signed("<", count, _INT(WORKERS)), count, _INT(WORKERS))

    def _send_away(self, build: ir.IRBuilder, i: ir.Value, here: ir.Value) -> None:
        place, thread = (build.load(build.gep(a, [_INT(0), i])) for a in (self._places, self._threads))
        with build.if_then(build.icmp_signed("==", place, here), likely=False):
            build.call(self._move, [thread, here])

    def _write_share(self) -> ir.Function:
        """Write what each thread of a team does: move if it must, then its share of the work."""
        share = ir.Function(self._module, self._work, "share")
        build = ir.IRBuilder(share.append_basic_block())
        me = build.call(self._external("pthread_self", _WORD), [])
        with build.if_then(build.icmp_unsigned("!=", me, build.load(self._caller))):
            home = build.load(self._home)
            with build.if_then(build.icmp_signed("==", self._processor(build), home), likely=False):
                build.call(self._move, [_INT(0), home])
            i = build.atomic_rmw("add", self._count, _INT(1), "monotonic")
            with build.if_then(build.icmp_signed("<", i, _INT(WORKERS))):
                build.store(build.call(self._external("gettid", _INT), []), build.gep(self._threads, [_INT(0), i]))
                build.store(self._processor(build), build.gep(self._places, [_INT(0), i]))
        build.call(build.load(self._function), share.args)
        build.ret_void()
        return share

    def _write_move(self) -> ir.Function:
        """Write move(thread, away): it leaves a processor for the others of the process, if there are any."""
        move = ir.Function(self._module, ir.FunctionType(_VOID, [_INT, _INT]), "move")
        thread, away = move.args
        build = ir.IRBuilder(move.append_basic_block())
        first = build.bitcast(build.alloca(ir.ArrayType(_BYTE, PROCESSORS // 8)), _BYTE.as_pointer())
        arguments = [_INT, _WORD, _BYTE.as_pointer()]  # thread or process, bytes of the set, the set
        process, size = build.call(self._external("getpid", _INT), []), _WORD(PROCESSORS // 8)
        found = build.call(self._external("sched_getaffinity", _INT, *arguments), [process, size, first])
        there = build.and_(build.icmp_signed(">=", found, _INT(0)), build.icmp_unsigned("<", away, _INT(PROCESSORS)))
        with build.if_then(there):
            byte = build.gep(first, [build.lshr(away, _INT(3))])
            bit = build.shl(_INT(1), build.and_(away, _INT(7)))
            build.store(build.and_(build.load(byte), build.not_(build.trunc(bit, _BYTE))), byte)
            build.call(self._external("sched_setaffinity", _INT, *arguments), [thread, size, first])
        build.ret_void()
        return move

    def _each(self, build: ir.IRBuilder, count: ir.Value, do: Callable[[ir.Value], None]) -> None:
        """Write a loop over 0, 1, ... count - 1."""
        before = build.block
        head, body, after = (build.append_basic_block(name) for name in ("head", "body", "after"))
        build.branch(head)
        build.position_at_end(head)
        i = build.phi(_INT)
        i.add_incoming(_INT(0), before)
        build.cbranch(build.icmp_signed("<", i, count), body, after)
        build.position_at_end(body)
        do(i)
        i.add_incoming(build.add(i, _INT(1)), build.block)
        build.branch(head)
        build.position_at_end(after)

    def _processor(self, build: ir.IRBuilder) -> ir.Value:
        return build.call(self._external("sched_getcpu", _INT), [])

    def _variable(self, name: str, kind: ir.Type) -> ir.GlobalVariable:
        made = ir.GlobalVariable(self._module, kind, name)
        made.initializer = ir.Constant(kind, None)
        return made

    def _external(self, name: str, result: ir.Type, *arguments: ir.Type) -> ir.Function:
        kind = ir.FunctionType(result, arguments)
        return self._module.globals.get(name) or ir.Function(self._module, kind, name)
