"""Lowering of what waits for other threads, asks them, calls the system, or says where a thread goes on."""

from kernels.emulator import machine as m
from kernels.emulator import warp_operations as together
from kernels.emulator.lower_memory import parameter_of
from kernels.emulator.lowering import Lowering, rule
from kernels.emulator.parse import Instruction


@rule("bar", "barrier")
def _barrier(low: Lowering, instruction: Instruction) -> None:
    words = instruction.opcode.split(".")
    if words[1] == "warp":
        low.emit(m.WARP_SYNC, None, [], E=low.value(instruction.operands[0]))
    elif words[1] in ("red", "cta") and "red" in words:
        _reduce(low, instruction, words)
    elif "sync" in words and instruction.operands == ["0"]:
        low.emit(m.BARRIER, None, [], BYTES=m.PLAIN, SPACE=m.BLOCK_BARRIER)
    else:
        raise low.unsupported()


def _reduce(low: Lowering, instruction: Instruction, words: list[str]) -> None:
    """Lower a barrier at which the threads also learn of each other's predicates."""
    result, number, *more, predicate = instruction.operands
    how = {"and": m.AND_RED, "or": m.OR_RED, "popc": m.POPC_RED}.get(words[words.index("red") + 1])
    if how is None or number != "0" or more:
        raise low.unsupported()
    low.emit(m.BARRIER, low.register(result), [low.value(predicate)], BYTES=how, SPACE=m.BLOCK_BARRIER)


@rule("shfl")
def _shuffle(low: Lowering, instruction: Instruction) -> None:
    words, operands = instruction.opcode.split("."), instruction.operands
    if words[1] != "sync":
        raise low.unsupported()
    how = {"up": together.UP, "down": together.DOWN, "bfly": together.BUTTERFLY, "idx": together.INDEX}[words[2]]
    result, _, inside = operands[0].partition("|")
    line = low.emit(m.SHUFFLE, low.register(result), [low.value(o) for o in operands[1:]], BYTES=how)
    line.columns[m.D1] = low.register(inside) if inside else -1
    line.writes += [line.columns[m.D1]] if inside else []


@rule("vote")
def _vote(low: Lowering, instruction: Instruction) -> None:
    words, operands = instruction.opcode.split("."), instruction.operands
    how = {"all": together.ALL, "any": together.ANY, "uni": together.UNIFORM, "ballot": together.BALLOT}
    if words[1] != "sync" or words[2] not in how:
        raise low.unsupported()
    predicate, mask = low.value(operands[1]), low.value(operands[2])
    low.emit(m.VOTE, low.register(operands[0]), [predicate], E=mask, BYTES=how[words[2]])


@rule("match", "redux", "elect")
def _compare_lanes(low: Lowering, instruction: Instruction) -> None:
    """Lower what a warp's threads find out about each other's numbers."""
    words, operands = instruction.opcode.split("."), instruction.operands
    name, kind = ".".join(w for w in words if w != "sync"), words[-1]
    name = name.removesuffix(f".{kind}") if name not in together.AMONG else name
    if "sync" not in words or name not in together.AMONG:
        raise low.unsupported()
    signed = name if kind != "s32" else name.replace("min", "smin").replace("max", "smax")
    result, _, second = operands[0].partition("|")
    to = low.register(result) if result != "_" else low.temporary()
    sources = [low.value(o) for o in operands[1:-1]]
    if kind == "b32" and words[0] == "match":
        sources = [low.temporary()]
        low.emit("extend.u32", sources[0], [low.value(operands[1])])
    mask = low.value(operands[-1])
    line = low.emit(m.VOTE, to, sources, E=mask, BYTES=together.AMONG[signed])
    line.columns[m.D1] = low.register(second) if second not in ("", "_") else -1
    line.writes += [line.columns[m.D1]] if line.columns[m.D1] >= 0 else []


@rule("activemask")
def _active(low: Lowering, instruction: Instruction) -> None:
    low.emit(m.ACTIVE, low.register(instruction.operands[0]), [low.constant(1)], BYTES=together.BALLOT)


@rule("membar", "fence", "nanosleep", "prefetch", "prefetchu")
def _fence(low: Lowering, instruction: Instruction) -> None:
    words = instruction.opcode.split(".")
    reach = 0
    if words[0] in ("membar", "fence"):
        reach = m.BLOCK_FENCE if "cta" in words else m.DEVICE_FENCE
    low.emit(m.FENCE, None, [], BYTES=reach)


@rule("ret", "exit")
def _exit(low: Lowering, instruction: Instruction) -> None:
    low.emit(m.EXIT, None, [])


@rule("trap")
def _trap(low: Lowering, instruction: Instruction) -> None:
    low.emit(m.TRAP, None, [])


@rule("bra")
def _branch(low: Lowering, instruction: Instruction) -> None:
    low.emit(m.BRANCH, None, []).target = instruction.operands[0]


@rule("brx")
def _branch_by_index(low: Lowering, instruction: Instruction) -> None:
    """Lower a jump to one of several places: a jump for each; an index beyond them is a trap."""
    index, targets = instruction.operands
    if instruction.guard or targets not in low.targets:
        raise low.unsupported()
    for i, target in enumerate(low.targets[targets]):
        chosen = low.temporary()
        low.emit("setp.eq.u32", chosen, [low.value(index), low.constant(i)])
        line = low.emit(m.BRANCH, None, [], GUARD=chosen, NEGATED=0)
        line.reads.append(chosen)
        line.target = target
    low.emit(m.TRAP, None, [])


@rule("vprintf")
def _print(low: Lowering, instruction: Instruction) -> None:
    result, text, arguments = (parameter_of(low, f"[{name}]") for name in instruction.operands)
    low.emit(m.PRINT, result, [text, arguments])


@rule("cudaCGGetIntrinsicHandle")
def _grid_handle(low: Lowering, instruction: Instruction) -> None:
    """Lower the call for the grid's handle, of which only that it is not 0 is known."""
    low.emit("mov", parameter_of(low, f"[{instruction.operands[0]}]"), [low.constant(1)])


@rule("cudaCGSynchronize")
def _meet(low: Lowering, instruction: Instruction) -> None:
    low.emit(m.BARRIER, None, [], BYTES=m.PLAIN, SPACE=m.GRID_BARRIER)
    low.emit("mov", parameter_of(low, f"[{instruction.operands[0]}]"), [low.constant(0)])
