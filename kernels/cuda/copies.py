"""Copies from global to shared memory that go on while the thread computes: cp.async, from compute capability 8.0 on.

An older GPU's copies pass through registers, and are done when the thread goes on.

A copy is done when its thread has waited for it, and seen by the other threads after the barrier that follows. Where
`wanted` is false nothing is read and zeros are written: an edge costs no branch. `to` is an element of the flat array
`target`, `at` comes from `address(source, element)`, to which bytes may be added (`wide`): an address is one
multiply-add from an index. What `copy4` moves begins at a multiple of 16 bytes in both.
"""

from functools import cache
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import types

from kernels.device import backend
from kernels.toolchain import simulated

if simulated():
    raise RuntimeError("register tiles copy asynchronously, which the simulator cannot: use 'cuda-emulated'")

from numba.cuda.extending import intrinsic

_I32, _I64 = ir.IntType(32), ir.IntType(64)


def _number(context, builder, kind, array, space, width):
    """Return the address of an array, as a number."""
    start = context.make_array(kind)(context, builder, array).data
    return builder.ptrtoint(builder.addrspacecast(start, start.type.pointee.as_pointer(space)), width)


@intrinsic
def address(typingctx, source, element):
    """Return where an element of `source` is: a number of bytes."""

    def codegen(context, builder, signature, args):
        start = _number(context, builder, signature.args[0], args[0], 1, _I64)
        return builder.add(start, builder.mul(args[1], _I64(source.dtype.bitwidth // 8)))

    return types.int64(source, types.int64), codegen


class Copies(NamedTuple):
    """copy1 and copy4(target, to, source, at, wanted); commit(): what was asked for is a group; wait(): for all."""

    copy1: Any
    copy4: Any
    commit: Any
    wait: Any


@cache
def are_asynchronous(target: str) -> bool:
    """Return whether the GPU behind a target copies asynchronously."""
    return backend(target).properties().get("compute_capability", (0, 0)) >= (8, 0)  # the simulator has none


@cache
def copies(asynchronous: bool) -> Copies:
    """Return the copies of a GPU that has cp.async, or of one that has not."""
    how = _by_cp_async if asynchronous else _by_registers
    commit, wait = ("cp.async.commit_group;", "cp.async.wait_all;") if asynchronous else ("", "")
    return Copies(_copier(1, how), _copier(4, how), _instruction(commit), _instruction(wait))


def _copier(elements, how):
    @intrinsic
    def copy(typingctx, target, to, source, at, wanted):
        def codegen(context, builder, signature, args):
            element = target.dtype.bitwidth // 8
            goal = _number(context, builder, signature.args[0], args[0], 3, _I32)
            goal = builder.add(goal, builder.mul(args[1], _I32(element)))
            for i in range(0, elements * element, 16):
                how(builder, goal, args[3], i, min(elements * element, 16), args[4])
            return context.get_dummy_value()

        return types.void(target, types.int32, source, types.int64, types.boolean), codegen

    return copy


def _by_cp_async(builder, goal, origin, offset, size, wanted):
    how = "cg" if size == 16 else "ca"  # 16 bytes may pass by the first cache
    text = f"cp.async.{how}.shared.global [$0+{offset}], [$1+{offset}], {size}, $2;"
    form = ir.FunctionType(ir.VoidType(), [_I32, _I64, _I32])
    filled = builder.select(wanted, _I32(size), _I32(0))
    builder.call(ir.InlineAsm(form, text, "r,l,r,~{memory}", side_effect=True), [goal, origin, filled])


def _by_registers(builder, goal, origin, offset, size, wanted):
    words = ir.VectorType(_I32, size // 4)
    to = builder.inttoptr(builder.add(goal, _I32(offset)), words.as_pointer(3))
    with builder.if_else(wanted) as (then, otherwise):
        with then:
            at = builder.inttoptr(builder.add(origin, _I64(offset)), words.as_pointer(1))
            value = builder.load(at)
            value.align = size
            builder.store(value, to).align = size
        with otherwise:
            builder.store(ir.Constant(words, [0] * (size // 4)), to).align = size


def _instruction(text):
    @intrinsic
    def instruction(typingctx):
        def codegen(context, builder, signature, args):
            form = ir.FunctionType(ir.VoidType(), [])
            builder.call(ir.InlineAsm(form, text, "~{memory}", side_effect=True), [])
            return context.get_dummy_value()

        return types.void(), codegen

    return instruction


@intrinsic
def wide(typingctx, a, b, c):
    """Return a * b + c in 64 bits, of 32-bit a and b, as one instruction whatever the compiler knows of them."""

    def codegen(context, builder, signature, args):
        form = ir.FunctionType(_I64, [_I32, _I32, _I64])
        return builder.call(ir.InlineAsm(form, "mad.wide.s32 $0, $1, $2, $3;", "=l,r,r,l"), args)

    return types.int64(types.int32, types.int32, types.int64), codegen
