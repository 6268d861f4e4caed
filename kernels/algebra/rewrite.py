"""Exchange floating-point arithmetic for that of `arithmetic` in the text of LLVM's language.

float becomes i32, double becomes i64: memory, moves, masks and control flow stay what they are. Additions and
multiplications become calls. What such numbers cannot do is refused by name: comparisons, minima, square roots, any
other function, and a look at their bits. So what can be exchanged branches on no number that it is given.
"""

from __future__ import annotations

import re

from kernels.algebra import helpers
from kernels.algebra.constant_floats import FLOATING, NAME, find, opcode, result
from kernels.algebra.moves import refuse_looks_at_bits
from kernels.algebra.refusal import NotAlgebraicError

_LITERAL = re.compile(r'(?<![\w.%@"$-])-?(?:\d+\.\d+e[+-]\d+|0x[0-9A-F]{16})\b')
_SPLAT = re.compile(r"splat \((float|double) ([^)]*)\)")
_LIST = re.compile(r"<((?:float|double) -?[\dx][^<>]*)>")
_VECTOR = re.compile(r"<(\d+) x (float|double)>")
_FLAGS = re.compile(r"\b(?:contract|nnan|ninf|nsz|arcp|afn|reassoc|fast) ")
_ARITHMETIC = {"fadd": "add", "fsub": "subtract", "fmul": "multiply", "fdiv": "divide", "fneg": "negate"}
MOVES = (
    *("load", "store", "getelementptr", "phi", "select", "insertelement", "extractelement", "shufflevector", "ret"),
    *("insertvalue", "extractvalue", "freeze", "alloca", "br", "switch"),
)
MASKED = re.compile(r"@llvm\.(masked\.(?:load|store|gather|scatter)|lifetime|assume|memcpy|memmove|memset|prefetch)")
_MANY = re.compile(r"\.v(\d+)f(32|64)\b")
_WIDTH = {"float": 32, "double": 64}


def rewrite(text: str) -> str:
    """Return the module with the arithmetic of helpers.WORLD."""
    lines, out, needed = text.splitlines(), [], set[tuple[str, int, int]]()
    defined = set(re.findall(r'^define [^\n]*?@("[^"]+"|[\w.$]+)\(', text, re.MULTILINE))
    at, declared = 0, set[str]()
    while at < len(lines):
        if not lines[at].startswith("define"):
            line = _outside(lines[at])
            function = line.partition("@")[2].partition("(")[0] if line.startswith("declare") else ""
            if function not in declared:  # moves of doubles may have become moves of integers that are there already
                out.append(line)
            declared |= {function} - {""}
            at += 1
            continue
        end = lines.index("}", at)
        out += _Function(lines[at:end], defined, needed).lines
        at = end
    return "\n".join(out) + "\n\n" + helpers.define(needed)


def _outside(line: str) -> str:
    """Rewrite a declaration or a global; constants of numbers in memory are not known to any arithmetic."""
    holds = line.startswith("@") and "NumbaEnv" not in line.split(" = ")[0] and _LITERAL.search(line.split('c"')[0])
    if holds and re.search(r"(?:float|double) -?(?!0\.0+e\+00\b)[\dx]", line):
        raise NotAlgebraicError(f"it reads constants from memory: {line[:80]}")
    return _types(line) if line.startswith(("@", "%")) or "@llvm.masked" in line else line


def _types(line: str) -> str:
    line = re.sub(r"\bnofpclass\([^)]*\) ?", "", line)
    line = FLOATING.sub(lambda m: "i32" if m[0] == "float" else "i64", line)
    return _MANY.sub(r".v\1i\2", line) if "@llvm.masked" in line else line


