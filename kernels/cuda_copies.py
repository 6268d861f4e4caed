"""Copies from global to shared memory that go on while the thread computes: cp.async, from compute capability 8.0 on.

A copy is done when its thread has waited for it, and seen by the other threads after the barrier that follows. Where
`wanted` is false nothing is read and zeros are written: an edge costs no branch. `to` is an element of the flat array
`target`, `at` comes from `address(source, element)`, to which bytes may be added (`wide`): an address is one
multiply-add from an index. What `copy4` moves begins at a multiple of 16 bytes in both.
"""

from llvmlite import ir
from numba.core import types

from kernels.device import simulated

if simulated():
    raise RuntimeError("register tiles copy asynchronously, which the simulator cannot: use 'cuda-emulated'")

from numba.cuda.extending import intrinsic

_I32, _I64 = ir.IntType(32), ir.IntType(64)


def _number(context, builder, kind, array, space, width):
    """The address of an array, as a number."""
    start = context.make_array(kind)(context, builder, array).data
    return builder.ptrtoint(builder.addrspacecast(start, start.type.pointee.as_pointer(space)), width)


@intrinsic
def address(typingctx, source, element):
    """Where an element of `source` is: a number of bytes."""

    def codegen(context, builder, signature, args):
        start = _number(context, builder, signature.args[0], args[0], 1, _I64)
        return builder.add(start, builder.mul(args[1], _I64(source.dtype.bitwidth // 8)))

    return types.int64(source, types.int64), codegen


def _copier(elements):
    @intrinsic
    def copy(typingctx, target, to, source, at, wanted):
        def codegen(context, builder, signature, args):
            element = target.dtype.bitwidth // 8
            goal = _number(context, builder, signature.args[0], args[0], 3, _I32)
            goal = builder.add(goal, builder.mul(args[1], _I32(element)))
            nbytes = elements * element
            size = min(nbytes, 16)
            how = "cg" if size == 16 else "ca"  # 16 bytes may pass by the first cache
            filled = builder.select(args[4], _I32(size), _I32(0))
            form = ir.FunctionType(ir.VoidType(), [_I32, _I64, _I32])
            for i in range(0, nbytes, size):
                text = f"cp.async.{how}.shared.global [$0+{i}], [$1+{i}], {size}, $2;"
                code = ir.InlineAsm(form, text, "r,l,r,~{memory}", side_effect=True)
                builder.call(code, [goal, args[3], filled])
            return context.get_dummy_value()

        return types.void(target, types.int32, source, types.int64, types.boolean), codegen

    return copy


copy1, copy4 = _copier(1), _copier(4)


def _instruction(text):
    @intrinsic
    def instruction(typingctx):
        def codegen(context, builder, signature, args):
            form = ir.FunctionType(ir.VoidType(), [])
            builder.call(ir.InlineAsm(form, text, "~{memory}", side_effect=True), [])
            return context.get_dummy_value()

        return types.void(), codegen

    return instruction


commit = _instruction("cp.async.commit_group;")
wait = _instruction("cp.async.wait_all;")


@intrinsic
def wide(typingctx, a, b, c):
    """a * b + c in 64 bits, of 32-bit a and b: one instruction, whatever the compiler knows of them elsewhere."""

    def codegen(context, builder, signature, args):
        form = ir.FunctionType(_I64, [_I32, _I32, _I64])
        return builder.call(ir.InlineAsm(form, "mad.wide.s32 $0, $1, $2, $3;", "=l,r,r,l"), args)

    return types.int64(types.int32, types.int32, types.int64), codegen
