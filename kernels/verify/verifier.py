"""Hold every variant to its formula: the problems, the properties, the smallest counterexample, the certificate."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kernels import registry, targets
from kernels.verify import every_input as every
from kernels.verify import paths_kept, processes, threads
from kernels.verify.implementation import FromFile, Registered
from kernels.verify.operations import load_all, load_operations
from kernels.verify.outcome import Failure, Outcome, Row
from kernels.verify.problem import Geometry, Operation, Problem
from kernels.verify.problems import MOST_WORK, Problems, case
from kernels.verify.properties import BOUNDS, Broken, Implementation, Measured, integers
from kernels.verify.property_list import PROPERTIES, Property, applies
from kernels.verify.shrink import shrink

PATIENCE = 5.0  # seconds for one run over the large problems, which plain Python loops exceed


def run(
    operations: Iterable[str] = (),
    *,
    kernel: Path | None = None,
    quick: bool = False,
    fixed: Geometry | None = None,
    target: str = "cpu",
    every_input: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Verify all variants of the named operations (of all of them, if none is named), or the passes of a user's file.

    `fixed` holds numbers of every problem's geometry: {"groups": 1} for a kernel of one group, for instance.
    `target`: whose variants, run there; on the emulator without the largest problems (EMULATED).
    `every_input`: show of polynomials that they are their formula for every input of some shapes (every_input.py).
    ValueError for an operation that is not there, or a kernel file that is none. `tell` is told what is being done.
    """
    start, specs = time.monotonic(), load_all()
    targets.require(target)
    if kernel and target != "cpu":
        raise ValueError(f"--kernel runs on the CPU: it cannot be verified on {target!r}")
    chosen = {name: specs[name].variants(target) for name in _resolve(specs, tuple(operations), kernel, target)}
    if not every_input:  # which runs kernels in other arithmetics, and these units have one only
        chosen |= {n: (*v, *registry.opt_in(n, target)) for n, v in chosen.items()}
    for name in chosen:
        specs[name].fixed = fixed or {}
    own = FromFile(specs[next(iter(chosen))], kernel) if kernel else None
    subjects: dict[str, list[Implementation]] = {
        name: [own] if own else [Registered(specs[name], v, target) for v in variants]
        for name, variants in chosen.items()
    }
    slow = {s.variant: _is_slow(specs[n], s) for n, group in subjects.items() for s in group if isinstance(s, FromFile)}
    job = {
        "operations": {name: [s.variant for s in group] for name, group in subjects.items()},
        "kernel": str(kernel) if kernel else None,
        "quick": quick,
        "fixed": fixed or {},
        "small": any(slow.values()),
    }
    runs, rows = threads.Runs(job) if target == "cpu" else None, []
    try:
        if target == "cuda-emulated":
            pairs = [(name, variants, d.__name__) for name, variants in chosen.items() for d in specs[name].dtypes]
            parts = [processes.Part(*pair, target, quick, fixed or {}) for pair in pairs]
            rows = [row for found in processes.verify_each(parts, _verify_part, tell) for row in found]
        else:
            for name, group in subjects.items():
                for dtype in specs[name].dtypes:
                    tell(f"{name}, {dtype.__name__}")
                    rows += _verify(specs[name], group, dtype, quick, slow)
        if runs is not None:
            tell("threads")
            _compare_threads(rows, runs.digests())
    finally:
        if runs is not None:
            runs.stop()
    shown = tuple(_shown_for_every_input(specs, subjects, quick, tell)) if every_input else ()
    counts, uncounted = ([], []) if kernel else paths_kept.find(chosen, target)
    return Outcome(rows, time.monotonic() - start, quick, target, shown, tuple(counts), tuple(uncounted))


def _shown_for_every_input(
    specs: dict[str, Operation], subjects: dict[str, list[Implementation]], quick: bool, tell: Callable[[str], None]
) -> Iterator[every.EveryInput]:
    """Show what can be shown of each pass at each shape."""
    for name, group in subjects.items():
        if not every.is_polynomial(name):
            continue
        for impl in group:
            tell(f"{name} {impl.variant}, every input")
            for dtype in specs[name].dtypes:
                for p in every.problems(specs[name], impl, dtype, quick):
                    for part in filter(impl.has, specs[name].passes):
                        yield every.check(specs[name], impl, part, p)


