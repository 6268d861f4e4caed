"""Put a mutant in place of the original, in a process of its own: nothing brings the original back."""

from __future__ import annotations

import ast
import itertools
import sys
from dataclasses import replace
from importlib import import_module
from typing import Any

from numba.core.bytecode import FunctionIdentity

from kernels import jit, registry
from kernels.compiled_files import CompiledFiles
from tests import guarded_memory
from tests import matrix_unit as unit
from tests.mutation.operators import Mutant
from tests.mutation.reach import Place, in_order, reached
from tests.mutation.targets import ROOT

NEW = 10**6  # functions, far more than a process compiles
_FUTURE = ast.parse("from __future__ import annotations").body


class Patch:
    """What `tests.matrix_unit.use` asks of pytest's monkeypatch."""

    before: dict[tuple[Any, str], Any] = {}  # noqa: RUF012  (one for the process)

    @classmethod
    def setattr(cls, owner: Any, name: str, value: Any) -> None:
        """Replace a module's function, and keep the one that was there first."""
        cls.before.setdefault((owner, name), getattr(owner, name))
        setattr(owner, name, value)


def load(places: set[Place]) -> None:
    """Import the modules that a mutant reaches, as they are."""
    for place in places:
        import_module(place.module)


def use_matrix_unit() -> None:
    """Let the matrix unit's variants run, on the exact model of its instructions if there is no unit."""
    unit.use(Patch)


def leave_matrix_unit() -> None:
    """Let the matrix unit's variants run only if there is a unit: tests that need its model ask for it themselves."""
    for (owner, name), value in Patch.before.items():
        setattr(owner, name, value)


def put(mutant: Mutant) -> None:
    """Run anew every statement that the mistake reaches, the mistaken one among them; compiled code is not kept."""
    _number_anew()
    if sys.platform == "linux":
        guarded_memory.install()
    jit.folder = lambda: None
    CompiledFiles.save = lambda *_: None
    for place in in_order(reached(mutant.path, mutant.line)):
        path = path_of(place.module)
        _run(place, mutant.source if path == mutant.path else (ROOT / path).read_text(encoding="utf-8"))
    registry.find.cache_clear()
    use_matrix_unit()


def original(mutant: Mutant) -> Mutant:
    """Return a mutant of the same place without its mistake."""
    return replace(mutant, source=(ROOT / mutant.path).read_text(encoding="utf-8"))


def _number_anew() -> None:
    """Give what is compiled from now on names that no code from the disk has.

    Numba counts functions in each process and puts the number into their symbols. Machine code from the disk brings the
    numbers of the process that made it. Of two functions with one symbol the linker takes the one that was there first:
    the original in place of the mutant.
    """
    FunctionIdentity._unique_ids = itertools.count(NEW)


def _run(place: Place, source: str) -> None:
    module = sys.modules[place.module]
    statement = ast.parse(source).body[place.number]
    future = _FUTURE * ("import annotations" in source)
    exec(compile(ast.Module([*future, statement], []), str(module.__file__), "exec"), module.__dict__)


def path_of(module: str) -> str:
    """Return a module's file."""
    path = module.replace(".", "/")
    return f"{path}.py" if (ROOT / f"{path}.py").exists() else f"{path}/__init__.py"
