"""The page of PTX instructions says what the emulator does."""

from pathlib import Path

import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from kernels.emulator import instructions
from kernels.emulator.lowering import lower
from kernels.emulator.parse import parse
from kernels.emulator.program import Unsupported

PAGE = Path(__file__).parents[2] / "docs/reference/ptx.md"


def test_the_page_is_the_output_of_its_command():
    assert PAGE.read_text(encoding="utf-8") == instructions.table()


def test_a_refused_instruction_is_named():
    refused = [(opcode, ptx) for _, opcode, ptx in instructions.written() if not instructions.is_executed(ptx)]
    assert len(refused) > 20
    for opcode, ptx in refused:
        with pytest.raises(Unsupported, match=opcode.split(".")[0]):
            lower(parse(instructions.kernel(ptx)))
