"""Does a mistake change the compiled code at all? If not, no test can notice it."""

from __future__ import annotations

import ast
import re
from typing import Any

from kernels import jit
from kernels.emulator import compile as emulator
from tests.mutation import apply
from tests.mutation.operators import Mutant
from tests.mutation.targets import for_cuda

# names have numbers that count compilations; comments and debug lines are no code
_NAMES = re.compile(r'"?[\w.$]*(?:_ZN|_ZZ|NumbaEnv|\.const\.|numba_)[^\s,;)"]*"?')
_NO_CODE = re.compile(r"^\s*(?:\.loc|\.file|//|#).*$", re.MULTILINE)


class Before:
    """What was compiled before a mutant was put in place."""

    def __init__(self) -> None:
        self.entries, self.ptx = len(jit.ENTRIES), dict(emulator._made)

    def is_same(self, mutant: Mutant) -> bool:
        """Return whether all that has been compiled since is what the original compiles to.

        False if Python itself runs the mistaken line, or nothing has been compiled.
        """
        if not _is_compiled(mutant):
            return False
        if for_cuda(mutant.path):
            originals = set(map(_code, self.ptx.values()))
            new = [text for key, text in emulator._made.items() if key not in self.ptx]
            return bool(new) and all(_code(text) in originals for text in new)
        return self._is_same_on_cpu(mutant)

    def _is_same_on_cpu(self, mutant: Mutant) -> bool:
        mutated = [entry for entry in jit.ENTRIES[self.entries :] if entry.overloads]
        last = len(jit.ENTRIES)
        apply.put(apply.original(mutant))
        originals = {_key(entry): entry for entry in jit.ENTRIES[last:]}
        for entry in mutated:
            other = originals[_key(entry)]
            for signature in list(entry.overloads):
                other.compile(signature)
                if _assembly(entry, signature) != _assembly(other, signature):
                    return False
        return bool(mutated)


def _key(entry: Any) -> tuple[str, str, int]:
    return entry.py_func.__module__, entry.py_func.__qualname__, entry.py_func.__code__.co_firstlineno


def _assembly(entry: Any, signature: tuple) -> str:
    return _code(entry.overloads[signature].library.get_asm_str())


def _code(text: str) -> str:
    return _NAMES.sub("N", _NO_CODE.sub("", text))


def _is_compiled(mutant: Mutant) -> bool:
    """Return whether the innermost function around the mistake is compiled by Numba."""
    around = [
        node
        for node in ast.walk(ast.parse(mutant.source))
        if isinstance(node, ast.FunctionDef) and node.lineno <= mutant.line <= (node.end_lineno or 0)
    ]
    innermost = max(around, key=lambda node: node.lineno, default=None)
    return innermost is not None and any("jit" in ast.unparse(d) for d in innermost.decorator_list)
