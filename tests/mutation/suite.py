"""The tests of the operations that a mutant reaches, run in the process in which it is in place."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.mutation import simulated
from tests.mutation.apply import leave_matrix_unit
from tests.mutation.child import Answer, allow
from tests.mutation.operators import Mutant
from tests.mutation.reach import module_of, modules
from tests.mutation.targets import ROOT, commands

SECONDS = 900  # of processor time for a group of tests
ARGUMENTS = ("-x", "-q", "--tb=no", "-p", "no:cacheprovider")


class Failed:
    """Pytest's plugin that remembers the first test that failed."""

    name = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note a failure."""
        if report.failed:
            self.name = self.name or report.nodeid


def face(mutant: Mutant) -> Answer:
    """Run the tests until one fails."""
    if simulated.is_simulated(mutant):
        return simulated.face(mutant)
    os.chdir(ROOT)
    leave_matrix_unit()  # a test that runs its instructions, where there is none, would end the process
    ran = False
    for arguments in [["tests/kernels/test_int8.py"]] if _is_of_eight_bits(mutant) else commands(mutant.path):
        allow(SECONDS)
        failed = Failed()
        code = pytest.main([*ARGUMENTS, *arguments], plugins=[failed])
        if code == pytest.ExitCode.TESTS_FAILED:
            return Answer("killed", failed.name)
        ran = ran or code == pytest.ExitCode.OK
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            return Answer("failed", f"pytest ended with {code!r}")
    return Answer("survived", "") if ran else Answer("not tested", "")


def _is_of_eight_bits(mutant: Mutant) -> bool:
    """Return whether the mistake lies in a function that only 8-bit passes call."""
    return modules()[module_of(mutant.path)].name_at(mutant.line).endswith("int8")
