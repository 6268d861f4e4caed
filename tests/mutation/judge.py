"""What a mutant has to face: verify's problems in the passes that it reaches, then the tests of its operations."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kernels import device, registry
from kernels.emulator import run
from kernels.verify.implementation import Registered
from kernels.verify.operations import load_all
from kernels.verify.problem import exact
from kernels.verify.problems import Problems
from kernels.verify.properties import Broken
from kernels.verify.property_list import PROPERTIES, applies
from tests.mutation import apply
from tests.mutation.child import Answer, allow
from tests.mutation.operators import Mutant
from tests.mutation.reach import Place, find, modules, reached
from tests.mutation.same_code import Before
from tests.mutation.targets import for_cuda

SECONDS = 90  # of processor time for one problem, with what it compiles: the slowest takes a third of it
LIMIT = 3 * 10**7  # an emulated kernel's jumps back, after which it counts as endless
SPECS = load_all()
# where the passes are that no variant's name chooses
FIXED = {
    "conv2d_fixed": ("kernels.conv2d.fixed", ("pack", "lay_out", "forward")),
    "conv2d_fixed_winograd": ("kernels.conv2d.fixed_winograd", ("pack", "forward")),
    "conv2d_fixed_depthwise": ("kernels.conv2d.cpu", ("forward",)),
}
# (dtype, set of problems, properties), the quick ones first
STEPS: tuple[tuple[Any, str, tuple[str, ...]], ...] = (
    (np.float32, "small", ("integers", "random")),
    (np.float32, "large", ("integers", "random")),
    (np.float32, "small", ("unlike", "special", "scales", "calls", "unwritten", "surroundings", "layouts", "adjoint")),
    (np.float32, "stretched", ("integers",)),
    (np.float32, "long", ("integers",)),
    (np.float64, "small", ("integers", "random")),
    (np.float64, "large", ("integers", "random")),
    (np.float64, "stretched", ("integers",)),
)
FIRST = 0  # the step whose oracle is asked before the process forks: most mutants go no further
ON_EMULATOR = ("small", "large")


class User(NamedTuple):
    """A pass of a variant."""

    op: str
    variant: str
    name: str


def users(mutant: Mutant) -> list[User]:
    """Return the passes that a mutant reaches, its own operation's first; the matrix unit's if there are no others."""
    places = reached(mutant.path, mutant.line)
    if for_cuda(mutant.path):
        cores = registry.TENSOR_CORES
        found = list(_reached({n: (*op.variants("cuda"), *cores.get(n, ())) for n, op in SPECS.items()}, places))
    else:
        found = list(_reached({name: op.variants("cpu") for name, op in SPECS.items()}, places))
        found = found or list(_reached(registry.MATRIX_UNIT, places))
    return sorted(found, key=lambda user: user.op != Path(mutant.path).parent.name)


def _reached(variants: dict[str, tuple[str, ...]], places: set[Place]) -> Iterator[User]:
    for op, names in variants.items():
        for variant in reversed(names):
            for name in SPECS[op].passes:
                module, parts = FIXED.get(op, (f"kernels.{getattr(SPECS[op], 'home', op)}.{variant}", (name,)))
                if any(places & set(find(modules()[module], part)) for part in parts):
                    yield User(op, variant, name)


class Judge:
    """The problems, made once for all mutants, and the baseline."""

    def __init__(self) -> None:
        self.problems: dict[tuple, Problems] = {}
        self.held: set[User] = set()

        def limited(self: object, kernel: object, grid: object, block: object, arguments: tuple) -> None:
            run(kernel, grid, block, arguments, limit=LIMIT)

        device.Emulated.launch = limited  # type: ignore[method-assign,assignment]
        apply.use_matrix_unit()
        warnings.simplefilter("ignore")

    def prepare(self, mutant: Mutant, wanted: list[User]) -> None:
        """Hold the originals to the first problems, so that their oracles are known; Broken if one fails."""
        apply.load(reached(mutant.path, mutant.line))
        for user in wanted:
            if user not in self.held:
                self._hold(user, FIRST)
                self.held.add(user)

    def verdict(self, mutant: Mutant, wanted: list[User]) -> Answer:
        """Put a mutant in place and hold it to verify's problems; to be called in a process of its own."""
        allow(SECONDS)
        before = Before()
        try:
            apply.put(mutant)
        except Exception as error:
            apply.put(apply.original(mutant))  # does the original load? If not, the fault is this judge's
            return Answer("killed", f"it cannot be loaded: {type(error).__name__}: {error}"[:200])
        for step in range(len(STEPS)):
            for user in wanted:
                try:
                    self._hold(user, step)
                except Broken as broken:
                    return Answer("killed", f"{user.op} {user.variant}: {broken.property}: {broken}"[:200])
        if before.is_same(mutant):
            return Answer("equivalent", "the compiled code is the same")
        apply.put(mutant)  # the comparison has put the original back
        return Answer("survived", "")

    def _hold(self, user: User, step: int) -> None:
        dtype, which, properties = STEPS[step]
        emulated, modelled = "cuda" in user.variant, "amx" in user.variant
        if (emulated and which not in ON_EMULATOR) or (modelled and (which != "small" or dtype != np.float32)):
            return
        op = SPECS[user.op]
        if dtype == np.float64 and dtype not in op.dtypes:
            return
        dtype = dtype if dtype in op.dtypes else op.dtypes[0]  # levels have a dtype of their own
        impl = Registered(op, user.variant, "cuda-emulated" if emulated else "cpu")
        for what in (w for w in properties if applies(w, op, impl, user.name, dtype)):
            for p in self._of(user.op, dtype).of(impl, PROPERTIES[what].kind, which):
                exact(op, user.name, p)
                allow(SECONDS)
                PROPERTIES[what].check(op, impl, user.name, p)

    def _of(self, op: str, dtype: Any) -> Problems:
        if (op, dtype) not in self.problems:
            self.problems[op, dtype] = Problems(SPECS[op], dtype, quick=False)
        return self.problems[op, dtype]
