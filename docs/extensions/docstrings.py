"""Docstrings are plain text: show what they say as it stands, with formulas as code and lists of arguments as lists."""

import re

from sphinx.application import Sphinx

FORMULA = re.compile(r"\w+(\[[^]]*\])? (\+=|-=|=) .*[\[(*/]")
ITEM = re.compile(r"([-*]|\d+\.) ")
ARGUMENT = re.compile(r"(\w[\w, ]*?) {2,}(\S.*)")  # name, two spaces or more, what it is; continued where indented
SPECIAL = re.compile(r"([\\*_|`])")


def to_rest(lines: list[str]) -> list[str]:
    """Return reStructuredText that shows the lines of a docstring."""
    result: list[str] = []
    for block in re.split(r"\n\s*\n", "\n".join(lines).strip()):
        rows = block.splitlines()
        if all(row.startswith("    ") for row in rows):
            result += ["::", "", *(f"   {row}" for row in rows), ""]
        else:
            result += [*paragraph(rows), ""]
    return result


def paragraph(rows: list[str]) -> list[str]:
    """Return a block of text, in which a line can be a formula, an item of a list, or an argument."""
    result: list[str] = []
    inside = False  # an item, which indented rows continue
    for row in rows:
        if FORMULA.match(row):
            result += ["", "::", "", f"   {row}", ""]
            inside = False
        elif found := ARGUMENT.fullmatch(row):
            result += ["", f"- ``{found[1]}``: {shield(found[2])}"]
            inside = True
        elif found := ITEM.match(row):
            result += ["", f"- {shield(row[found.end() :])}"]
            inside = True
        elif inside and row.startswith(" "):
            result.append(f"  {shield(row.strip())}")
        else:
            result += [*([""] if inside else []), shield(row.strip())]
            inside = False
    return result


def shield(text: str) -> str:
    """Return the text with `code` as code, and with every other sign standing for itself."""
    pieces = re.split(r"`([^`]+)`", text)
    return "".join(f"``{p}``" if number % 2 else SPECIAL.sub(r"\\\1", p) for number, p in enumerate(pieces))


def process(app, what, name, obj, options, lines: list[str]) -> None:
    lines[:] = to_rest(lines)


def setup(app: Sphinx) -> dict:
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True}