def _resolve(
    specs: dict[str, Operation], operations: tuple[str, ...], kernel: Path | None, target: str
) -> tuple[str, ...]:
    known = load_operations() if kernel else specs  # a user's file has the passes of a reference.py in the registry
    unknown = [name for name in operations if name not in known]
    if unknown:
        raise ValueError(f"there is no operation {unknown[0]!r}; choose one of: {', '.join(known)}")
    if kernel and len(operations) != 1:
        raise ValueError("--kernel FILE needs one --op NAME: the operation whose passes the file defines")
    there = tuple(name for name, op in specs.items() if op.variants(target))
    lacking = [name for name in operations if name not in there]
    if lacking:
        raise ValueError(f"{lacking[0]}: there is no variant for {target!r} to verify: choose another --op or --target")
    return operations or there


def _verify_part(part: processes.Part) -> list[Row]:
    op = load_all()[part.operation]
    op.fixed = part.fixed
    group: list[Implementation] = [Registered(op, variant, part.target) for variant in part.variants]
    return _verify(op, group, np.dtype(part.dtype).type, part.quick, {})


def _verify(op: Operation, group: list[Implementation], dtype: Any, quick: bool, slow: dict[str, bool]) -> list[Row]:
    """Return a row for each pass of the implementations; slow: which variants do without the large problems."""
    problems, rows = Problems(op, dtype, quick), []
    for impl in group:
        if impl.variant in BOUNDS and dtype != np.float32:
            continue  # the matrix unit's and the tensor cores' sums are float32's
        for name in filter(impl.has, op.passes):
            row = Row(op.name, impl.variant, name, dtype.__name__, large=not slow.get(impl.variant, False))
            for what in PROPERTIES:
                if applies(what, op, impl, name, dtype):
                    _check(op, impl, row, what, problems)
            rows.append(row)
    return rows


def _check(op: Operation, impl: Implementation, row: Row, what: str, problems: Problems) -> None:
    wanted = PROPERTIES[what]

    def attempt(p: Problem) -> Broken | None:
        try:
            wanted.check(op, impl, row.name, p)
        except Broken as broken:
            return broken
        return None

    for which in _sets(wanted, impl, row, problems.quick):
        for seed, p in enumerate(problems.of(impl, wanted.kind, which)):
            try:
                _note(row, wanted.check(op, impl, row.name, p))
            except Broken as broken:
                row.failures.append(_smallest(op, impl, p, broken, wanted.kind, seed, attempt))
                return
            row.oracles.add(p.oracle)
            row.held[what] = row.held.get(what, 0) + 1


def _sets(wanted: Property, impl: Implementation, row: Row, quick: bool) -> Iterator[str]:
    """Yield the sets of problems that a pass is tried on."""
    for which in wanted.sets:
        too_slow = which == "large" and (not row.large or (quick and wanted.check is not integers))
        # an emulated launch takes a tenth of a second: there are the shapes that were drawn, and the large ones
        emulated = which in ("stretched", "long") and getattr(impl, "target", "cpu") in MOST_WORK
        if not too_slow and not emulated:
            yield which


def _note(row: Row, measured: Measured) -> None:
    row.fraction = max(row.fraction, measured.fraction)
    row.ulp = max((u for u in (row.ulp, measured.ulp) if u is not None), default=None)


def _smallest(
    op: Operation, impl: Implementation, p: Problem, broken: Broken, kind: str, seed: int, attempt: Callable
) -> Failure:
    def build(g: Geometry) -> list[Problem]:
        large = p.oracle != "reference"
        return [case(op, impl, g, p.dtype.type, kind, s, large) for s in (seed, seed + 100, seed + 200)]

    p, broken = shrink(op, p, broken, build, attempt)
    return Failure(broken.property, broken.message, p, broken.expected, broken.actual)


def _compare_threads(rows: list[Row], found: dict[int, dict[str, str]]) -> None:
    for row in rows:
        odd = threads.disagreement(found, row.key)
        if odd:
            row.failures.append(Failure("same bits for any number of threads", odd))
        else:
            row.held["threads"] = len(found)


def _is_slow(op: Operation, impl: FromFile) -> bool:
    """Return whether a pass would take longer than PATIENCE for the large problems, estimated from a small one."""
    rng = np.random.default_rng(1)
    p = max((case(op, impl, op.draw(rng), np.float32, "integers", 0, False) for _ in range(50)), key=op.work)
    large = sum(op.work(case(op, impl, g, np.float32, "integers", 0, True)) for g in op.large)
    for name in filter(impl.has, op.passes):
        args, settings = op.arguments(name, p)
        times = []
        try:
            for _ in range(4):  # the first call may compile
                begin = time.perf_counter()
                impl.call(name, args, settings)
                times.append(time.perf_counter() - begin)
        except KeyboardInterrupt:
            raise
        except BaseException:  # said later, with its counterexample
            return True
        if min(times) / op.work(p) * large > PATIENCE:
            return True
    return False
