"""The documentation's table of faults has every kind, and counts the kernels in which it is planted."""

import re
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from kernels.emulator.faults import KINDS
from tests.emulator import kernels, planted, test_faults

PAGE = Path(__file__).resolve().parents[2] / "docs/explanation/emulator_faults.md"
TOOLS = {"memcheck", "racecheck", "initcheck", "synccheck", "—"}
# planted in tests of their own
ALONE = {
    "read-only": test_faults.test_constant_memory_is_read_only,
    "too-many-copies": test_faults.test_more_copies_than_a_thread_may_have_under_way,
}


def test_the_table_has_every_kind_with_the_number_of_its_kernels():
    rows = re.findall(r"^\| ([a-z-]+) \| [^|]+ \| ([^|]+) \| (\d+) \|$", PAGE.read_text(encoding="utf-8"), re.M)
    count = Counter(kind for kind, *_ in kernels.FAULTS) + Counter(kind for kind, _ in test_faults.BY_HAND if kind)
    count += Counter(case.kind for case in planted.FAULTS) + Counter(ALONE.keys())
    assert {kind: int(n) for kind, _, n in rows} == dict(count)
    assert set(count) == {kind.name for kind in KINDS.values()}
    assert {re.split(r"[:,]", tool)[0] for _, tool, _ in rows} == TOOLS
