"""exercises: every solution passes, every starting file fails and says why; kernels are what they should be."""

from importlib.util import find_spec

import pytest

from convnet.exercises.catalogue import EXERCISES, find
from convnet.exercises.checking import check
from tests.exercises.changing import SOLUTIONS, changed

NAMES = [e.name for e in EXERCISES]
CUDA = pytest.mark.skipif(
    find_spec("numba_cuda") is None, reason="needs numba-cuda: pip install 'formula-convnet[cuda]' (no GPU needed)"
)
EVERY = [pytest.param(name, marks=CUDA) if name == "gpu" else name for name in NAMES]


def test_there_are_fourteen_and_each_has_its_starting_file_and_its_solution():
    assert len(EXERCISES) == len(set(NAMES)) == 14
    assert sorted(p.stem for p in SOLUTIONS.glob("*.py")) == sorted(NAMES)
    starts = EXERCISES[0].start.parent
    assert sorted(p.stem for p in starts.glob("*.py")) == sorted(NAMES)
    for number, exercise in enumerate(EXERCISES, 1):
        text = exercise.start.read_text()
        assert f"Exercise {number}, " in text
        assert "Hints, read one at a time:" in text
        assert find(str(number)) is exercise


@pytest.mark.parametrize("name", EVERY)
def test_every_solution_passes(name):
    verdict = check(find(name), SOLUTIONS / f"{name}.py")
    assert verdict.lines[0].startswith("solved: ")
    assert verdict.solved


@pytest.mark.parametrize("name", EVERY)
def test_every_starting_file_fails_and_says_what_is_to_be_written(name):
    verdict = check(find(name), find(name).start)
    assert not verdict.solved
    assert "NotImplementedError" in "\n".join(verdict.lines)


MISTAKES = {
    "gpu: too few blocks": ("gpu", [("-(-y.size // 128), 128", "1, 8")], "NaN"),
    "gpu: the padding is read": ("gpu", [("if 0 <= h < H and 0 <= w < W:", "if True:")], "KernelFault"),
    "tiles: the last tile is forgotten": ("tiles", [("range(0, Wo, TILE)", "range(0, Wo - Wo % TILE, TILE)")], ""),
}


@pytest.mark.parametrize("how", [pytest.param(h, marks=CUDA) if h.startswith("gpu") else h for h in MISTAKES])
def test_a_mistake_in_a_fast_kernel_is_found(how, tmp_path):
    name, changes, word = MISTAKES[how]
    verdict = check(find(name), changed(tmp_path, name, *changes))
    assert not verdict.solved
    assert word in verdict.lines[0]


def test_tiles_in_plain_python_are_right_but_too_slow(tmp_path):
    path = changed(tmp_path, "stride")
    verdict = check(find("tiles"), path)
    assert not verdict.solved
    assert "too slow for large ones" in verdict.lines[0]


@CUDA
def test_a_fault_on_the_gpu_is_told_with_its_line(tmp_path):
    path = changed(tmp_path, "gpu", ("if t >= y.size:", "if t > y.size:"))
    text = "\n".join(check(find("gpu"), path).lines)
    assert "KernelFault" in text
    assert "guard the index" in text


@CUDA
def test_numbers_that_no_kernel_has_written_are_not_a_solution(tmp_path):
    path = tmp_path / "gpu.py"
    path.write_text((SOLUTIONS / "stride.py").read_text())
    verdict = check(find("gpu"), path)
    assert not verdict.solved
    assert "no kernel has written them" in verdict.lines[0]


@CUDA
def test_one_thread_for_all_is_not_a_solution(tmp_path):
    one = [("    t = cuda.grid(1)\n    if t >= y.size:\n        return\n", "")]
    one += [("    f, j, i, n =", "    for t in range(y.size):\n      f, j, i, n =")]
    text = (SOLUTIONS / "gpu.py").read_text()
    head, body = text.split("    total = b[f]\n")
    loop, rest = body.split("\n\n\ndef forward")
    indented = "\n".join("  " + line for line in f"    total = b[f]\n{loop}".splitlines())
    for before, after in one:
        assert before in head
        head = head.replace(before, after)
    path = tmp_path / "gpu.py"
    path.write_text(f"{head}{indented}\n\n\ndef forward{rest}".replace("-(-y.size // 128), 128", "1, 1"))
    verdict = check(find("gpu"), path)
    assert not verdict.solved
    assert "1 threads did the work of" in verdict.lines[0]


def test_a_file_without_a_pass_that_the_exercise_asks_for_is_not_a_solution(tmp_path):
    path = changed(tmp_path, "maxpool", ("def backward", "def _backward"))
    verdict = check(find("maxpool"), path)
    assert not verdict.solved
    assert "does not define backward" in verdict.lines[0]


def test_an_unknown_exercise_names_those_there_are():
    with pytest.raises(ValueError, match="no exercise 'sums'; choose one of: sum, padding"):
        find("sums")


def test_a_file_that_is_not_there_or_does_not_compile_is_told_in_a_line(tmp_path):
    with pytest.raises(ValueError, match=r"^there is no .*sum.py: `convnet exercise start sum` writes one"):
        check(find("sum"), tmp_path / "sum.py")
    (tmp_path / "sum.py").write_text("def forward(")
    with pytest.raises(ValueError, match=r"^/\S+sum.py: it cannot be imported: SyntaxError"):
        check(find("sum"), tmp_path / "sum.py")
