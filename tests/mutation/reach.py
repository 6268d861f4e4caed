"""Which definitions a mistake reaches: those that mention the one it lies in, directly or through others.

Only these are run and compiled anew for a mutant, and only the passes among them are held to anything: what a mistake
does not reach is the same code as before. What a decorator gives a compiled form is held to mention that form.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from tests.mutation.targets import ROOT

REGISTERS = ("overload", "register_model", "lower_builtin", "lower_cast", "type_callable", "typeof_impl")
LEFT_OUT = ("kernels/verify/", "kernels/emulator/", "kernels/choices.py")  # they judge, or describe


class Place(NamedTuple):
    """One statement of a module, by its number."""

    module: str
    number: int


class Module:
    """A module's statements, and what its names stand for."""

    def __init__(self, name: str, source: str) -> None:
        self.name, self.body = name, ast.parse(source).body
        self.defined: dict[str, list[int]] = defaultdict(list)
        self.imported: dict[str, tuple[str, str]] = {}  # by statements within functions
        for number, statement in enumerate(self.body):
            for node in ast.walk(statement):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kernels"):
                    for a in node.names:
                        self.imported[a.asname or a.name] = node.module or "", a.name
            for name in _names(statement):
                self.defined[name].append(number)

    def at(self, line: int) -> Place:
        """Return the statement that a line belongs to."""
        starts = [min(n.lineno for n in (s, *getattr(s, "decorator_list", ()))) for s in self.body]
        return Place(self.name, max(i for i, start in enumerate(starts) if start <= line))

    def name_at(self, line: int) -> str:
        """Return the function or class that a line belongs to; "" for another statement."""
        return getattr(self.body[self.at(line).number], "name", "")


def _names(statement: ast.stmt) -> Iterator[str]:
    """Yield what a statement defines in its module."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        yield statement.name
    elif isinstance(statement, (ast.Import, ast.ImportFrom)):
        yield from (a.asname or a.name for a in statement.names)
    else:
        for node in ast.walk(statement):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                yield node.name
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, ast.ImportFrom):
                yield from (a.asname or a.name for a in node.names)


def module_of(path: str) -> str:
    """Return the name of a file's module."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@cache
def modules() -> dict[str, Module]:
    """Return every module of `kernels` that is not part of the judge."""
    found = {}
    for path in sorted((ROOT / "kernels").rglob("*.py")):
        where = path.relative_to(ROOT).as_posix()
        if not where.startswith(LEFT_OUT) and path.name != "__main__.py":
            name = module_of(where)
            found[name] = Module(name, path.read_text(encoding="utf-8"))
    return found


def _mentions(node: ast.AST) -> set[tuple[str, str | None]]:
    """Return (name, the attribute that is asked of it or None) of every name in a piece of code."""
    found, asked = set[tuple[str, str | None]](), set[int]()
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            found.add((part.value.id, part.attr))
            asked.add(id(part.value))
        elif isinstance(part, ast.Name) and id(part) not in asked:
            found.add((part.id, None))
    return found


def find(module: Module, name: str, attribute: str | None = None) -> Iterator[Place]:
    """Yield the statements that define a name, as it is mentioned in a module."""
    origin, original = module.imported.get(name, ("", ""))
    other = modules().get(f"{origin}.{original}")
    if other is None:
        yield from (Place(module.name, number) for number in module.defined.get(name, ()))
        if origin in modules() and name not in module.defined:  # imported within a function
            yield from find(modules()[origin], original)
    elif attribute is not None:
        yield from find(other, attribute)
    else:
        yield from (Place(other.name, number) for number in range(len(other.body)))


@cache
def readers() -> dict[Place, set[Place]]:
    """Return for every statement those that mention what it defines."""
    found: dict[Place, set[Place]] = defaultdict(set)
    for module in modules().values():
        for number, statement in enumerate(module.body):
            here = Place(module.name, number)
            for place in _read(module, statement):
                found[place].add(here)
            for decorator in getattr(statement, "decorator_list", ()):
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).split(".")[-1] in REGISTERS:
                    for name, attribute in set().union(*map(_mentions, decorator.args)):
                        for place in find(module, name, attribute):
                            found[here].add(place)
    return found


def _read(module: Module, statement: ast.stmt) -> Iterator[Place]:
    if isinstance(statement, ast.ImportFrom):
        origin = modules().get(statement.module or "")
        for a in statement.names:
            if origin is not None and f"{origin.name}.{a.name}" not in modules():
                yield from find(origin, a.name)
        return
    for name, attribute in _mentions(statement):
        yield from find(module, name, attribute)


def reached(path: str, line: int) -> set[Place]:
    """Return all statements that a mistake in a line of a file reaches."""
    found, new = set[Place](), {modules()[module_of(path)].at(line)}
    while new:
        found |= new
        new = {reader for place in new for reader in readers()[place]} - found
    return found


def in_order(places: set[Place]) -> list[Place]:
    """Return statements in the order in which importing their modules would run them."""
    order: dict[str, None] = {}
    seen: set[str] = set()

    def visit(name: str) -> None:
        if name in seen:
            return
        seen.add(name)
        for statement in modules()[name].body:
            if isinstance(statement, ast.ImportFrom):
                for a in statement.names:
                    for other in (statement.module or "", f"{statement.module}.{a.name}"):
                        if other in modules():
                            visit(other)
        order[name] = None

    for name in sorted({place.module for place in places}):
        visit(name)
    return [p for name in order for p in sorted(p for p in places if p.module == name)]
