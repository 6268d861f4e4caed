"""The mutants themselves: each differs from its source in one place, and still is Python."""

import ast

from tests.mutation.operators import mutants
from tests.mutation.targets import ROOT, commands, files

SOURCE = '''
def kernel(x, stride, y):
    """A docstring: x[i] + 1 stays."""
    y[:] = 0
    for i in range(len(y)):
        if 0 <= i < 9:
            y[i] += x[i * stride[0] + 1]
    raise ValueError(f"{x[0] + 1}")
'''


def test_each_kind_of_mistake_is_made_once_where_it_can_be():
    made = {(m.kind, m.line): m for m in mutants("kernel.py", SOURCE)}
    assert "pass" in made["stale buffer", 4].source
    assert "range((len(y)) - 1)" in made["missing last round", 5].source
    assert "(0 <= i <= 9)" in made["other comparison", 6].source
    assert "y[i] = x[i * stride[0] + 1]" in made["overwritten sum", 7].source
    assert "stride[1]" in made["swapped axes", 7].source
    assert {kind for kind, _ in made} >= {"wrong sign", "dropped term", "dropped factor", "index off by one"}
    assert {line for _, line in made} == {4, 5, 6, 7}


def test_every_mutant_of_our_kernels_is_python_and_not_the_original():
    count = 0
    for path in files():
        source = (ROOT / path).read_text(encoding="utf-8")
        original = ast.dump(ast.parse(source))
        for mutant in mutants(path, source)[::29]:
            assert ast.dump(ast.parse(mutant.source)) != original, mutant.name
            count += 1
    assert count > 100


def test_every_kernel_file_has_tests_that_a_mutant_must_face():
    for path in files():
        for command in commands(path):
            tests = [a for a in command if a.endswith(".py")]
            assert tests
            assert all((ROOT / t).exists() for t in tests)
