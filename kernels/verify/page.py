"""The certificate as one HTML page that needs nothing else: no script, no font, no network."""

from html import escape
from typing import Any

from kernels.verify.look import HEAD, read_document_style
from kernels.verify.markup import equations
from kernels.verify.table import cells, failed, grouped, notes, remarks

HEADINGS = ("variant", "dtype", "integers", "worst error", "in ulp", "adjoint", "central differences", "threads")


def made(certificate: dict[str, Any]) -> str:
    """The page."""
    sections = [_section(operation, name, rows) for (operation, name), rows in grouped(certificate["rows"]).items()]
    meaning = "".join(f"<dt>{escape(n)}</dt><dd>{escape(text)}</dd>" for n, text in certificate["properties"].items())
    said = "".join(f"<p>{escape(remark)}</p>\n" for remark in remarks(certificate))
    machine = certificate["machine"]
    where = ", ".join((f"{machine['cores']} cores", machine["system"], f"Python {machine['python']}"))
    return f"""<!doctype html>
<html lang="en"><head>{HEAD}
<title>formula-convnet: every kernel is its formula</title><style>{read_document_style()}</style></head><body>
<h1>Every kernel is its formula</h1>
<p class="verdict">{escape(notes(certificate)[-1])}</p>
{said}<p>{escape(certificate["date"])}, {escape(where)}. Made by <code>convnet verify --html</code>.</p>
<details><summary>What was checked</summary><dl>{meaning}</dl></details>
{"".join(sections)}
</body></html>
"""


def _section(operation: str, name: str, rows: list[dict[str, Any]]) -> str:
    formula = "".join(equations(rows[0]["formula"]))
    oracle = " and ".join(sorted({o for row in rows for o in row["oracle"]}))
    head = "".join(f"<th>{h}</th>" for h in HEADINGS)
    body = "".join(_row(row) for row in rows)
    broken = [failed(row, failure) for row in rows for failure in row["failures"]]
    return (
        f"<h2>{operation} {name} <code>{rows[0]['source']}</code></h2>{formula}"
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
        f"<p><small>oracle: {escape(oracle)}, in float64</small></p>"
        + "".join(f"<pre>{escape(chr(10).join(lines))}</pre>" for lines in broken)
    )


def _row(row: dict[str, Any]) -> str:
    style = "" if row["ok"] else ' class="failed"'
    return f"<tr{style}>{''.join(f'<td>{escape(c.strip())}</td>' for c in cells(row))}</tr>"
