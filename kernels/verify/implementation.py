"""What is verified: a variant of the registry, or the functions of a user's file."""

import hashlib
import importlib.util
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from kernels import targets
from kernels.verify.problem import Operation

BAND, WRITTEN = 64, 77  # numbers before and after an array for a result, and what they are


class WroteBesideError(Exception):
    """A kernel changed the memory beside its result."""


class Registered:
    """A variant, called through the operation's public function, as everybody calls it."""

    exact_dtype = True  # results have the inputs' dtype

    def __init__(self, operation: Operation, variant: str, target: str = "cpu") -> None:
        self.operation, self.variant, self.target = operation, variant, target
        self.factor = operation.own_bound(variant)

    def has(self, name: str) -> bool:
        """Return whether there is a pass of this name."""
        return True

    def call(self, name: str, args: tuple, settings: dict[str, Any]) -> Any:
        """Run a pass."""
        run = self.operation.public(name)
        if self.target != "cpu" or name == "update":  # an update overwrites its arguments
            args = tuple(targets.to_device(a, self.target) if isinstance(a, np.ndarray) else a for a in args)
        given = run(*args, **settings, variant=self.variant)
        if name == "update":
            p, g, *states = args
            given = (p, *states)
        if self.target == "cpu":
            return given
        return tuple(map(targets.to_host, given)) if isinstance(given, tuple) else targets.to_host(given)


class FromFile:
    """The passes that a user's file defines, with the signatures of the operation's reference.py, `out` optional."""

    exact_dtype = False  # float64 is as good
    factor = None

    def __init__(self, operation: Operation, path: Path) -> None:
        self.operation, self.path, self.variant = operation, path, path.stem
        module = load(path)
        self.functions = {n: getattr(module, n) for n in operation.passes if callable(getattr(module, n, None))}
        if not self.functions:
            wanted = ", ".join(signature(operation, n) for n in operation.passes)
            raise ValueError(
                f"--kernel {path}: it defines no pass of {operation.name}; define one or more of: {wanted}"
            )

    def has(self, name: str) -> bool:
        """Return whether there is a pass of this name."""
        return name in self.functions

    def call(self, name: str, args: tuple, settings: dict[str, Any]) -> Any:
        """Run a pass, with `out` full of NaN if it takes one."""
        with np.errstate(all="ignore"):  # a wrong number is found by its value; no warning beside it
            return self._run(self.functions[name], name, args, settings)

    def _run(self, run: Callable, name: str, args: tuple, settings: dict[str, Any]) -> Any:
        if "out" not in inspect.signature(run).parameters:
            return run(*args, **settings)
        memories: list[np.ndarray] = []
        out = self._empty(name, args, settings, memories)
        run(*args, **settings, out=out)
        if any((m != WRITTEN).any() for memory in memories for m in (memory[:BAND], memory[-BAND:])):
            raise WroteBesideError(f"{name} wrote beside out")
        return out

    def _empty(self, name: str, args: tuple, settings: dict[str, Any], memories: list[np.ndarray]) -> Any:
        """Return arrays for `out`, full of NaN, so that a number that is not written shows; each amid a memory."""
        results = self.operation.reference(name)(*args, **settings)
        dtype = next(a.dtype for a in args if isinstance(a, np.ndarray) and a.dtype.kind == "f")

        def empty(r: Any) -> np.ndarray:
            r = np.asarray(r)
            is_float = r.dtype.kind == "f"
            memory = np.full(r.size + 2 * BAND, WRITTEN, dtype if is_float else r.dtype)
            memories.append(memory)
            inside = memory[BAND : BAND + r.size]
            inside[:] = np.nan if is_float else 255
            return inside.reshape(r.shape)

        return tuple(map(empty, results)) if isinstance(results, tuple) else empty(results)


def load(path: Path) -> Any:
    """Import a user's file; ValueError, in a line, if it cannot be read or run."""
    if not path.is_file() or path.suffix != ".py":
        raise ValueError(f"--kernel {path}: not a Python file")
    # a name for these contents alone: kernels.jit would else find the code compiled from the file before its edit
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    spec = importlib.util.spec_from_file_location(f"{path.stem}_{digest}", path.resolve())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the file may do anything, sys.exit too
        raise ValueError(f"--kernel {path}: it cannot be imported: {describe_error(error, path)}") from error
    return module


def describe_error(error: BaseException, path: Path | None = None) -> str:
    """Describe an exception in a line, with the last line of the user's file that was running.

    An exception from another process has no frames here: it brings its own description.
    """
    if isinstance(described := getattr(error, "described", None), str):
        return described
    text = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
    line, trace = None, error.__traceback__
    while trace is not None and path is not None:
        if Path(trace.tb_frame.f_code.co_filename) == path.resolve():
            line = trace.tb_lineno
        trace = trace.tb_next
    return text if line is None else f"{text} (line {line})"


def signature(operation: Operation, name: str) -> str:
    """Return how a pass is to be defined."""
    run = operation.reference(name)
    parameters = [str(p).replace(" ", "") for p in inspect.signature(run).parameters.values()]
    keyword = [p.kind is p.KEYWORD_ONLY for p in inspect.signature(run).parameters.values()]
    if True in keyword:
        parameters.insert(keyword.index(True), "*")
    return f"{name}({', '.join(parameters)})"
