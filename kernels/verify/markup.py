"""A line of formulas.py as MathML, which browsers typeset.

a[i,j] becomes an index, sum_{i} a sum with what it runs over, {a}/{b} a fraction, sqrt{a} a root, hat{a} a hat, and
a^{b} a power; `;` begins the next equation.
"""

import re
from html import escape

TOKEN = re.compile(r"\s*(sum_|max_|sqrt|d?hat|[^\W\d_]+|\d+|\S)")
WORDS = ("where", "else", "over", "chose", "reads")
LARGE = {"sum_": '<mo movablelimits="false">∑</mo>', "max_": '<mi mathvariant="normal">max</mi>'}


def equations(formula: str) -> list[str]:
    """Return each equation of a formula as a <math> element; ValueError if its brackets do not match."""
    return [f'<math display="block">{_Reader(part).all()}</math>' for part in formula.split(";")]


class _Reader:
    """Reads tokens from the left; each method returns the MathML of what it read."""

    def __init__(self, text: str) -> None:
        self.text, self.tokens = text, TOKEN.findall(text)
        self.tokens.reverse()  # the next one is the last

    def all(self) -> str:
        made = self.row()
        if self.tokens:
            raise ValueError(f"formula {self.text!r}: unexpected {self.tokens[-1]!r}")
        return made

    def row(self, end: str = "") -> str:
        """Everything up to `end`, which is taken too."""
        parts: list[str] = []
        while self.tokens and self.tokens[-1] != end:
            if self.tokens[-1] in ("]", "}"):
                break
            parts.append(self.item())
        if end:
            self.take(end)
        return f"<mrow>{''.join(parts)}</mrow>"

    def item(self) -> str:
        """Return an atom with its index and power."""
        made = self.atom()
        while self.tokens and self.tokens[-1] in ("[", "^"):
            if self.tokens.pop() == "[":
                made = f"<msub>{made}{self.row(']')}</msub>"
            else:
                made = f"<msup>{made}{self.group()}</msup>"
        return made

    def atom(self) -> str:
        token = self.tokens.pop()
        if token in LARGE:
            return f"<munder>{LARGE[token]}{self.group()}</munder>"
        if token == "sqrt":
            return f"<msqrt>{self.group()}</msqrt>"
        if token.endswith("hat"):
            prefix = "<mi>d</mi>" if token == "dhat" else ""
            return f'<mrow>{prefix}<mover accent="true">{self.group()}<mo>^</mo></mover></mrow>'
        if token == "{":
            above = self.row("}")
            self.take("/")
            return f"<mfrac>{above}{self.group()}</mfrac>"
        return _leaf(token)

    def group(self) -> str:
        self.take("{")
        return self.row("}")

    def take(self, wanted: str) -> None:
        if not self.tokens or self.tokens.pop() != wanted:
            raise ValueError(f"formula {self.text!r}: expected {wanted!r}")


def _leaf(token: str) -> str:
    if token in WORDS:
        return f"<mtext>&nbsp;{token}&nbsp;</mtext>"
    if token.isdigit():
        return f"<mn>{token}</mn>"
    if token[0].isalpha():
        return f"<mi>{token}</mi>"
    return f"<mo>{escape('−' if token == '-' else token)}</mo>"
