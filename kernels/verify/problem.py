"""One problem: arrays and settings on which every pass of an operation can run, and what the oracle says of them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from kernels import registry
from kernels.verify.formulas import FORMULAS
from kernels.verify.rounding import Limit, of_sum

Geometry = dict[str, int]
Arguments = tuple[tuple, dict[str, Any]]
NAIVE = "cpu_naive"


@dataclass(frozen=True)
class Problem:
    """Named arrays and settings in normal form; `geometry` is what they were made from, `oracle` who knows."""

    geometry: Geometry
    arrays: dict[str, np.ndarray]
    settings: dict[str, Any]
    oracle: str = "reference"
    known: dict[Any, Any] = field(default_factory=dict, repr=False)  # what the oracle said, a pass each

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the floating-point arrays; float32, the type of real results, if there are none."""
        return next((a.dtype for a in self.arrays.values() if a.dtype.kind == "f"), np.dtype(np.float32))

    def replace(self, **arrays: np.ndarray) -> "Problem":
        """Return the problem with other numbers in some arrays, for which the oracle has not been asked yet."""
        return Problem(self.geometry, {**self.arrays, **arrays}, self.settings, self.oracle)

    def map_floats(self, change: Callable[[np.ndarray], np.ndarray]) -> "Problem":
        """Return the problem with every floating-point array changed."""
        return self.replace(**{name: change(a) for name, a in self.arrays.items() if a.dtype.kind == "f"})


