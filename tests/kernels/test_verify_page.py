"""verify's formulas: each becomes well-formed MathML, and a line of text, with the same letters in it."""

import re
import unicodedata
from xml.etree import ElementTree

import pytest

from kernels.verify import certificate, page, run, threads
from kernels.verify.formulas import FORMULAS
from kernels.verify.markup import equations
from kernels.verify.operations import INFERENCE
from kernels.verify.plain import plain

ALL = [(o, name, f) for o, passes in FORMULAS.items() for name, f in passes.items()]
ALL += [(c.name, name, c().formula(name)) for c in INFERENCE for name in c.passes]


def letters(text: str) -> list[str]:
    return re.findall(r"[^\W_]", text)


@pytest.mark.parametrize(("operation", "name", "formula"), ALL)
def test_every_formula_is_typeset_whole(operation, name, formula):
    made = equations(formula)
    assert len(made) == formula.count(";") + 1
    shown = "".join("".join(ElementTree.fromstring(m.replace("&nbsp;", " ")).itertext()) for m in made)
    source = re.sub(r"sum_|sqrt|hat(?=\{)", "", formula)
    assert letters(shown) == letters(source.replace("max_", "max"))


def test_indices_sums_and_fractions_become_their_elements():
    (made,) = equations("y[n] = {1}/{N} sum_{p,q} x[n]^{2}")
    assert "<msub><mi>y</mi><mrow><mi>n</mi></mrow></msub>" in made
    assert "<mfrac><mrow><mn>1</mn></mrow><mrow><mi>N</mi></mrow></mfrac>" in made
    assert '<munder><mo movablelimits="false">∑</mo><mrow><mi>p</mi><mo>,</mo><mi>q</mi></mrow></munder>' in made
    assert "<msup><msub><mi>x</mi>" in made


@pytest.mark.parametrize("wrong", ["y[n = 1", "{a}/b", "sum_ x", "a]", "{a}"])
def test_unmatched_brackets_are_refused(wrong):
    with pytest.raises(ValueError, match="formula"):
        equations(wrong)


def test_the_page_stands_alone_and_shows_a_failure_escaped(tmp_path, monkeypatch):
    monkeypatch.setattr(threads, "COUNTS", (1,))
    path = tmp_path / "mine.py"
    path.write_text("def forward(x):\n    raise ValueError('<b>no</b>')\n")
    made = page.make(certificate.make(run(["relu"], kernel=path, quick=True)))
    assert "&lt;b&gt;no&lt;/b&gt;" in made
    assert "<b>no" not in made
    assert "2 of 2 passes FAILED" in made
    assert "kernels/relu/reference.py" in made
    assert not re.search(r"<script|src=|href=|url\(", made)


@pytest.mark.parametrize(("operation", "name", "formula"), ALL)
def test_every_formula_has_a_plain_line_with_the_same_letters(operation, name, formula):
    line = plain(formula)
    assert not re.search(r"hat\b|(?<!_)\{", line)
    assert letters(unicodedata.normalize("NFD", line)) == letters(re.sub(r"hat(?=\{)", "", formula))


@pytest.mark.parametrize(
    ("formula", "line"),
    [
        ("{1}/{1 + e^{-x}}", "1/(1 + e^(-x))"),
        ("{e^{x[k]}}/{sum_{j} e^{x[j]}}", "e^(x[k])/(sum_{j} e^(x[j]))"),
        ("{x - mean}/{sqrt{var + ε}} hat{y}[i]^{2}", "(x - mean)/sqrt(var + ε) ŷ[i]^2"),
        ("{y[n,k]}/{H W} over sum_{p,q} {a}/{hat{y}[n]}", "y[n,k]/(H W) over sum_{p,q} a/ŷ[n]"),
    ],
)
def test_plain_lines_have_brackets_where_they_are_needed(formula, line):
    assert plain(formula) == line
