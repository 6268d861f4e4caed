"""`ladder --matrix-unit`: quiet rounds only, every rung, and a refusal where there is no such unit."""

import pytest
from typer.testing import CliRunner

from benchmarks import amx_probe, matrix_unit_command, results
from benchmarks.cases import Conv
from benchmarks.cli import app
from benchmarks.sampling import QUICK
from kernels import registry
from kernels.amx import processor
from tests import matrix_unit as unit


def test_every_rung_is_verified_and_measured_in_every_pass(monkeypatch):
    """Where there is no unit, on the model of it, which shows that the command works and not how fast anything is."""
    unit.use(monkeypatch)
    monkeypatch.setattr(matrix_unit_command, "TILES", unit.UNIT)
    monkeypatch.setattr(matrix_unit_command, "PROBES", 1)
    monkeypatch.setattr(amx_probe, "REPEATS", 1)
    monkeypatch.setattr(amx_probe, "FAST", 0.0)
    case = Conv("small", (1, 5, 5, 32), (3, 3, 32, 32))
    document, (table,) = matrix_unit_command.run((case,), QUICK, {}, None)
    results.check(document, "here")
    variants = ("cpu", *registry.MATRIX_UNIT["conv2d"][::-1])
    passes = ("forward", "backward_data", "backward_weights")
    assert [(e["pass"], e["variant"]) for e in document["records"]] == [(p, v) for p in passes for v in variants]
    assert all(e["rejected"] == 0 for e in document["records"])
    assert len(table.rows) == 24


@pytest.mark.skipif(processor.missing() is None, reason="this machine has the matrix unit")
def test_without_the_unit_the_command_says_what_is_missing():
    done = CliRunner().invoke(app, ["ladder", "--matrix-unit", "--quick"])
    assert done.exit_code != 0
    assert "amx_tile and amx_bf16" in f"{done.exception}{done.output}"
