"""Whether a compiled kernel is its formula for every input of a shape, in exact arithmetic, with the chance of error.

The kernel's instructions are run modulo a prime, on values drawn at random, and compared with `polynomials`. Both are
polynomials of the inputs: the kernel's, because it does nothing with them but add and multiply, which the exchange of
the arithmetic itself enforces. Let D be their difference at one place of a result where they are not the same. A trial
misses D only if
- the prime divides the numerator of D's first coefficient that is not 0, or a denominator. Over a common denominator
  of at most 2^size, the kernel's numerators add up to at most 2^size: at most (2 size + FORMULA_BITS) / 30 of the
  PRIMES of 31 bits divide one of them; or
- D modulo the prime is not 0, but its value at the random point is (Schwartz, Zippel): at most degree / 2^30.
Degree and size are not assumed: the same instructions are run on degrees and on sizes. Trials are independent.
"""

from __future__ import annotations

import math
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kernels.algebra import arithmetic, cpu
from kernels.algebra.refusal import NotAlgebraicError
from kernels.verify.implementation import FromFile, Registered
from kernels.verify.polynomials import FORMULAS
from kernels.verify.problem import Operation, Problem, as_tuple
from kernels.verify.problems import case
from kernels.verify.properties import Implementation
from kernels.verify.unwritten import FILLS, filled

GOAL = -64.0  # log2 of the chance of error to be reached
MOST_TRIALS = 16
DRAWN, QUICK = 4, 1  # shapes that are drawn
MOST_PRODUCTS, EMULATED_PRODUCTS = 10_000_000, 200_000  # of one shape
PRIMES = 50_697_537  # between 2^30 and 2^31
FORMULA_BITS = 64  # of the formula's coefficients: 1, or 1 over a number of pixels
DEGREE = 2  # of a formula


@dataclass
class EveryInput:
    """What is known of one pass at one shape."""

    operation: str
    variant: str
    name: str
    dtype: str
    shape: str
    target: str = "cpu"
    trials: int = 0
    log2_error: float = 0.0
    degree: int = 0
    size: int = 0
    depth: int = 0  # roundings that a term goes through at most
    terms: int = 0  # what the general bound allows for
    wrong: str = ""  # where the kernel is another polynomial
    unknown: str = ""  # why nothing can be said
    seeds: list[int] = field(default_factory=list)

    @property
    def statement(self) -> str:
        """What is shown, in one sentence."""
        head = f"{self.operation} {self.name}, {self.variant}, {self.dtype}, {self.shape}:"
        if self.wrong:
            return f"{head} the compiled kernel is NOT its formula: {self.wrong}"
        if not self.shown:
            return f"{head} not shown for every input: {self.unknown or 'too many trials would be needed'}"
        bits = math.floor(-self.log2_error)
        return (
            f"{head} the compiled kernel is its formula for every input, in exact arithmetic; "
            f"chance of error < 2^-{bits} ({self.trials} trials modulo random primes, degree {self.degree}); "
            f"{self.rounding}"
        )

    @property
    def rounding(self) -> str:
        """How many roundings a term goes through, beside what the general bound allows for."""
        return f"{min(self.depth, self.terms)} roundings a term where the bound allows {self.terms}"

    @property
    def shown(self) -> bool:
        """Whether the identity is shown."""
        return not self.wrong and not self.unknown and self.log2_error <= GOAL


def is_polynomial(operation: str) -> bool:
    """Return whether the operation's formulas are polynomials of their inputs that `polynomials` can evaluate."""
    return operation in FORMULAS


def problems(op: Operation, impl: Implementation, dtype: Any, quick: bool) -> list[Problem]:
    """Return a problem of each shape that is tried: some that are drawn, and the large ones that are affordable."""
    rng = np.random.default_rng(5)
    drawn = [op.draw(rng) for _ in range(QUICK if quick else DRAWN)]
    made = [case(op, impl, g, dtype, "integers", seed, True) for seed, g in enumerate((*drawn, *op.large))]
    most = MOST_PRODUCTS if getattr(impl, "target", "cpu") == "cpu" else EMULATED_PRODUCTS
    few = len(drawn) + (1 if quick else len(op.large))
    return [p for p in made[:few] if op.work(p) <= most]


def check(op: Operation, impl: Implementation, name: str, p: Problem) -> EveryInput:
    """Run the trials of one pass on one problem's shape; its numbers are not used."""
    target = getattr(impl, "target", "cpu")
    found = EveryInput(op.name, impl.variant, name, p.dtype.name, describe_shape(op, name, p), target)
    found.terms = max(op.terms(name, p), default=0)
    try:
        if isinstance(impl, FromFile) and re.search(r"\.view\(|intrinsic", impl.path.read_text("utf-8")):
            raise NotAlgebraicError("its file uses view() or an intrinsic, which may look at a number's bits")
        runs = [
            _run(op, impl, name, _fill(p, mode), arithmetic.world(mode))
            for mode in (arithmetic.DEGREE, arithmetic.SIZE, arithmetic.DEPTH)
        ]
        found.degree, found.size, found.depth = (max(int(r.max(initial=0)) for r in results) for results in runs)
        chance = chance_of_error(found.degree, found.size)
        if chance >= 1:
            raise NotAlgebraicError("its degree or its coefficients are not bounded")
        while found.log2_error > GOAL and found.trials < MOST_TRIALS and not found.wrong:
            _try(op, impl, name, p, found, tuple(np.empty(r.shape, p.dtype) for r in runs[0]))
            found.trials += 1
            found.log2_error += math.log2(chance)
    except NotAlgebraicError as error:
        found.unknown = str(error)
    if found.wrong and isinstance(impl, FromFile):
        found.unknown, found.wrong = f"in compiled code it is not the formula ({found.wrong})", ""
    return found


