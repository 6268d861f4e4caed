"""`ladder --matrix-unit`: quiet rounds only, every rung, and a refusal where there is no such unit."""

import itertools

import pytest
from typer.testing import CliRunner

from benchmarks import amx_probe, matrix_unit_command, results
from benchmarks.cases import Conv
from benchmarks.cli import app
from benchmarks.sampling import QUICK, Effort
from kernels import registry
from kernels.amx import processor
from tests import matrix_unit as unit


def test_a_round_counts_only_if_the_unit_was_fast_before_and_after_each_sample():
    answers = itertools.cycle([True, True, False, False, True, True, True])  # a round lost within, one before, one kept
    calls = []
    runs = {name: lambda name=name: calls.append(name) for name in "ab"}
    effort = Effort(rounds=2, sample=0.0, settle=0.0)
    samples, rejected = amx_probe.interleave(runs, effort, lambda: next(answers), lambda run, count: 0.5 * count)
    assert samples == {"a": [0.5, 0.5], "b": [0.5, 0.5]}
    assert rejected == pytest.approx(4 / 6)


def test_a_unit_that_is_never_fast_is_not_reported():
    with pytest.raises(RuntimeError, match="slowed by a neighbour in 60 of 60 rounds"):
        amx_probe.interleave({"a": lambda: None}, QUICK, lambda: False, lambda run, count: 1.0)


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
