"""A kernel that takes two indices for each other is caught by the comparison with the reference."""

import ast
from pathlib import Path

import pytest

pytest.importorskip("numba_cuda", reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)")

from kernels import registry
from tests.mutation.emulated import noticed, path_of
from tests.mutation.operators import Mutant

ROOT = Path(__file__).resolve().parents[2]


def swaps(source: str) -> list[tuple[int, str, str]]:
    """(line, the new text, the whole source) for two neighbouring indices exchanged, one array access each."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
            texts = [ast.unparse(e) for e in node.slice.elts]
            for i in range(len(texts) - 1):
                new = f"{ast.unparse(node.value)}[{', '.join([*texts[:i], texts[i + 1], texts[i], *texts[i + 2 :]])}]"
                lines = source.splitlines(keepends=True)
                line = lines[node.lineno - 1]
                lines[node.lineno - 1] = line[: node.col_offset] + new + line[node.end_col_offset :]
                if node.lineno == node.end_lineno and texts[i] != texts[i + 1]:
                    found.append((node.lineno, new, "".join(lines)))
    return found


CASES = [
    (op, variant, line, new, source)
    for op in registry.OPERATIONS
    for variant in registry.general(op, "cuda")
    # of the accesses in a file the first and every eighth after it: each costs a compilation
    for line, new, source in swaps((ROOT / path_of(op, variant)).read_text(encoding="utf-8"))[::8]
]


def mutant(op: str, variant: str, source: str) -> Mutant:
    return Mutant(path_of(op, variant), 0, 0, "swapped index", "", "", source)


@pytest.mark.parametrize(("op", "path"), [("softmax", "kernels/softmax/cuda.py"), ("dense", "kernels/cuda/sums.py")])
def test_the_kernels_as_they_are_pass(op, path):
    unchanged = Mutant(path, 0, 0, "unchanged", "", "", (ROOT / path).read_text(encoding="utf-8"))
    assert noticed(op, "cuda", unchanged) is None


def test_a_mutant_is_gone_afterwards():
    path = "kernels/cuda/weights.py"
    source = (ROOT / path).read_text(encoding="utf-8")
    wrong = Mutant(path, 0, 0, "no kernel", "", "", f"{source}\n\ndef kernel(*a):\n    raise ValueError\n")
    assert noticed("dense", "cuda", wrong) is not None
    assert noticed("dense", "cuda", Mutant(path, 0, 0, "unchanged", "", "", source)) is None


@pytest.mark.parametrize(("op", "variant", "source"), [(o, v, s) for o, v, _, _, s in CASES],
                         ids=[f"{o}-{v}-{line}-{new}" for o, v, line, new, _ in CASES])  # fmt: skip
def test_a_swapped_index_is_noticed(op, variant, source):
    assert noticed(op, variant, mutant(op, variant, source)) is not None
