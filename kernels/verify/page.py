"""The certificate as one HTML page that needs nothing else: no script, no font, no network."""

from html import escape
from typing import Any

from kernels.verify.markup import equations
from kernels.verify.table import cells, failed, grouped, notes, remarks

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a;
       background: #fff; }
h2 { margin: 2.5rem 0 0; font-size: 1.15rem; } h2 code { font-weight: normal; color: #555; font-size: .85rem; }
math { display: block math; width: fit-content; max-width: 100%; margin: .6rem 0 .2rem; padding-bottom: .4rem;
       font-size: 1.1rem; overflow: auto hidden; }
h1 { line-height: 1.2; } .wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; } td, th { padding: .15rem 1.1rem .15rem 0; text-align: left; }
th { color: #555; font-weight: normal; border-bottom: 1px solid #ccc; } tr.failed { color: #b00020; }
pre { background: #f5f5f5; padding: .8rem; overflow-x: auto; } .verdict { font-weight: bold; }
@media (prefers-color-scheme: dark) { body { background: #16181c; color: #e6e6e6; } pre { background: #22252b; }
  th, h2 code { color: #aaa; } tr.failed { color: #ff8a80; } }
"""
HEADINGS = ("variant", "dtype", "integers", "worst error", "in ulp", "adjoint", "central differences", "threads")


def made(certificate: dict[str, Any]) -> str:
    """The page."""
    sections = [_section(operation, name, rows) for (operation, name), rows in grouped(certificate["rows"]).items()]
    meaning = "".join(f"<dt>{escape(n)}</dt><dd>{escape(text)}</dd>" for n, text in certificate["properties"].items())
    said = "".join(f"<p>{escape(remark)}</p>\n" for remark in remarks(certificate))
    machine = certificate["machine"]
    where = ", ".join((f"{machine['cores']} cores", machine["system"], f"Python {machine['python']}"))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>formula-convnet: every kernel is its formula</title><style>{STYLE}</style></head><body>
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
