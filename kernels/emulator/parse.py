"""PTX text -> functions: declarations, labels and instructions, each with the Python line it was compiled from."""

import re
from dataclasses import dataclass, field
from math import prod

_DECLARATION = re.compile(r"\.align\s+(\d+)\s+\.(\w+)\s+([\w$]+)(?:\[(\d*)\])?(?:\s*=\s*\{(.*)\})?", re.S)
_OPERAND = re.compile(r"\s*(\{[^}]*\}|\[[^\]]*\]|\([^)]*\)|[^,\s][^,]*)")
_INSTRUCTION = re.compile(r"(?:@(!?)(%[\w$~]+)\s+)?([a-z][\w.:]*)\s*(.*)$", re.S)
_NAME = re.compile(r"[%$A-Za-z_][\w$]*")
TARGETS = ".branchtargets"
_SIZES = {"8": 1, "16": 2, "32": 4, "64": 8}


@dataclass
class Instruction:
    """One PTX instruction: `@guard opcode operands;` and the (file, line) of the Python code it stands for."""

    opcode: str
    operands: list[str]
    guard: str | None = None
    negated: bool = False
    place: tuple[int, int] = (0, 0)
    label: str | None = None  # set on the entries that only mark a place to jump to


@dataclass
class Function:
    """A kernel or a device function. `locals` and the module's `shared` map a name to (alignment, bytes)."""

    name: str
    returns: list[str]
    params: list[tuple[str, str]]  # (type, name)
    body: list[Instruction] = field(default_factory=list)
    registers: dict[str, str] = field(default_factory=dict)
    locals: dict[str, tuple[int, int]] = field(default_factory=dict)
    most_threads: int = 1024  # of a block, by the kernel's launch bounds


@dataclass
class Module:
    """A PTX file. `constants` maps a name to (alignment, bytes, writable)."""

    entry: Function
    functions: dict[str, Function]
    shared: dict[str, tuple[int, int]]
    constants: dict[str, tuple[int, bytes, bool]]
    files: dict[int, str]


@dataclass
class Library:
    """Several PTX files as one, each name once. `entries`: the names of the kernels."""

    entries: list[str]
    functions: dict[str, Function]
    shared: dict[str, tuple[int, int]]
    constants: dict[str, tuple[int, bytes, bool]]
    files: dict[int, str]

    def of(self, name: str) -> Module:
        """Return what one kernel is made from; ValueError if there is none of this name."""
        if name not in self.entries:
            raise ValueError(f"the PTX has no kernel (.entry) {name!r}; it has: {', '.join(self.entries) or 'none'}")
        return Module(self.functions[name], self.functions, self.shared, self.constants, self.files)


def parse(text: str) -> Module:
    """Parse the module in `text`; ValueError if it holds no kernel or more than one."""
    library = parse_all([text])
    if len(library.entries) != 1:
        raise ValueError(f"the PTX must hold one kernel (.entry), found {len(library.entries)}")
    return library.of(library.entries[0])


def parse_all(texts: list[str]) -> Library:
    """Parse several files that are linked together; of a name that two of them have, the last counts."""
    out = Library([], {}, {}, {}, {})
    for text in texts:
        one = _parse(text)
        out.entries += one.entries
        out.functions |= one.functions
        out.shared |= one.shared
        out.constants |= one.constants
        out.files = one.files | out.files
    return out


def _parse(text: str) -> Library:
    files = {int(n): path for n, path in re.findall(r'\.file\s+(\d+)\s+"([^"]*)"', text)}
    text = re.sub(r"/\*.*?\*/", "", re.sub(r"//[^\n]*", "", text), flags=re.S)
    shared: dict[str, tuple[int, int]] = {}
    constants: dict[str, tuple[int, bytes, bool]] = {}
    functions: dict[str, Function] = {}
    entries: list[str] = []
    outside = ""
    position = 0
    for head in re.finditer(r"\.(entry|func)\s+(\([^)]*\)\s*)?([\w$]+)\s*\(([^)]*)\)([^{;]*)([{;])", text):
        if head.start() < position:
            continue
        outside += text[position : head.start()]
        position = head.end()
        if head[6] == ";":
            continue
        position = _closing(text, head.end())
        function = Function(head[3], [n for _, n in _params(head[2] or "")], _params(head[4]))
        if bounds := re.search(r"\.maxntid\s+([\d,\s]*\d)", head[5]):
            function.most_threads = prod(map(int, bounds[1].split(",")))
        _body(text[head.end() : position - 1], function, shared)
        functions[function.name] = function
        if head[1] == "entry":
            entries.append(function.name)
    for statement in (outside + text[position:]).split(";"):
        _declare(statement, shared, constants)
    return Library(entries, functions, shared, constants, files)


