"""Every array that compiled code allocates ends before a page that nobody may touch: who reads beyond it, dies.

It is full of bytes 0x7F, 3e38 in float32, so that a number that nobody has written shows.
`install` changes what is compiled, or loaded from the disk, afterwards, for the rest of the process.
`python -m tests.guarded_memory` runs all passes on the CPU so, on verify's small and large problems.
"""

import ctypes

import llvmlite.binding as llvm
import numpy as np
from numba.core.registry import cpu_target
from numba.core.runtime import _nrt_python, rtsys

SYMBOLS = ("NRT_MemInfo_alloc_aligned", "NRT_MemInfo_alloc_safe_aligned")
_MANAGE = 2  # place in Numba's table NRT_api_functions (nrt_external.h): makes an owner of memory
# the first page notes the size of it all, the array ends with the last but one, the last is the guard
_CODE = """
declare i8* @mmap(i8*, i64, i32, i32, i32, i64)
declare i32 @mprotect(i8*, i64, i32)
declare i32 @munmap(i8*, i64)
declare i8* @memset(i8*, i32, i64)

define i8* @allocate(i64 %size, i32 %align) {{
  %beyond = add i64 %size, 4095
  %whole = and i64 %beyond, -4096
  %all = add i64 %whole, 8192
  %first = call i8* @mmap(i8* null, i64 %all, i32 3, i32 34, i32 -1, i64 0)
  %note = bitcast i8* %first to i64*
  store i64 %all, i64* %note
  %end = add i64 %whole, 4096
  %guard = getelementptr i8, i8* %first, i64 %end
  %done = call i32 @mprotect(i8* %guard, i64 4096, i32 0)
  %back = sub i64 0, %size
  %data = getelementptr i8, i8* %guard, i64 %back
  %same = call i8* @memset(i8* %data, i32 127, i64 %size)
  %manage = inttoptr i64 {manage} to i8* (i8*, void (i8*)*)*
  %owner = call i8* %manage(i8* %data, void (i8*)* @give_back)
  ret i8* %owner
}}

define void @give_back(i8* %data) {{
  %address = ptrtoint i8* %data to i64
  %page = and i64 %address, -4096
  %noted = sub i64 %page, 4096
  %note = inttoptr i64 %noted to i64*
  %all = load i64, i64* %note
  %first = inttoptr i64 %noted to i8*
  %done = call i32 @munmap(i8* %first, i64 %all)
  ret void
}}
"""
_kept = list[object]()  # an engine's code goes with it


def install() -> None:
    """Put the guarded allocation in the place of Numba's; Linux's constants are in the code."""
    rtsys.initialize(cpu_target.target_context)
    table = ctypes.CFUNCTYPE(ctypes.POINTER(ctypes.c_void_p))(_nrt_python.c_helpers["get_api"])()
    module = llvm.parse_assembly(_CODE.format(manage=table[_MANAGE]))
    engine = llvm.create_mcjit_compiler(module, llvm.Target.from_default_triple().create_target_machine(jit=True))
    engine.finalize_object()
    _kept.append(engine)
    for symbol in SYMBOLS:
        llvm.add_symbol(symbol, engine.get_function_address("allocate"))


def main() -> None:
    """Run all passes; name each before it runs."""
    from kernels.verify.implementation import Registered
    from kernels.verify.operations import load_all
    from kernels.verify.problems import Problems

    install()
    for op in load_all().values():
        for dtype in op.dtypes:
            problems = Problems(op, dtype, quick=False)
            for variant in op.variants("cpu"):
                impl = Registered(op, variant)
                for name in op.passes:
                    print(f"{op.name} {variant} {name} {dtype.__name__}", flush=True)
                    for p in (*problems.of(impl, "integers", "small"), *problems.of(impl, "integers", "large")):
                        args, settings = op.arguments(name, p)
                        with np.errstate(all="ignore"):
                            impl.call(name, args, settings)


if __name__ == "__main__":
    main()
