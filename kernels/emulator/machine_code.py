"""PTX -> the machine code of one GPU, by NVIDIA's assembler, and what is in it: registers, spills, the hot loop.

`ptxas` and `nvdisasm` come as wheels and need neither a GPU nor a driver.
"""

import importlib.util
import re
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

INSTALL = "pip install 'formula-convnet[cuda-static]' (no GPU is needed)"
MULTIPLY_ADDS = ("FFMA", "DFMA", "HMMA")
_INSTRUCTION = re.compile(r"/\*[0-9a-f]{4,}\*/\s+(?:\{\s*)?(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_]*)([A-Z0-9_.]*)(.*)")
_NOTHING = re.compile(r"/\*[0-9a-f]{4,}\*/\s+@!PT\s")  # never executed: keeps two instructions apart


@dataclass
class Loop:
    """Instructions from a label to the jump back to it; `kinds` counts them by name, wide loads as LDS.128."""

    instructions: int = 0
    kinds: Counter = field(default_factory=Counter)

    def share(self, *names: str) -> float:
        """Return the share of the instructions that have one of these names."""
        return sum(self.kinds[n] for n in names) / self.instructions if self.instructions else 0.0


@dataclass
class MachineCode:
    """`spilled`: bytes of registers that are stored to memory and loaded again; `local`: instructions that do so.

    hot: the innermost loop with the most multiply-adds, or else with the most instructions; empty if there is none.
    """

    registers: int
    spilled: int
    stack: int
    shared: int
    instructions: int
    local: int
    hot: Loop


@cache
def tool(name: str) -> Path:
    """Return where the wheel of ptxas or nvdisasm has put it; RuntimeError with the remedy if it is missing."""
    spec = importlib.util.find_spec("nvidia")
    for folder in spec.submodule_search_locations or () if spec else ():
        for found in sorted(Path(folder).glob(f"*/bin/{name}*")):
            return found
    raise RuntimeError(f"{name} is not installed: {INSTALL}")


def assemble(ptx: str, cc: tuple[int, int]) -> MachineCode:
    """Return what the assembler makes of a kernel for compute capability `cc`; RuntimeError if it refuses."""
    with tempfile.TemporaryDirectory() as folder:
        source, binary = Path(folder, "kernel.ptx"), Path(folder, "kernel.cubin")
        source.write_text(ptx)
        said = _run("ptxas", "-v", f"-arch=sm_{cc[0]}{cc[1]}", str(source), "-o", str(binary)).stderr
        listing = _run("nvdisasm", "-c", str(binary)).stdout
    every, loops = read(listing)
    local = sum(n for kind, n in every.kinds.items() if kind.split(".")[0] in ("LDL", "STL"))
    hot = max(loops, key=lambda loop: (sum(loop.kinds[k] for k in MULTIPLY_ADDS), loop.instructions), default=Loop())

    def figure(pattern: str) -> int:
        return sum(int(n) for n in re.findall(pattern, said))

    return MachineCode(
        registers=figure(r"Used (\d+) registers"),
        spilled=figure(r"(\d+) bytes spill (?:stores|loads)"),
        stack=figure(r"(\d+) bytes stack frame"),
        shared=figure(r"(\d+) bytes smem"),
        instructions=every.instructions,
        local=local,
        hot=hot,
    )


def _run(name: str, *arguments: str) -> subprocess.CompletedProcess:
    done = subprocess.run([str(tool(name)), *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{name} failed: {done.stderr.strip()[:1000]}")
    return done


def read(listing: str) -> tuple[Loop, list[Loop]]:
    """Return (all instructions, the innermost loops that multiply and add, or else all innermost ones) of a listing."""
    kinds: list[str] = []
    labels: dict[str, int] = {}
    jumps: list[tuple[int, str]] = []
    for line in listing.splitlines():
        if found := re.match(r"\s*(\.L\w+):", line):
            labels[found[1]] = len(kinds)
        elif (found := _INSTRUCTION.search(line)) and not _NOTHING.search(line):
            name, form, rest = found.groups()
            if name == "BRA" and (target := re.search(r"\.L\w+", rest)):
                jumps.append((len(kinds), target[0]))
            wide = re.search(r"\.(64|128)\b", form) if name[:2] in ("LD", "ST") else None
            kinds.append(name + (wide[0] if wide else ""))
    loops = [(labels[to], at) for at, to in jumps if labels.get(to, at) < at]
    whole = Loop(len(kinds), Counter(kinds))
    return whole, [Loop(b + 1 - a, Counter(kinds[a : b + 1])) for a, b in innermost(loops, kinds, MULTIPLY_ADDS)]


def innermost(loops: list[tuple[int, int]], kinds: list[str], wanted: tuple[str, ...]) -> list[tuple[int, int]]:
    """Return the loops (first, last) that hold a wanted instruction and no loop that does; else all innermost ones."""
    with_wanted = [(a, b) for a, b in loops if any(kind in wanted for kind in kinds[a : b + 1])]
    some = with_wanted or loops
    return [(a, b) for a, b in some if not any(a <= c and d <= b and (c, d) != (a, b) for c, d in some)]