def chance_of_error(degree: int, size: int) -> float:
    """Return a bound on the chance that one trial misses a difference."""
    if max(degree, size) >= arithmetic.UNBOUNDED:
        return 1.0
    return (2 * size + FORMULA_BITS) / 30 / PRIMES + max(degree, DEGREE) / 2**30


def draw_prime(rng: np.random.Generator) -> int:
    """Return one of the PRIMES, each as likely."""
    while True:
        n = int(rng.integers(2**30, 2**31))
        if is_prime(n):
            return n


def is_prime(n: int) -> bool:
    """Return whether a number below 3,215,031,751 is prime: Miller and Rabin's test with the bases 2, 3, 5, 7."""
    if n < 8 or n % 2 == 0:
        return n in (2, 3, 5, 7)
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in (2, 3, 5, 7):
        power = pow(base, odd, n)
        if power not in (1, n - 1) and all((power := power * power % n) != n - 1 for _ in range(twos - 1)):
            return False
    return True


def describe_shape(op: Operation, name: str, p: Problem) -> str:
    """Describe what the certificate is for: the shapes of a pass's arguments, and its settings."""
    args, settings = op.arguments(name, p)
    shapes = [f"{n} {'x'.join(map(str, a.shape))}" for n, a in p.arrays.items() if any(a is b for b in args)]
    default = {"stride": (1, 1), "dilation": (1, 1), "groups": 1, "padding": ((0, 0), (0, 0)), "output_padding": (0, 0)}
    return ", ".join([*shapes, *(f"{n} {_short(v)}" for n, v in settings.items() if v != default.get(n))])


def _short(value: Any) -> str:
    return "/".join(map(_short, value)) if isinstance(value, tuple) else str(value)


def _try(
    op: Operation, impl: Implementation, name: str, p: Problem, found: EveryInput, like: tuple[np.ndarray, ...]
) -> None:
    """Run one trial: a prime and values of its own, compared at every place of every result.

    A kernel of ours on the CPU writes into arrays (like those given) that are full of a number: no result may happen to
    be in memory before.
    """
    seed = secrets.randbits(63)
    found.seeds.append(seed)
    rng = np.random.default_rng(seed)
    prime = draw_prime(rng)
    whole = {n: rng.integers(0, prime, a.shape) for n, a in p.arrays.items() if a.dtype.kind == "f"}
    q = p.replace(**{n: _as_floats(a, p.dtype) for n, a in whole.items()})
    ours = isinstance(impl, Registered) and impl.target == "cpu"
    more = {"out": filled(like, FILLS[0])} if ours else {}
    given = _run(op, impl, name, q, arithmetic.world(arithmetic.FIELD, prime), more)
    expected = FORMULAS[op.name](name, whole, p.settings, prime)
    for result, a, e in zip(op.passes[name], given, expected, strict=True):
        if a.shape != e.shape or (a != e).any():
            at = ",".join(str(i) for i in np.argwhere(a != e)[0]) if a.shape == e.shape else ""
            found.wrong = (
                f"{result}[{at}] and {np.count_nonzero(a != e)} of {e.size} differ modulo {prime}, seed {seed}"
            )
            return


def _run(
    op: Operation, impl: Implementation, name: str, p: Problem, world: int, more: dict[str, Any] | None = None
) -> tuple[np.ndarray, ...]:
    """Run a pass in another arithmetic and return the integers of its results."""
    if getattr(impl, "target", "cpu") == "cpu":
        swapped = cpu.swapped
    else:
        from kernels.emulator.algebra import swapped
    args, settings = op.arguments(name, p)
    with swapped(world) as used:
        given = as_tuple(impl.call(name, args, {**settings, **(more or {})}))
    if not used:
        raise NotAlgebraicError("no code compiled by Numba ran")
    if any(g.dtype != p.dtype for g in given):
        raise NotAlgebraicError("its results have another dtype than its arguments")
    return tuple(np.ascontiguousarray(g).view(f"i{g.itemsize}").astype(np.int64) for g in given)


def _fill(p: Problem, mode: int) -> Problem:
    """Return the problem with every number the same variable of an arithmetic without values."""
    return p.map_floats(lambda a: _as_floats(np.full(a.shape, arithmetic.variable(mode)), p.dtype))


def _as_floats(a: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return a.astype(f"i{dtype.itemsize}").view(dtype)
