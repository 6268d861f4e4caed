"""The page's JavaScript modules as one script that needs no server: each becomes a function that returns its exports.

Browsers refuse `import` from a file opened from disk. The modules keep to a plain form, which is checked: whole-line
`import { a, b } from "./x.js";` and `export` before function, const or class.
"""

from __future__ import annotations

import re
from pathlib import Path

IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w/-]+)\.js";$', re.MULTILINE)
EXPORT = re.compile(r"^export ((?:async )?function|const|class) (\w+)", re.MULTILINE)
STRAY = re.compile(r"^\s*(?:import|export)\b.*$", re.MULTILINE)


def bundled(folder: Path, start: str = "main") -> str:
    """One script: every module that `start` needs, the needed before the needing. ValueError for any other form."""
    done: dict[str, str] = {}
    _add(folder, start, done, ())
    return "\n".join(["'use strict';", *done.values()])


def _add(folder: Path, name: str, done: dict[str, str], above: tuple[str, ...]) -> None:
    if name in done:
        return
    if name in above:
        raise ValueError(f"{name}.js needs itself: {' -> '.join((*above, name))}")
    text = (folder / f"{name}.js").read_text(encoding="utf-8")
    for _, needed in IMPORT.findall(text):
        _add(folder, needed, done, (*above, name))
    text = IMPORT.sub(lambda m: f"const {{{m[1].replace(' as ', ': ')}}} = {_variable(m[2])};", text)
    exports = [m[2] for m in EXPORT.finditer(text)]
    text = EXPORT.sub(r"\1 \2", text)
    if stray := STRAY.search(text):
        raise ValueError(f"{name}.js: not a form of import or export that a page can hold: {stray[0].strip()}")
    ending = f"return {{ {', '.join(exports)} }};"
    done[name] = f"// --- {name}.js\nconst {_variable(name)} = (() => {{\n{text.rstrip()}\n{ending}\n}})();\n"


def _variable(name: str) -> str:
    return "module_" + re.sub(r"\W", "_", name)
