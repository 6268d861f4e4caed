"""A line of formulas.py for a terminal: {a}/{b} becomes a/b, with brackets where they are needed, and hat{y} ŷ."""

import re
import unicodedata

INNERMOST = re.compile(r"(sum_|max_|sqrt|hat|\^)?\{([^{}]*)\}")
ONE = re.compile(r"\w+(\[[^\]]*\]|\([^()]*\))?(\^(\w+|\([^()]*\)))?")  # a name, its index or argument, a power
OPEN, CLOSE = "\0", "\1"  # the braces that stay


def plain(formula: str) -> str:
    """Return the formula as text: e^{-x} is e^(-x), {x - mean}/{M} is (x - mean)/M; sum_{i,j} stays."""
    line, found = formula, 1
    while found:
        line, found = INNERMOST.subn(_group, line)
    return line.replace(OPEN, "{").replace(CLOSE, "}")


def _group(match: re.Match) -> str:
    before, inside = match[1] or "", match[2]
    if before in ("sum_", "max_"):
        return f"{before}{OPEN}{inside}{CLOSE}"
    if before == "hat":
        return unicodedata.normalize("NFC", f"{inside}\N{COMBINING CIRCUMFLEX ACCENT}")
    if before == "sqrt":
        return f"sqrt({inside})"
    if before == "^":
        return f"^{inside}" if inside.isalnum() else f"^({inside})"
    return inside if ONE.fullmatch(inside) else f"({inside})"
