"""One mutant of a CUDA file, loaded in place of the original in this process, and the original back afterwards."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import numpy as np

from kernels import device, registry
from kernels.emulator import run
from kernels.verify import properties
from kernels.verify.implementation import Registered
from kernels.verify.operations import load_operations
from kernels.verify.problems import EMULATED, case
from kernels.verify.property_list import PROPERTIES
from tests.mutation.operators import Mutant

LIMIT = 3 * 10**7  # jumps back, after which a mutant counts as endless
SEEDS = 8


def path_of(op: str, variant: str) -> str:
    return f"kernels/{op}/{variant}.py"


def noticed(op: str, variant: str, mutant: Mutant) -> str | None:
    """What was seen of a variant with this mutant in it; None if nothing was."""
    with in_place(mutant):
        try:
            _hold(op, variant)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a wrong number, a fault, or code that is none
            return f"{type(error).__name__}: {error}"
    return None


def _hold(op: str, variant: str) -> None:
    operation = load_operations()[op]
    impl = Registered(operation, variant, "cuda-emulated")
    for name in operation.passes:
        for seed in range(SEEDS):
            g = operation.draw(np.random.default_rng(seed))
            for held in (PROPERTIES[what] for what in ("integers", "random")):
                held.check(operation, impl, name, case(operation, impl, g, np.float32, held.kind, seed, False))
        for g in operation.large:
            p = case(operation, impl, g, np.float32, "random", 1, True)
            if operation.work(p) <= EMULATED:
                properties.random(operation, impl, name, p)


@contextmanager
def in_place(mutant: Mutant) -> Iterator[None]:
    """Load the mutant, and anew every CUDA file that may import it; afterwards the originals are back."""
    name = mutant.path.removesuffix(".py").replace("/", ".")
    kept = _unload()
    launch, module = device.Emulated.launch, ModuleType(name)
    module.__file__ = f"{name}.py"
    registry.find.cache_clear()

    def limited(self: object, kernel: object, grid: object, block: object, arguments: tuple) -> None:
        run(kernel, grid, block, arguments, limit=LIMIT)

    try:
        _load(name, module)
        exec(compile(mutant.source, module.__file__, "exec"), module.__dict__)
        device.Emulated.launch = limited
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Numba misses the file of such a module
            yield
    finally:
        device.Emulated.launch = launch
        _unload()
        for other, original in kept.items():
            _load(other, original)
        registry.find.cache_clear()


def _load(name: str, module: ModuleType) -> None:
    """Enter a module, also in its package: `from package import module` looks there first."""
    sys.modules[name] = module
    package, _, last = name.rpartition(".")
    if package in sys.modules:
        setattr(sys.modules[package], last, module)


def _unload() -> dict[str, ModuleType]:
    """Forget every CUDA file, and return them."""
    found = {m: sys.modules.pop(m) for m in list(sys.modules) if m.startswith("kernels.") and ".cuda" in m}
    for name in found:
        package, _, last = name.rpartition(".")
        if package in sys.modules:
            vars(sys.modules[package]).pop(last, None)
    return found
