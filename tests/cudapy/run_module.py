"""Run one module of numba-cuda's tests with the emulated driver; a line of JSON for each test that fails or passes.

python -m tests.cudapy.run_module MODULE FILE [TEST ...]

The named tests are left out.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing.spawn
import subprocess
import sys
import traceback
import unittest
from collections.abc import Iterator
from typing import Any

from kernels.emulator.driver import install

INSTALL = "from kernels.emulator.driver import install; install()\n"
_run, _spawn = subprocess.run, multiprocessing.spawn.get_command_line


def run_with_driver(arguments: Any, *rest: Any, **options: Any) -> Any:
    """Run a process; what a test hands to `python -c` or `python -m` gets the emulated driver too."""
    if isinstance(arguments, (list, tuple)):
        arguments = list(arguments)
        if "-c" in arguments:
            arguments[arguments.index("-c") + 1] = INSTALL + arguments[arguments.index("-c") + 1]
        elif "-m" in arguments:
            at = arguments.index("-m")
            run = f"import runpy; runpy.run_module({arguments[at + 1]!r}, run_name='__main__', alter_sys=True)"
            arguments[at : at + 2] = ["-c", INSTALL + run]
    return _run(arguments, *rest, **options)


def spawn_with_driver(**about: Any) -> list[str]:
    """Return the command of a process of multiprocessing, which gets the emulated driver too."""
    command = _spawn(**about)
    command[command.index("-c") + 1] = INSTALL + command[command.index("-c") + 1]
    return command


class Lines(unittest.TestResult):
    """Write what became of each test."""

    def __init__(self, file: Any) -> None:
        super().__init__()
        self.file = file

    def startTest(self, test: unittest.TestCase) -> None:
        """Note the test, so that one that ends the process is known."""
        super().startTest(test)
        self._put(test, "started")

    def _put(self, test: Any, what: str, error: Any = None) -> None:
        text = "".join(traceback.format_exception(*error)) if error else ""
        words = (getattr(error[1], "stderr", "") or "") if error else ""
        text += words.decode(errors="replace") if isinstance(words, bytes) else str(words)
        kind = error[0].__name__ if error else ""
        self.file.write(json.dumps({"test": test.id(), "what": what, "kind": kind, "text": text}) + "\n")
        self.file.flush()

    def addSuccess(self, test: Any) -> None:
        """Note a success."""
        self._put(test, "ok")

    def addFailure(self, test: Any, err: Any) -> None:
        """Note an assertion that failed."""
        self._put(test, "failure", err)

    def addError(self, test: Any, err: Any) -> None:
        """Note an exception."""
        self._put(test, "error", err)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        """Note what failed in a part of a test."""
        if err:
            self._put(test, "error", err)

    def addSkip(self, test: Any, reason: str) -> None:
        """Note a test that does not apply here."""
        self._put(test, "skip")

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        """Note a test that fails as its authors expect."""
        self._put(test, "ok")


def _tests(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    """Yield the tests of a suite and of all suites in it."""
    for one in suite:
        if isinstance(one, unittest.TestSuite):
            yield from _tests(one)
        else:
            yield one


class _Function(unittest.FunctionTestCase):
    """A test that is a function, as pytest has them."""

    def id(self) -> str:
        """Return a name as those of methods."""
        return f"{self._testFunc.__module__}.{self._testFunc.__name__}"


def _functions(module: Any) -> Iterator[unittest.TestCase]:
    for name, function in vars(module).items():
        if name.startswith("test_") and callable(function):
            yield _Function(function)


def main(module: str, path: str, *done: str) -> None:
    """Run the module's tests, except those that are done."""
    install()
    subprocess.run = run_with_driver
    multiprocessing.spawn.get_command_line = spawn_with_driver
    found = importlib.import_module(f"numba.cuda.tests.cudapy.{module}")
    every = [*_tests(unittest.defaultTestLoader.loadTestsFromModule(found)), *_functions(found)]
    with open(path, "a", encoding="utf-8") as file:
        unittest.TestSuite(t for t in every if t.id() not in done).run(Lines(file))


if __name__ == "__main__":
    main(*sys.argv[1:])