class _Function:
    """One function: its lines rewritten, and which helpers they need."""

    def __init__(self, lines: list[str], defined: set[str], needed: set[tuple[str, int, int]]) -> None:
        self.defined, self.needed = defined, needed
        self.constants: dict[tuple[str, str, int], str] = {}
        self.shapes = find(lines)
        refuse_looks_at_bits(lines)
        body: list[str] = []
        waiting: list[str] = []  # constants made from phis, which must come after all of these
        for line in lines[1:]:
            name, instruction = result(line)
            if waiting and opcode(instruction) != "phi":
                body += waiting
                waiting = []
            body.append(self._line(line, name, instruction))
            if name in self.shapes:
                made = self._from_shape(name, instruction)
                (waiting if opcode(instruction) == "phi" else body).append(made)
        self.lines = [_types(lines[0]), *self._with_constants(body)]

    def _with_constants(self, body: list[str]) -> list[str]:
        made = []
        for (kind, literal, lanes), name in self.constants.items():
            width, real = _WIDTH[kind], kind
            self.needed.add(("constant", width, 0))
            if not lanes:
                made.append(f"  {name} = call i{width} @algebra.constant.i{width}({real} {literal})")
                continue
            parts = literal.split(", ") if ", " in literal else [literal] * lanes
            before = "poison"
            for i, part in enumerate(parts):
                made.append(f"  {name}.{i}.n = call i{width} @algebra.constant.i{width}({real} {part})")
                to = name if i == lanes - 1 else f"{name}.{i}"
                made.append(f"  {to} = insertelement <{lanes} x i{width}> {before}, i{width} {name}.{i}.n, i32 {i}")
                before = to
        start = next((i + 1 for i, line in enumerate(body) if re.match(r'("[^"]*"|[\w.$-]+):', line)), 0)
        first = next((i for i, line in enumerate(body) if line.strip() and not line.startswith(";")), 0)
        start = start if start == first + 1 else first  # the first block may have no label
        return body[:start] + made + body[start:]

    def _from_shape(self, name: str, instruction: str) -> str:
        """Return the line that gives a value made of shapes its number in the arithmetic."""
        vector = _VECTOR.search(instruction.split(" to ")[-1])
        kind = vector[2] if vector else FLOATING.findall(instruction)[-1]
        lanes, width = int(vector[1]) if vector else 0, _WIDTH[kind]
        self.needed.add(("constant", width, lanes))
        real, given = (f"<{lanes} x {kind}>", f"<{lanes} x i{width}>") if lanes else (kind, f"i{width}")
        return f"  {_alias(name)} = call {given} @algebra.constant.{_suffix(lanes, width)}({real} {name})"

    def _line(self, line: str, name: str, instruction: str) -> str:
        if name in self.shapes or not FLOATING.search(instruction):
            return line
        code = opcode(instruction)
        if code in ("fcmp", "fptosi", "fptoui") and self._only_shapes(instruction):
            return line
        instruction = self._numbers(_FLAGS.sub("", instruction))
        if code in _ARITHMETIC or (code == "call" and re.search(r"@llvm\.fm(ul)?a(dd)?\.", instruction)):
            return f"  {name} = {self._operation(code, instruction)}"
        if code in ("fpext", "fptrunc"):
            kind = "zext" if code == "fpext" else "trunc"
            value = re.sub(rf"^{code}", kind, _types(instruction))
            return f"  {name} = {value}" if code == "fpext" else self._shorten(name, value)
        known = code in MOVES or (code == "call" and self._is_known(instruction))
        if not known:
            what = re.search(r"@([\w.]+)", instruction) if code == "call" else None
            raise NotAlgebraicError(f"it uses {what[1] if what else code} on its numbers")
        return f"  {name + ' = ' if name else ''}{_types(instruction)}"

    def _shorten(self, name: str, value: str) -> str:
        """Write a rounding to a shorter type, which counts as one."""
        before = re.match(r"trunc (\S+(?: x \S+)?) (\S+) to (.*)", value)
        if before is None or "<" in value:
            return f"  {name} = {value}"
        self.needed.add(("round_off", 64, 0))
        return (
            f"  {name}.long = call i64 @algebra.round_off.i64(i64 {before[2]})\n  {name} = trunc i64 {name}.long to i32"
        )

    def _only_shapes(self, instruction: str) -> bool:
        return all(n in self.shapes for n in NAME.findall(instruction))

    def _is_known(self, instruction: str) -> bool:
        called = re.search(r'@("[^"]+"|[\w.$]+)\(', instruction)
        return bool(MASKED.search(instruction)) or (called is not None and called[1] in self.defined)

    def _numbers(self, instruction: str) -> str:
        """Replace constants, and values made of shapes, by their numbers in the arithmetic."""
        kinds = set(FLOATING.findall(instruction))
        instruction = NAME.sub(lambda m: _alias(m[0]) if m[0] in self.shapes else m[0], instruction)
        if not _LITERAL.search(instruction):
            return instruction
        if len(kinds) != 1:
            raise NotAlgebraicError(f"constants of two types in one instruction: {instruction[:80]}")
        kind = kinds.pop()
        lanes = max((int(n) for n, _ in _VECTOR.findall(instruction)), default=0)
        instruction = _SPLAT.sub(lambda m: self._constant(kind, m[2], lanes), instruction)
        instruction = _LIST.sub(
            lambda m: self._constant(kind, m[1].replace(f"{kind} ", ""), m[1].count(",") + 1), instruction
        )
        return _LITERAL.sub(lambda m: self._constant(kind, m[0], 0), instruction)

    def _constant(self, kind: str, literal: str, lanes: int) -> str:
        if all(float(part) == 0 for part in literal.split(", ") if "x" not in part) and "x" not in literal:
            return "zeroinitializer" if lanes else "0"
        return self.constants.setdefault((kind, literal, lanes), f"%algebra.k{len(self.constants)}")

    def _operation(self, code: str, instruction: str) -> str:
        """Write an addition or multiplication as a call."""
        whole = re.search(r"(<(\d+) x (float|double)>|float|double) ", instruction)
        assert whole is not None
        kind, lanes = whole[3] or whole[1], int(whole[2] or 0)
        width = _WIDTH[kind]
        given = f"<{lanes} x i{width}>" if lanes else f"i{width}"
        if code == "call":
            name = "fuse"
            operands = re.findall(rf"{re.escape(whole[1])} ([^,()]+)", instruction.split("(", 1)[1])
        else:
            name = _ARITHMETIC[code]
            operands = instruction.split(whole[0], 1)[1].split(", !")[0].split(", ")
        self.needed.add((name, width, lanes))
        arguments = ", ".join(f"{given} {o.strip()}" for o in operands)
        return f"call {given} @algebra.{name}.{_suffix(lanes, width)}({arguments})"


def _alias(name: str) -> str:
    return f'{name[:-1]}.number"' if name.endswith('"') else f"{name}.number"


def _suffix(lanes: int, width: int) -> str:
    return f"v{lanes}i{width}" if lanes else f"i{width}"