def _closing(text: str, start: int) -> int:
    depth = 1
    for brace in re.finditer(r"[{}]", text[start:]):
        depth += 1 if brace[0] == "{" else -1
        if not depth:
            return start + brace.end()
    raise ValueError("the PTX ends within a function")


def _params(text: str) -> list[tuple[str, str]]:
    # `.param .u64 .ptr .global .align 8 name`: of all the words, the type and the name matter
    found = re.findall(r"\.param\s+((?:\.\w+\s+|\d+\s+)*)([\w$]+)", text)
    return [(next(w for w in words.split() if re.fullmatch(r"\.[usbf]\d+", w))[1:], name) for words, name in found]


def _size(kind: str, count: str | None) -> int:
    each = _SIZES[re.sub(r"\D", "", kind)]
    return each * int(count or 0) if count is not None else each


def _declare(statement: str, shared: dict, constants: dict) -> None:
    """Enter a variable outside of functions, or a shared one inside, in the table of its space."""
    found = _DECLARATION.search(statement)
    if not found:
        return
    align, kind, name, count, values = found.groups()
    if ".shared" in statement:
        shared[name] = (int(align), _size(kind, count))
    elif re.search(r"\.(global|const)\b", statement):
        each = _SIZES[re.sub(r"\D", "", kind)]
        numbers = [int(v, 0) for v in (values or "").split(",") if v.strip()]
        data = b"".join((v & (1 << 8 * each) - 1).to_bytes(each, "little") for v in numbers)
        constants[name] = (int(align), data.ljust(_size(kind, count), b"\0"), ".global" in statement)


def _body(text: str, function: Function, shared: dict) -> None:
    """Parse the statements of one function.

    A nested { } is a scope: its registers hide the outer ones of the same name.
    """
    scopes: list[dict[str, str]] = [{}]
    place, position, serial = (0, 0), 0, 0
    while position < len(text):
        if found := re.compile(r"\s+").match(text, position):
            position = found.end()
        elif text[position] in "{}":
            if text[position] == "{":
                scopes.append(dict(scopes[-1]))
                serial += 1
            else:
                scopes.pop()
            position += 1
        elif found := re.compile(r"\.loc\s+(\d+)\s+(\d+)[^\n]*").match(text, position):
            place = (int(found[1]), int(found[2]))
            position = found.end()
        elif found := re.compile(r"([\w$]+):").match(text, position):
            function.body.append(Instruction("label", [], label=found[1]))
            position = found.end()
        else:
            end = text.index(";", position)
            _statement(text[position:end].strip(), function, shared, scopes, serial, place)
            position = end + 1


def _statement(text: str, function: Function, shared: dict, scopes: list, serial: int, place: tuple[int, int]) -> None:
    scope = scopes[-1]
    if text.startswith(".reg"):
        for name in _registers(text, function.registers, serial if len(scopes) > 1 else 0):
            scope[name] = f"{name}~{serial}" if len(scopes) > 1 else name
    elif text.startswith(".param"):
        for _, name in _params(text):
            scope[name] = f"{name}~{serial}"
    elif text.startswith((".local", ".shared")):
        found = _DECLARATION.search(text)
        assert found, text
        table = function.locals if text.startswith(".local") else shared
        table[found[3]] = (int(found[1]), _size(found[2], found[4]))
    elif text.startswith(TARGETS):
        function.body.append(Instruction(TARGETS, _NAME.findall(text.removeprefix(TARGETS))))
    elif text and not text.startswith("."):
        text = _NAME.sub(lambda m: scope.get(m[0], m[0]), " ".join(text.split()))
        found = _INSTRUCTION.match(text)
        if not found:
            raise ValueError(f"not a PTX instruction: {text}")
        negated, guard, opcode, rest = found.groups()
        operands = [o.strip() for o in _OPERAND.findall(rest or "")]
        function.body.append(Instruction(opcode, operands, guard, bool(negated), place))


def _registers(text: str, table: dict[str, str], serial: int) -> list[str]:
    """Enter the registers of one `.reg` line into `table`; their names."""
    found = re.match(r"\.reg\s*\.(\w+)\s+(.*)", text, re.S)
    if not found:
        raise ValueError(f"not a PTX declaration of registers: {text}")
    kind, names = found[1], []
    for name, count in re.findall(r"([%\w$]+)(?:<(\d+)>)?", found[2]):
        names += [f"{name}{i}" for i in range(int(count))] if count else [name]
    table.update((f"{n}~{serial}" if serial else n, kind) for n in names)
    return names
