"""Lowering of what a warp does with small matrices: mma.sync and ldmatrix."""

from kernels.emulator import machine as m
from kernels.emulator import matrices
from kernels.emulator.listing import MATRICES
from kernels.emulator.lower_memory import listed, place_of
from kernels.emulator.lowering import Lowering, rule
from kernels.emulator.parse import Instruction

ALL = 0xFFFFFFFF  # every thread of the warp takes part


@rule("mma")
def _multiply(low: Lowering, instruction: Instruction) -> None:
    if instruction.opcode not in MATRICES:
        raise low.unsupported()
    d, a, b, c = (listed(o) for o in instruction.operands)
    sources = [low.value(o) for o in (*a, *b, *c)]
    results = [low.register(o) for o in d]
    kind = matrices.TF32 if "tf32" in instruction.opcode else matrices.BF16
    line = low.emit(m.MULTIPLY, results[0], [], BYTES=kind, E=low.constant(ALL))
    line.columns |= dict(zip((m.A, m.A1, m.A2, m.A3, m.B, m.B1, m.C, m.C1, m.C2, m.C3), sources, strict=True))
    line.columns |= dict(zip((m.D1, m.D2, m.D3), results[1:], strict=True))
    line.reads[:0] = [*sources, line.columns[m.E]]
    line.writes += results[1:]


@rule("ldmatrix")
def _load(low: Lowering, instruction: Instruction) -> None:
    words = instruction.opcode.split(".")
    if "m8n8" not in words or words[-1] != "b16" or not any(w in words for w in ("x1", "x2", "x4")):
        raise low.unsupported()
    results = [low.register(o) for o in listed(instruction.operands[0])]
    base, offset = place_of(low, instruction.operands[1])
    line = low.emit(
        m.LOAD_MATRICES, results[0], [base], C1=offset, LANES=len(results), SIGNED=int("trans" in words),
        SPACE=m.SHARED_SPACE, BYTES=16, E=low.constant(ALL), **{f"D{i}": r for i, r in enumerate(results) if i},
    )  # fmt: skip
    line.reads.insert(1, line.columns[m.E])
    line.writes += results[1:]
