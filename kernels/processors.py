"""A worker does not run on its caller's processor while another one is there.

Linux may wake a sleeping thread on the processor of the thread that wakes it, though another one is idle: in virtual
machines it does so after pauses of some 20 ms, since it takes a processor that has slept for long for one that the host
has taken away. The caller and its worker then share one processor, each waiting for the other, and as long as they take
turns the scheduler sees no queue that it should balance. The same happens the other way round: a worker that ends last
wakes its caller where it runs itself.

So each worker looks, before its share of the work, where its caller runs; there it leaves for the other processors that
the process may use. And the caller looks where its workers ran when it called them last: those whose processor it has
come to itself it sends away before it wakes them. Workers alone are moved, only among the processors that their caller
may use, and only if a team has no more threads than those are.

Whoever binds OpenMP's threads (OMP_PROC_BIND, OMP_PLACES, GOMP_CPU_AFFINITY) has them where they are.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable

from llvmlite import ir

BOUND = ("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY")
CALLS = ("gettid", "getpid", "tgkill", "sched_getcpu", "sched_getaffinity", "sched_setaffinity")
PROCESSORS = 1024  # in glibc's cpu_set_t
WORKERS = 256  # whose places are remembered; of more, the others only move by themselves
_BYTE, _INT, _WORD = ir.IntType(8), ir.IntType(32), ir.IntType(64)


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
        self._caller, self._home = self._variable("caller", _INT), self._variable("home", _INT)
        self._team, self._count = self._variable("team", _WORD), self._variable("count", _INT)  # count: of workers
        self._threads, self._places = (self._variable(n, ir.ArrayType(_INT, WORKERS)) for n in ("threads", "places"))
        self._move = self._write_move()
        self.share = self._write_share()

    def prepare(self, build: ir.IRBuilder, function: ir.Value, team: ir.Value) -> ir.Value:
        """Note who calls and where, and send workers away from there; return what the team shall do for `function`."""
        build.store(build.bitcast(function, self._work.as_pointer()), self._function)
        me, here = self._ask(build, "gettid"), self._ask(build, "sched_getcpu")
        known = build.icmp_signed("==", me, build.load(self._caller))  # another caller's workers may be no more
        last, most = build.load(self._count), _INT(WORKERS)
        last = build.select(build.icmp_signed("<", last, most), last, most)
        for value, variable in ((me, self._caller), (here, self._home), (team, self._team)):
            build.store(value, variable)
        self._each(build, build.select(known, last, _INT(0)), lambda i: self._send_away(build, i, here))
        build.store(_INT(0), self._count)
        return build.bitcast(self.share, function.type)

    def _send_away(self, build: ir.IRBuilder, i: ir.Value, here: ir.Value) -> None:
        place, thread = (build.load(build.gep(a, [_INT(0), i])) for a in (self._places, self._threads))
        with build.if_then(build.icmp_signed("==", place, here), likely=False):
            process = self._ask(build, "getpid")
            lives = build.call(self._external("tgkill", _INT, _INT, _INT, _INT), [process, thread, _INT(0)])
            with build.if_then(build.icmp_signed("==", lives, _INT(0))):  # a number may be another process's by now
                build.call(self._move, [thread, here])

    def _write_share(self) -> ir.Function:
        """Write what each thread of a team does: move if it must, then its share of the work."""
        share = ir.Function(self._module, self._work, "share")
        build = ir.IRBuilder(share.append_basic_block())
        me = self._ask(build, "gettid")
        with build.if_then(build.icmp_signed("!=", me, build.load(self._caller))):
            home = build.load(self._home)
            with build.if_then(build.icmp_signed("==", self._ask(build, "sched_getcpu"), home), likely=False):
                build.call(self._move, [me, home])
            i = build.atomic_rmw("add", self._count, _INT(1), "monotonic")
            with build.if_then(build.icmp_signed("<", i, _INT(WORKERS))):
                build.store(me, build.gep(self._threads, [_INT(0), i]))
                build.store(self._ask(build, "sched_getcpu"), build.gep(self._places, [_INT(0), i]))
        build.call(build.load(self._function), share.args)
        build.ret_void()
        return share

    def _write_move(self) -> ir.Function:
        """Write move(thread, away): it leaves a processor for the caller's others, if they are enough for the team."""
        move = ir.Function(self._module, ir.FunctionType(ir.VoidType(), [_INT, _INT]), "move")
        thread, away = move.args
        build = ir.IRBuilder(move.append_basic_block())
        words = build.alloca(ir.ArrayType(_WORD, PROCESSORS // 64))
        first, size = build.bitcast(words, _BYTE.as_pointer()), _WORD(PROCESSORS // 8)
        arguments = [_INT, _WORD, _BYTE.as_pointer()]  # thread, bytes of the set, the set
        get, put = (self._external(f"sched_{n}affinity", _INT, *arguments) for n in ("get", "set"))
        found = build.call(get, [build.load(self._caller), size, first])
        there = build.and_(build.icmp_signed(">=", found, _INT(0)), build.icmp_unsigned("<", away, _INT(PROCESSORS)))
        with build.if_then(there):
            total = _WORD(0)
            for word in range(PROCESSORS // 64):
                total = build.add(total, build.ctpop(build.load(build.gep(words, [_INT(0), _INT(word)]))))
            with build.if_then(build.icmp_unsigned("<=", build.load(self._team), total)):
                byte = build.gep(first, [build.lshr(away, _INT(3))])
                bit = build.shl(_INT(1), build.and_(away, _INT(7)))
                build.store(build.and_(build.load(byte), build.not_(build.trunc(bit, _BYTE))), byte)
                build.call(put, [thread, size, first])
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

    def _ask(self, build: ir.IRBuilder, name: str) -> ir.Value:
        return build.call(self._external(name, _INT), [])

    def _variable(self, name: str, kind: ir.Type) -> ir.GlobalVariable:
        made = ir.GlobalVariable(self._module, kind, name)
        made.initializer = ir.Constant(kind, None)
        return made

    def _external(self, name: str, result: ir.Type, *arguments: ir.Type) -> ir.Function:
        kind = ir.FunctionType(result, arguments)
        return self._module.globals.get(name) or ir.Function(self._module, kind, name)
