"""Tensor cores by inline PTX: a warp's 32 threads multiply two small matrices together, from compute capability 8.0 on.

    mma: d = a b + c, a (16, k), b (k, 8), c and d (16, 8) float32; k = 8 in TF32, 16 in bfloat16

Each thread holds a few numbers of each matrix. With g = lane // 4 and t = lane % 4, in TF32:

    a: (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4)    b: (t, g), (t + 4, g)
    d: (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1)

In bfloat16 a register holds two neighbours along k, and t counts those. The products are exact; in which order they are
added, and how each sum is rounded, PTX leaves open. Source: PTX ISA, "Matrix multiply-accumulate operation using mma".
"""

from llvmlite import ir
from numba.core import types

from kernels.toolchain import simulated

if simulated():
    raise RuntimeError("tensor cores are programmed in PTX, which the simulator cannot execute: use 'cuda-emulated'")

from numba.cuda.extending import intrinsic

_I32, _F32 = ir.IntType(32), ir.FloatType()
_SHAPES = {"tf32": "m16n8k8.row.col.f32.tf32.tf32.f32", "bf16": "m16n8k16.row.col.f32.bf16.bf16.f32"}


def _mma(kind):
    text = f"mma.sync.aligned.{_SHAPES[kind]} {{$0,$1,$2,$3}}, {{$4,$5,$6,$7}}, {{$8,$9}}, {{$10,$11,$12,$13}};"

    @intrinsic
    def mma(typingctx, a0, a1, a2, a3, b0, b1, c0, c1, c2, c3):
        def codegen(context, builder, signature, args):
            four = ir.LiteralStructType([_F32] * 4)
            form = ir.FunctionType(four, [_I32] * 6 + [_F32] * 4)
            asm = ir.InlineAsm(form, text, "=f,=f,=f,=f,r,r,r,r,r,r,f,f,f,f", side_effect=False)
            made = builder.call(asm, args, attrs=("convergent",))  # a warp's threads stay together
            parts = [builder.extract_value(made, i) for i in range(4)]
            return context.make_tuple(builder, signature.return_type, parts)

        return types.UniTuple(types.float32, 4)(*(types.uint32,) * 6, *(types.float32,) * 4), codegen

    return mma


MMA = {kind: _mma(kind) for kind in _SHAPES}


def _register(text, result, arguments, constraints):
    """Return the intrinsic that is one instruction of registers."""

    def codegen(context, builder, signature, args):
        kinds = {types.float32: _F32, types.uint32: _I32}
        form = ir.FunctionType(kinds[result], [kinds[a] for a in arguments])
        return builder.call(ir.InlineAsm(form, text, constraints), args)

    if len(arguments) == 1:

        @intrinsic
        def one(typingctx, a):
            return result(*arguments), codegen

        return one

    @intrinsic
    def two(typingctx, a, b):
        return result(*arguments), codegen

    return two


# the nearest TF32 number, halves away from 0; a float32's bits, of which the lowest 13 are 0
tf32 = _register("cvt.rna.tf32.f32 $0, $1;", types.uint32, (types.float32,), "=r,f")
# (high, low) as bfloat16, halves to even, in one register
bf16x2 = _register("cvt.rn.bf16x2.f32 $0, $1, $2;", types.uint32, (types.float32, types.float32), "=r,f,f")


@intrinsic
def as_float(typingctx, bits):
    """Return the float32 that has these bits."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], _F32)

    return types.float32(types.uint32), codegen


@intrinsic
def load_matrices(typingctx, memory, at):
    """Return four float32: lane l has number l % 4 of row l // 4 of each of four matrices of 8 rows of 16 bytes.

    The rows of matrix i begin at the elements `at` of lanes 8i .. 8i + 7, a multiple of four each.
    """

    def codegen(context, builder, signature, args):
        start = context.make_array(signature.args[0])(context, builder, args[0]).data
        start = builder.ptrtoint(builder.addrspacecast(start, start.type.pointee.as_pointer(3)), _I32)
        where = builder.add(start, builder.mul(args[1], _I32(4)))
        text = "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {$0,$1,$2,$3}, [$4];"
        form = ir.FunctionType(ir.LiteralStructType([_I32] * 4), [_I32])
        asm = ir.InlineAsm(form, text, "=r,=r,=r,=r,r,~{memory}", side_effect=True)
        made = builder.call(asm, [where], attrs=("convergent",))
        parts = [builder.bitcast(builder.extract_value(made, i), _F32) for i in range(4)]
        return context.make_tuple(builder, signature.return_type, parts)

    return types.UniTuple(types.float32, 4)(memory, types.int32), codegen