class Operation:
    """What verification knows of an operation. Each subclass says how to make a problem and how to bound an error.

    passes: pass -> names of its results; a result d<name> is the gradient of the array <name>.
    smallest: the least value of every number of a geometry, to shrink a counterexample towards.
    large: geometries with several tiles and threads.  linear: arrays in which forward is linear (or homogeneous).
    forwards: gradient -> the pass that it is the gradient of, if that is not forward.
    fixed: numbers of a geometry that every problem has, for a kernel that is to do no more than that.
    choices: numbers of a geometry that are no sizes but choose one of so many alternatives; each of them is tried.
    strides: a stride's name -> that of the axis along which it goes.
    long: a geometry with more than 65,536 numbers and few terms a number.
    scaled: pass -> the arrays of which a common power of two passes through to the results.
    validated: arrays in which NaN and infinity are refused.
    meet_padding: pass -> arrays whose infinities a kernel may multiply by the zeros of a padding.
    selective: passes that may leave out products with 0, so that a NaN may or may not be seen.
    dtypes: what it is verified in.  without: properties (property_list.py) that say nothing of it.
    """

    name = ""
    passes: dict[str, tuple[str, ...]] = {}
    smallest: Geometry = {}
    large: tuple[Geometry, ...] = ()
    linear: tuple[str, ...] = ()
    forwards: dict[str, str] = {}
    fixed: Geometry = {}
    choices: Geometry = {}
    strides: dict[str, str] = {}
    long: Geometry = {}
    scaled: dict[str, tuple[str, ...]] = {}
    selective: tuple[str, ...] = ()
    validated: tuple[str, ...] = ()
    meet_padding: dict[str, tuple[str, ...]] = {}
    dtypes: tuple[type, ...] = (np.float32, np.float64)
    without: tuple[str, ...] = ()

    def variants(self, target: str) -> tuple[str, ...]:
        """Return the variants that are verified on a target."""
        return registry.variants(self.name, target)

    def own_bound(self, variant: str) -> float | None:
        """Return the factor of registry.OWN_BOUNDS, for a variant that has one."""
        return registry.OWN_BOUNDS.get((self.name, variant))

    def formula(self, name: str) -> str:
        """Return the pass's formula in the notation of formulas.py."""
        return FORMULAS[self.name][name]

    def public(self, name: str) -> Callable[..., Any]:
        """Return the pass as everybody calls it, with `variant` and `out`."""
        return getattr(import_module(f"kernels.{self.name}"), name)

    def reference(self, name: str) -> Callable[..., Any]:
        """Return the pass as plain loops: the formula."""
        return registry.find(self.name, "reference", name)

    def draw(self, rng: np.random.Generator) -> Geometry:
        """Draw a small geometry, for the reference's plain loops."""
        raise NotImplementedError

    def problem(self, g: Geometry, dtype: Any, kind: str, seed: int, oracle: str = "reference") -> Problem:
        """Make the problem of a geometry; ValueError if there is none."""
        raise NotImplementedError

    def arguments(self, name: str, p: Problem) -> Arguments:
        """Return the positional arguments and the settings of a pass."""
        raise NotImplementedError

    def terms(self, name: str, p: Problem) -> tuple[int, ...]:
        """Return the number of roundings in each result's longest sum."""
        raise NotImplementedError

    def limits(self, name: str, p: Problem) -> tuple[Limit, ...]:
        """Each result's bound; here that of sums: gamma * (the same pass on the magnitudes)."""
        return self.limits_of_sums(name, p, lambda m: m)

    def limits_of_sums(self, name: str, p: Problem, roundings: Callable[[int], int]) -> tuple[Limit, ...]:
        """Return the bounds if a sum of m roundings may have the error of `roundings(m)`."""
        magnitudes = exact(self, name, p.map_floats(np.abs))
        return tuple(of_sum(roundings(m), s, p.dtype) for m, s in zip(self.terms(name, p), magnitudes, strict=True))

    def own_limits(self, name: str, p: Problem, factor: float) -> tuple[Limit, ...]:
        """Return the bounds of a variant that has one of its own; registry.OWN_BOUNDS defines it."""
        raise NotImplementedError

    def for_own_bounds(self, g: Geometry) -> Geometry:
        """Return the nearest geometry that a variant with a bound of its own has."""
        return g

    def work(self, p: Problem) -> int:
        """Return about how many terms the passes add up."""
        return max(a.size for a in p.arrays.values())

    def fit(self, g: Geometry) -> Geometry:
        """Return the geometry, enlarged if its windows do not fit."""
        return g

    def is_exact(self, p: Problem) -> bool:
        """Return whether the results of a problem of integers are exact."""
        return True

    def stretch(self, g: Geometry, key: str, value: int) -> Geometry:
        """Return the geometry with one of its numbers replaced by a larger one.

        With as many windows beside each other as a longer axis can have, and some along a larger stride.
        """
        g = self.fit({**g, key: value})
        if key in self.strides:
            return {**g, self.strides[key]: g[self.strides[key]] + 2 * value}
        return {**g, **{stride: 1 for stride, axis in self.strides.items() if axis == key}}

    def spoil(self, name: str, p: Problem, rng: np.random.Generator, but: tuple[str, ...] = ()) -> Problem:
        """Return the problem with NaN, infinities and -0 in up to three places of what a pass is given.

        but: arrays to leave alone.
        """
        args, _ = self.arguments(name, p)
        names = [n for n, a in p.arrays.items() if a.dtype.kind == "f" and any(a is b for b in args)]
        names = [n for n in names if n not in (*self.validated, *but)]
        changed = {n: p[n].copy() for n in names}
        for _ in range(rng.integers(1, 4)):
            a = changed[names[rng.integers(len(names))]]
            a.flat[rng.integers(a.size)] = rng.choice([np.nan, np.inf, -np.inf, -0.0])
        return p.replace(**changed)

    def random_oracle(self) -> str:
        """Return the oracle for a large problem: cpu_naive in float64 if there is one, else the reference."""
        return NAIVE if NAIVE in registry.OPERATIONS[self.name] else "reference"

    def ask(self, name: str, p: Problem) -> Any:
        """Return what the problem's oracle, a variant, makes of its numbers in float64."""
        args, settings = self.arguments(name, p.map_floats(lambda a: a.astype(np.float64)))
        results = self.public(name)(*args, **settings, variant=p.oracle)
        return (args[0], *args[2:]) if name == "update" else results  # it overwrites the parameter and its states


def exact(operation: Operation, name: str, p: Problem) -> tuple[np.ndarray, ...]:
    """Return the oracle's results of a pass, in float64; it is asked once per problem."""
    if name not in p.known:
        if p.oracle == "reference":
            args, settings = operation.arguments(name, p)
            p.known[name] = as_tuple(operation.reference(name)(*args, **settings))
        else:
            p.known[name] = as_tuple(operation.ask(name, p))
    return p.known[name]


def load_forward(operation: str, oracle: str) -> Callable[..., Any]:
    """Return the oracle's forward pass, for problems that hold its results."""
    return partial(import_module(f"kernels.{operation}").forward, variant=oracle)


def as_tuple(results: Any) -> tuple[np.ndarray, ...]:
    """Return a pass's result or results, as arrays."""
    return tuple(np.asarray(r) for r in (results if isinstance(results, tuple) else (results,)))
