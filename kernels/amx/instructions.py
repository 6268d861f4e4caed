"""The matrix unit from Numba: eight tile registers of 16 rows x 64 bytes, and the few instructions that use them.

    tiles = unit.copy(); configure(tiles)                  # in every task: a thread's tiles have no shape yet
    zero(tiles, 0); load(tiles, 4, x, u, 16); load(tiles, 6, k, v, 16); multiply(tiles, 0, 4, 6)
    store(tiles, 0, y, w, 16); release(tiles)

A tile's number is a constant, part of the instruction; `tiles` is the kernels' word for where the tiles are. Its type
decides what is compiled: TILES (64 bytes, what LDTILECFG reads) means the instructions, MODEL (8,16,16) the exact model
of them (model.py), by which the kernels' source is tested on any processor. Arrays are flat, of uint32 or float32.
Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18.
"""

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from kernels.amx import model
from kernels.cpu import simd_llvm as llvm
from kernels.cpu.simd_llvm import I64

I8 = ir.IntType(8)
TILES = np.zeros(64, np.uint8)
TILES[0] = 1  # palette 1
TILES[16:32].view(np.uint16)[:] = 4 * model.WORDS  # bytes of a row, for each of the eight tiles
TILES[48:56] = model.ROWS
MODEL = np.zeros((model.TILES, model.ROWS, model.WORDS), np.uint32)


@intrinsic
def configure(typingctx, tiles):
    """Give this thread's tiles their shape; LDTILECFG. All of them become 0."""

    def codegen(context, builder, sig, args):
        if not _is_model(tiles):
            pointer = builder.bitcast(llvm.data(context, builder, tiles, args[0]), I8.as_pointer())
            _call(builder, "llvm.x86.ldtilecfg", [pointer])
        return context.get_dummy_value()

    return types.void(tiles), codegen


@intrinsic
def release(typingctx, tiles):
    """Give the tiles back: a thread without them is switched sooner. TILERELEASE."""

    def codegen(context, builder, sig, args):
        if not _is_model(tiles):
            _call(builder, "llvm.x86.tilerelease", [])
        return context.get_dummy_value()

    return types.void(tiles), codegen


@intrinsic(prefer_literal=True)
def zero(typingctx, tiles, t):
    """Set tile t to 0; TILEZERO."""

    def codegen(context, builder, sig, args):
        if _is_model(tiles):
            return _by_model(context, builder, model.zero, sig, args)
        return _call(builder, "llvm.x86.tilezero", [_number(t)], context)

    return types.void(tiles, t), codegen


@intrinsic(prefer_literal=True)
def multiply(typingctx, tiles, t, a, b):
    """Add the products of bfloat16 tiles to a float32 tile: t[m,n] += sum of a[m,2s+i] * b[s,2n+i]; TDPBF16PS."""

    def codegen(context, builder, sig, args):
        if _is_model(tiles):
            return _by_model(context, builder, model.multiply, sig, args)
        return _call(builder, "llvm.x86.tdpbf16ps", [_number(n) for n in (t, a, b)], context)

    return types.void(tiles, t, a, b), codegen


@intrinsic(prefer_literal=True)
def load(typingctx, tiles, t, x, u, step):
    """Load tile t: its row r is the 16 words of x that begin at u + r*step; TILELOADD."""
    return _move(tiles, t, x, "llvm.x86.tileloadd64", model.load)


@intrinsic(prefer_literal=True)
def store(typingctx, tiles, t, x, u, step):
    """Store tile t: the 16 words of x that begin at u + r*step are its row r; TILESTORED."""
    return _move(tiles, t, x, "llvm.x86.tilestored64", model.store)


def _move(tiles, t, x, name, by_model):
    def codegen(context, builder, sig, args):
        if _is_model(tiles):
            return _by_model(context, builder, by_model, sig, args)
        place = builder.gep(llvm.data(context, builder, x, args[2]), [args[3]])
        step = builder.mul(args[4], I64(4))
        return _call(builder, name, [_number(t), builder.bitcast(place, I8.as_pointer()), step], context)

    return types.void(tiles, t, x, types.intp, types.intp), codegen


def _is_model(tiles):
    return tiles.ndim == 3


def _number(t):
    return I8(t.literal_value)


def _call(builder, name, arguments, context=None):
    kind = ir.FunctionType(ir.VoidType(), [a.type for a in arguments])
    builder.call(llvm.declared(builder.module, kind, name), arguments)
    return context and context.get_dummy_value()


def _by_model(context, builder, function, sig, args):
    """Call the model's function; a tile's number is an argument like any other there."""
    kinds = [types.unliteral(kind) for kind in sig.args]
    context.compile_internal(builder, function.py_func, types.void(*kinds), args)
    return context.get_dummy_value()
