"""Copy numbers that lie side by side at once; a loop over them would first ask at each row whether both overlap."""

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from kernels.cpu import simd_llvm as llvm


@intrinsic
def copy(typingctx, y, at, x, first, count):
    """Write y[at : at + count] = x[first : first + count]; both are flat, of one dtype, and share no memory there."""

    def codegen(context, builder, sig, args):
        y_value, at_value, x_value, first_value, count_value = args
        target = builder.gep(llvm.data(context, builder, y, y_value), [at_value])
        source = builder.gep(llvm.data(context, builder, x, x_value), [first_value])
        size = context.get_abi_sizeof(context.get_data_type(x.dtype))
        cgutils.raw_memcpy(builder, target, source, count_value, size)
        return context.get_dummy_value()

    return types.void(y, types.intp, x, types.intp, types.intp), codegen
