"""PTX written by hand: one instruction, run on every thread's own operands."""

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from kernels.emulator.arguments import Buffer
from kernels.emulator.launch import execute
from kernels.emulator.lowering import lower
from kernels.emulator.parse import parse
from kernels.emulator.program import Program
from kernels.emulator.report import Report

FIRST = (3 << 32) + (1 << 31)  # the address of the first buffer; the next is 1 << 32 further

HEAD = """
.version 8.0
.target sm_80
.address_size 64
.file 1 "kernel.py"
.visible .entry kernel(.param .u64 kernel_param_0, .param .u64 kernel_param_1, .param .u64 kernel_param_2,
                       .param .u64 kernel_param_3)
{
    .reg .pred %p<10>; .reg .b16 %h<10>; .reg .b32 %r<20>; .reg .b64 %d<20>; .reg .f32 %f<20>; .reg .f64 %g<20>;
    .shared .align 16 .b8 memory[1024];
    .loc 1 1 0
    mov.u32 %r0, %tid.x;
    mov.u32 %r1, %ctaid.x;
    mov.u32 %r2, %ntid.x;
    mad.lo.s32 %r3, %r1, %r2, %r0;
    mul.wide.u32 %d0, %r3, 8;
    ld.param.u64 %d1, [kernel_param_0];
    ld.param.u64 %d2, [kernel_param_1];
    ld.param.u64 %d3, [kernel_param_2];
    ld.param.u64 %d4, [kernel_param_3];
    add.u64 %d1, %d1, %d0; add.u64 %d2, %d2, %d0; add.u64 %d3, %d3, %d0; add.u64 %d4, %d4, %d0;
"""


def program(body: str, before: str = "") -> Program:
    """A kernel with `body`. %d1..%d3 point to the thread's own 8 bytes of three inputs, %d4 to those of the output."""
    return lower(parse(before + HEAD + body + "\nret;\n}\n"))


def launch(body: str, inputs: list[np.ndarray], n: int, block: int | None = None, before: str = "") -> np.ndarray:
    """Run `body` on n threads; the outputs as uint64. `before`: what stands above the kernel."""
    out = np.zeros(n, np.uint64)
    run(body, inputs, out, 1, block or n, before)
    return out


def run(body: str, inputs: list[np.ndarray], out: np.ndarray, grid: int, block: int, before: str = "") -> Report:
    """Run `body`; the report."""
    arrays = [*inputs, *[np.zeros(max(len(out), 1), np.uint64)] * (3 - len(inputs)), out]
    buffers = [
        Buffer(name, np.frombuffer(a.tobytes(), np.uint8), a.itemsize, True, a)
        for name, a in zip(("a", "b", "c", "out"), arrays, strict=True)
    ]
    words = [FIRST + (i << 32) for i in range(4)]
    return execute(program(body, before), "kernel", (grid, 1, 1), (block, 1, 1), buffers, words)


_LETTERS = {"16": "h", "32": "r", "64": "d", "f32": "f", "f64": "g"}


def _register(kind: str, number: int) -> str:
    return f"%{_LETTERS.get(kind, _LETTERS.get(kind[1:], 'h'))}{number}"


def compute(opcode: str, kinds: str, *operands: np.ndarray) -> np.ndarray:
    """One instruction on arrays of operands. `kinds`: the types of the result and the operands, "u32 u32 u32"."""
    result, *sources = kinds.split()
    n = len(operands[0])
    body = ""
    names = []
    for i, kind in enumerate(sources):
        name = _register(kind, 10 + i) if kind[1:] != "16" and kind[1:] != "8" else f"%h{5 + i}"
        names.append(name)
        width = "16" if kind[1:] == "8" else kind[1:]
        body += f"ld.global.{'f' if kind[0] == 'f' else 'b'}{width} {name}, [%d{1 + i}];\n"
    to = _register(result, 9)
    width = result[1:]
    if result == "pred":
        to = "%p1"
    body += f"{opcode} {to}, {', '.join(names)};\n"
    if result == "pred":
        body += "selp.b32 %r9, 1, 0, %p1;\n"
        to, width = "%r9", "32"
    width = "16" if width == "8" else width
    body += f"st.global.{'f' if result[0] == 'f' else 'b'}{width} [%d4], {to};\n"
    wide = [np.frombuffer(_padded(o), np.uint64) for o in operands]
    padded = -(-n // 32) * 32
    out = np.zeros(padded, np.uint64)
    inputs = [np.concatenate([w, np.zeros(padded - n, np.uint64)]) for w in wide]
    run(body, inputs, out, padded // 32, 32)
    dtype = {"pred": np.dtype(np.uint32), "u8": np.dtype(np.uint16), "s8": np.dtype(np.int16)}.get(result)
    dtype = dtype or np.dtype({"u": "uint", "s": "int", "b": "uint", "f": "float"}[result[0]] + result[1:])
    return out.view(np.uint8).reshape(padded, 8)[:n, : dtype.itemsize].copy().view(dtype).reshape(-1)


def _padded(values: np.ndarray) -> bytes:
    """Each value in 8 bytes of its own; what is beyond it is garbage that must not matter."""
    rows = np.full((len(values), 8), 0xA5, np.uint8)
    rows[:, : values.itemsize] = np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)
    return rows.tobytes()
