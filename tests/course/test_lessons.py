"""The lessons' texts: formulas that every reader of Markdown typesets, and statements that our kernels bear out."""

import re
from pathlib import Path

import numpy as np
import pytest

from convnet.course.folder import COURSE, KERNELS
from kernels import maxpool2d, registry, softmax
from kernels.verify.formulas import FORMULAS

ROOT = KERNELS.parent
PAGES = [p for f in ("kernels", "convnet", "docs", "benchmarks") for p in sorted((ROOT / f).rglob("*.md"))]
PAGES = [*(p for p in PAGES if not {"pages", "_build"} & set(p.parts)), *ROOT.glob("*.md")]
FENCED = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_formula_of_a_page_is_fenced(path):
    r"""Between $$, CommonMark reads \, and \; as escaped commas and semicolons, and formulas lose their spaces."""
    prose = re.sub(r"`[^`\n]*`", "", FENCED.sub("", path.read_text(encoding="utf-8")))
    assert "$$" not in prose
    assert not re.search(r"\\[,;!]|\\(frac|sum|text|mathrm)\b", prose)


@pytest.mark.parametrize("operation", registry.OPERATIONS)
def test_every_operations_lesson_typesets_its_formula(operation):
    text = (KERNELS / operation / "README.md").read_text(encoding="utf-8")
    assert "```math" in text.split("\n## A worked example")[0].split("\n## The gradient")[0]


def test_no_sum_runs_over_an_index_on_the_left_side():
    """Such a formula gives one number for the left side's index, and another for the sum's, by the same name."""
    for operation, passes in FORMULAS.items():
        for name, formula in passes.items():
            for equation in formula.split(";"):
                left, _, right = equation.partition(" = ")
                given = set(re.findall(r"\b[a-z]\b", "".join(re.findall(r"\[([^]]*)\]", left))))
                for over in re.findall(r"(?:sum|max)_\{([^}:]*)", right):
                    if re.match(r"\([a-z,]+\) (over|chose) ", over):
                        over = over.split(") ")[0]
                    bound = set(re.findall(r"\b[a-z]\b", over))
                    assert not bound & given, (operation, name, equation)


def test_a_rows_gradient_of_softmax_sums_to_0_because_a_shift_changes_nothing():
    rng = np.random.default_rng(0)
    x, dy = rng.integers(-4, 5, (20, 5)).astype(float), rng.integers(-4, 5, (20, 5)).astype(float)
    y = softmax.forward(x)
    assert np.allclose(softmax.forward(x + rng.integers(-9, 9, (20, 1))), y, rtol=1e-14)
    assert np.allclose(softmax.backward(dy, y).sum(axis=1), 0, atol=1e-14)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_max_pooling_keeps_the_sum_of_the_gradient_whether_windows_tile_overlap_or_tie(stride):
    rng = np.random.default_rng(stride)
    x = rng.integers(0, 3, (2, 7, 8, 3)).astype(float)  # many ties
    y, argmax = maxpool2d.forward(x, 2, stride=stride, padding=1)
    dy = rng.integers(-9, 10, y.shape).astype(float)
    dx = maxpool2d.backward(dy, argmax, x.shape, size=2, stride=stride, padding=1)
    assert dx.sum() == dy.sum()


def test_no_page_promises_that_a_step_of_adam_is_at_most_lr():
    """3.2 lr after a silence, 6.6 lr in a burst: kernels/adam/README.md computes both."""
    texts = [
        p.read_text(encoding="utf-8")
        for p in (*PAGES, *COURSE.glob("*.ipynb"), *Path(ROOT / "kernels").glob("adam/*.py"))
    ]
    assert not [t for t in texts if re.search(r"about lr (a step )?at most|at most (about )?lr\b", t)]
