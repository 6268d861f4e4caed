"""Ask memory for what will be read soon. The processor guesses too, but no further than to the end of a page.

Only for arrays that come from memory: in a cache, the asking takes longer than it saves.
"""

from numba import types
from numba.extending import intrinsic

from kernels.cpu import simd_llvm as llvm
from kernels.cpu.cache_line import LINE
from kernels.jit import jit

AHEAD = 4096  # bytes: far enough to arrive in time
LARGE = 1 << 20  # numbers from which an array is in no cache


@intrinsic
def _prefetch(typingctx, x, at):
    def codegen(context, builder, sig, args):
        llvm.prefetch(builder, builder.gep(llvm.data(context, builder, x, args[0]), [args[1]]))
        return context.get_dummy_value()

    return types.void(x, types.intp), codegen


@jit(inner=True)
def prefetch(x, at, count):
    """Bring what lies AHEAD of x's numbers at : at + count into the caches; x flat. It may lie beyond the end."""
    first = at + AHEAD // x.itemsize
    for i in range(first, first + count, LINE // x.itemsize):
        _prefetch(x, i)
