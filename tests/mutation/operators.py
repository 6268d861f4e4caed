"""The mistakes: each turns a node of a function's syntax tree into other source text."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "=="}
SIGNS = {ast.Add: "-", ast.Sub: "+"}
AXES = {0: 1, 1: 0}


@dataclass(frozen=True)
class Mutant:
    path: str  # from the repository's root
    line: int
    column: int
    kind: str
    old: str
    new: str
    source: str  # of the whole file, mutated

    @property
    def name(self) -> str:
        return f"{self.path}:{self.line}:{self.column} {self.kind}: {self.old} -> {self.new}"


def changes(node: ast.AST) -> Iterator[tuple[str, str]]:
    """(kind, new text) for every mistake that can be made at this node."""
    text = ast.unparse(node)
    if isinstance(node, ast.Subscript) and not isinstance(node.value, ast.Subscript):
        yield from _indices(node)
    elif isinstance(node, ast.BinOp):
        left, right = (f"({ast.unparse(n)})" for n in (node.left, node.right))
        if type(node.op) in SIGNS:
            yield "wrong sign", f"({left} {SIGNS[type(node.op)]} {right})"
            yield "dropped term", left
        elif isinstance(node.op, ast.Mult):
            yield "dropped factor", left
            yield "dropped factor", right
        elif isinstance(node.op, ast.FloorDiv):
            yield "rounded up", f"(-(-{left} // {right}))"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield "wrong sign", f"({ast.unparse(node.operand)})"
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
        other = COMPARISONS[type(node.ops[0])]
        yield "other comparison", f"({ast.unparse(node.left)} {other} {ast.unparse(node.comparators[0])})"
    elif isinstance(node, ast.Compare) and len(node.ops) == 2 and isinstance(node.ops[1], ast.Lt):
        a, b, c = (ast.unparse(n) for n in (node.left, *node.comparators))
        yield "other comparison", f"({a} < {b} < {c})"
        yield "other comparison", f"({a} <= {b} <= {c})"
    elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("range", "prange", "numba.prange"):
        *before, stop = (ast.unparse(a) for a in (node.args[:2] if len(node.args) > 1 else node.args))
        step = [ast.unparse(a) for a in node.args[2:]]
        yield "missing last round", f"{ast.unparse(node.func)}({', '.join([*before, f'({stop}) - 1', *step])})"
    elif isinstance(node, ast.Call) and ast.unparse(node.func) == "np.zeros":
        yield "stale buffer", text.replace("np.zeros", "np.empty", 1)
    elif isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
        target, value = ast.unparse(node.target), ast.unparse(node.value)
        yield "wrong sign", f"{target} -= {value}"
        yield "overwritten sum", f"{target} = {value}"
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript) and _is_zero(node.value):
        yield "stale buffer", "pass"


def _indices(node: ast.Subscript) -> Iterator[tuple[str, str]]:
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    texts = [ast.unparse(p) for p in parts]
    for i, part in enumerate(parts):
        if isinstance(part, (ast.Slice, ast.Starred)) or (isinstance(part, ast.Constant) and part.value is Ellipsis):
            continue
        if isinstance(part, ast.Constant) and part.value in AXES and len(parts) == 1:
            news = [("swapped axes", str(AXES[part.value]))]
        elif isinstance(part, ast.Constant):
            continue
        else:
            news = [("index off by one", f"({texts[i]}) + 1"), ("index off by one", f"({texts[i]}) - 1")]
        for kind, new in news:
            yield kind, f"{ast.unparse(node.value)}[{', '.join([*texts[:i], new, *texts[i + 1 :]])}]"


def _is_zero(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0


def mutants(path: str, source: str) -> list[Mutant]:
    """Every mutant of a file whose mistake lies in a function's body and not in an error message or an annotation."""
    found, lines = [], source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))
    data = source.encode()
    for node in _inside_functions(ast.parse(source)):
        first = starts[node.lineno - 1] + node.col_offset
        last = starts[node.end_lineno - 1] + node.end_col_offset
        old = " ".join(data[first:last].decode().split())
        for kind, new in changes(node):
            mutated = (data[:first] + new.encode() + data[last:]).decode()
            found.append(Mutant(path, node.lineno, node.col_offset, kind, old, new, mutated))
    return found


def _inside_functions(tree: ast.Module) -> Iterator[ast.AST]:
    seen: set[int] = set()
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for statement in function.body:
                yield from (n for n in _below(statement) if id(n) not in seen and not seen.add(id(n)))


def _below(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, (ast.Raise, ast.Assert, ast.Import, ast.ImportFrom, ast.FunctionDef)):
        return
    if hasattr(node, "lineno"):
        yield node
    for name, child in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for part in child if isinstance(child, list) else [child]:
            if isinstance(part, ast.AST):
                yield from _below(part)
