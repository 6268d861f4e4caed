"""Compile a kernel without the zeros that Numba writes to variables and local arrays before all else.

No document promises these zeros, so a kernel must not rely on them. In their place stands a copy of a PTX register
that nothing writes: the emulator then knows what holds no value. A kernel that fills what it reads compiles to the same
code, since a compiler leaves out writes that are overwritten.

Behind each local array lies a gap, so that an index beyond one does not reach the next; and arrays have Python's names.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from kernels.emulator.local_arrays import GAP, MOST, LocalArray

UNROLLED = 256  # elements up to which an array is filled one by one, as an array must be to live in registers
_SUFFIX = "_named_"  # before the Python name of a shared array, in its PTX name
_PREFIX = "novalue_"  # of the registers that nothing writes
_LOCK = threading.RLock()
_ASM = {16: ("b16", "=h"), 32: ("b32", "=r"), 64: ("b64", "=l")}


def python_name(name: str) -> str:
    """Return what a shared array, or a register without a value, is called in Python; "" if that is not known."""
    found = re.match(rf"\.?{_PREFIX}(\w+?)_end", name) or re.search(rf"{_SUFFIX}(\w+)$", name)
    return found[1] if found else ""


@contextmanager
def without_zeros(zeros: bool = False) -> Iterator[list[LocalArray]]:
    """Within this, numba-cuda compiles as said above; the list gets the local arrays, as they are compiled.

    zeros: keep Numba's; shared arrays have names all the same.
    """
    from numba.cuda import cudaimpl
    from numba.cuda.lowering import Lower

    cgutils = cudaimpl.cgutils

    arrays: list[LocalArray] = []
    targets = [""]
    assign, variable, once = Lower.lower_assign, Lower.alloca_lltype, cgutils.alloca_once
    unique = cudaimpl._get_unique_smem_id

    def lower_assign(self: Any, ty: Any, inst: Any) -> Any:
        targets.append(_plain(inst.target.name))
        try:
            if not zeros and getattr(inst.value, "op", "") == "null":  # the variable has no value on this path
                nothing = _nothing(self.builder, self.context.get_value_type(ty), targets[-1])
                if nothing is not None:
                    return nothing
            return assign(self, ty, inst)
        finally:
            targets.pop()

    def alloca_lltype(self: Any, name: str, lltype: Any, datamodel: Any = None) -> Any:
        pointer = variable(self, name, lltype, datamodel)
        if not zeros and not name.startswith("$") and name not in self.func_ir.arg_names:
            _store_nothing(self.builder, pointer, lltype, _plain(name))
        return pointer

    def alloca_once(builder: Any, ty: Any, size: Any = None, name: str = "", zfill: bool = False) -> Any:
        if zeros or name != "_cudapy_lmem":
            return once(builder, ty, size, name, zfill)
        return _local_array(builder, ty, targets[-1], arrays)

    with (
        _LOCK,
        mock.patch.object(Lower, "lower_assign", lower_assign),
        mock.patch.object(Lower, "alloca_lltype", alloca_lltype),
        mock.patch.object(cgutils, "alloca_once", alloca_once),
        mock.patch.object(cudaimpl, "_get_unique_smem_id", lambda prefix: f"{unique(prefix)}{_SUFFIX}{targets[-1]}"),
    ):
        yield arrays


def _plain(name: str) -> str:
    """Return a variable's name in Python: `x.2` is the second x; without what PTX does not allow in a name."""
    return re.sub(r"[^A-Za-z0-9_]", "_", name.split(".")[0])


def _local_array(builder: Any, laryty: Any, name: str, arrays: list[LocalArray]) -> Any:
    """Allocate a local array that holds nothing, with a gap behind it."""
    from llvmlite import binding, ir
    from numba.cuda.cudadrv import nvvm
    from numba.cuda.cudaimpl import cgutils

    data = binding.create_target_data(nvvm.NVVM().data_layout)
    item = laryty.element.get_abi_size(data)
    size = laryty.count * item
    # sums of different powers of two differ: the bytes of all arrays say which of them the compiler has kept
    total = size + GAP + (16 << min(len(arrays), MOST))
    total = -(-total // (16 * item)) * 16 * item
    arrays.append(LocalArray(name, size, total))
    with cgutils.debuginfo.suspend_emission(builder), builder.goto_entry_block():
        pointer = builder.alloca(ir.ArrayType(laryty.element, total // item), name="_cudapy_lmem")
        pointer.align = 16
        if laryty.count <= UNROLLED:
            nothing = _nothing(builder, laryty.element, name)
            for i in range(laryty.count if nothing is not None else 0):
                builder.store(nothing, cgutils.gep_inbounds(builder, pointer, 0, i))
    return pointer


def _store_nothing(builder: Any, pointer: Any, lltype: Any, name: str) -> None:
    from numba.cuda.cudaimpl import cgutils

    with cgutils.debuginfo.suspend_emission(builder), builder.goto_entry_block():
        nothing = _nothing(builder, lltype, name)
        if nothing is not None:
            builder.store(nothing, pointer)


def _nothing(builder: Any, lltype: Any, name: str) -> Any:
    """Return a value of an LLVM type that is copied from a register that nothing writes; None if there is none."""
    from llvmlite import ir

    if isinstance(lltype, ir.IntType) and lltype.width <= 64:
        width = next(w for w in _ASM if w >= lltype.width)
        value = _copy(builder, ir.IntType(width), *_ASM[width], name)
        return value if width == lltype.width else builder.trunc(value, lltype)
    if isinstance(lltype, ir.FloatType):
        return _copy(builder, lltype, "f32", "=f", name)
    if isinstance(lltype, ir.DoubleType):
        return _copy(builder, lltype, "f64", "=d", name)
    if isinstance(lltype, ir.PointerType):
        return builder.inttoptr(_copy(builder, ir.IntType(64), *_ASM[64], name), lltype)
    parts = list(getattr(lltype, "elements", ()))
    if isinstance(lltype, ir.ArrayType):
        parts = [lltype.element] * lltype.count if lltype.count <= 16 else []
    if not parts:
        return None
    whole = ir.Constant(lltype, ir.Undefined)
    for i, part in enumerate(parts):
        value = _nothing(builder, part, name)
        whole = builder.insert_value(whole, value, i) if value is not None else whole
    return whole


def _copy(builder: Any, lltype: Any, kind: str, constraint: str, name: str) -> Any:
    from llvmlite import ir

    register = f"{_PREFIX}{name}_end"
    text = f"{{ .reg .{kind} {register}; mov.{kind} $0, {register}; }}"
    return builder.call(ir.InlineAsm(ir.FunctionType(lltype, []), text, constraint), [])
