"""Run kernels of the matrix unit where there is none: through the exact model of its instructions."""

from kernels.amx import processor
from kernels.amx.instructions import MODEL, TILES
from kernels.conv2d import matrix_unit

UNIT = TILES if processor.missing() is None else MODEL


def use(monkeypatch) -> None:
    """From now on the variants run, on the unit itself if there is one."""
    monkeypatch.setattr(matrix_unit, "unit", lambda operation, variant: UNIT)
    monkeypatch.setattr(processor, "missing", lambda: None)
