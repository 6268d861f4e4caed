"""The certificate for a terminal: a table, the counterexamples, and one sentence."""

from typing import Any

from kernels.verify import paths_kept, problems, threads
from kernels.verify.plain import plain

# heading -> width
COLUMNS = {
    "variant": 14, "dtype": 7, "integers": 9, "worst error": 15, "in ulp": 8,
    "adjoint": 7, "slopes": 6, "threads": 7,
}  # fmt: skip

# what a certificate says beside its figures, by target
WHERE = {
    "cuda": "Run on this machine's GPU.",
    "cuda-emulated": "Compiled for a GPU and executed on the CPU, with every access to memory and every barrier "
    "checked: no GPU was used. The largest problems were left out, and no size or setting was stretched.",
    "simulated": "Run as Python text by Numba's simulator: nothing was compiled, no GPU was used.",
}

BESIDE_THE_TABLE = ("special", "scales", "surroundings", "layouts", "calls", "unwritten", "repeats")

QUICK = (
    f"Quick: {problems.QUICK} small problems of each kind instead of {problems.SMALL}, each size and setting at "
    f"{', '.join(map(str, problems.QUICK_STRETCHED))} instead of at {len(problems.STRETCHED)} values, one large "
    f"shape and only with integers, and {' and '.join(map(str, threads.QUICK))} threads. So it may miss a fault of one "
    "setting (a dilation of 3), of more than 65,536 numbers, or of one call in a thousand, which are found without it."
)


CANNOT_SEE = (
    "Not seen: a fault that only other shapes, settings or numbers show; one that shows in fewer than one of some "
    "thousand calls; a write beside a result that a kernel allocates itself."
)


def show(certificate: dict[str, Any], width: int | None = None) -> None:
    """Print it."""
    from rich.console import Console

    console = Console(width=width, highlight=False)
    for (operation, name), rows in group(certificate["rows"]).items():
        console.print(f"{operation} {name}  [dim]{rows[0]['source']}[/dim]", style="bold")
        console.print(f"  {plain(rows[0]['formula'])}", markup=False, soft_wrap=True, style="italic")
        console.print(_table(rows))
    for found in certificate["every_input"]:
        console.print(found["statement"], markup=False, soft_wrap=True, style="red" if found["wrong"] else None)
    for line in notes(certificate):
        console.print(line, markup=False, soft_wrap=True)


def group(rows: list[dict[str, Any]], *more: str) -> dict[tuple, list[dict[str, Any]]]:
    """Group the rows by operation and pass (and what else is named), in order."""
    groups: dict[tuple, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in ("operation", "pass", *more)), []).append(row)
    return groups


def _table(rows: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, collapse_padding=True, header_style="dim")
    for heading, width in COLUMNS.items():
        table.add_column(heading, no_wrap=True, min_width=width)
    for row in rows:
        table.add_row(*describe_row(row), style=None if row["ok"] else "red")
    return table


def describe_row(row: dict[str, Any]) -> list[str]:
    """Describe a row in words."""
    if not row["ok"]:
        return [f"  {row['variant']}", row["dtype"], "FAILED"]
    held, fraction, ulp = row["problems"], row["worst_fraction_of_bound"], row["worst_ulp"]
    exact = f"bound x{row['own_bound']:g}" if row["own_bound"] else "exact"
    percent = f"{100 * fraction:.2g}" if fraction > 1e-4 else "<0.01"
    worst = "0" if fraction == 0 else f"{percent}% of bound"
    yes = ["yes" if held.get(p) else "-" for p in ("adjoint", "differences", "threads")]
    return [f"  {row['variant']}", row["dtype"], exact, worst, "-" if ulp is None else f"{ulp:.2g} ulp", *yes]


def notes(certificate: dict[str, Any]) -> list[str]:
    """Describe every failure with its smallest counterexample, then give the verdict."""
    lines: list[str] = []
    for rows in group(certificate["rows"], "variant").values():
        found = [(row, failure) for row in rows for failure in row["failures"]]
        if found:
            others = dict.fromkeys(f"{f['property']} ({row['dtype']})" for row, f in found[1:])
            lines += ["", *describe_failure(*found[0]), *([f"  also broken: {', '.join(others)}"] if others else [])]
    machine, rows = certificate["machine"], certificate["rows"]
    versions = ", ".join(f"{n} {v}" for n, v in machine["versions"].items())
    lines += [part for remark in remarks(certificate) for part in ("", remark)]
    bad = sum(not row["ok"] for row in rows)
    every = certificate["every_input"]
    verdict = f"{bad} of {len(rows)} passes FAILED" if bad else f"all {len(rows)} passes are their formula"
    unreached = sum(len(c["unreached"]) for c in certificate["lines"])
    verdict += f"; {unreached} lines FAILED to be reached" if unreached else ""
    how = ", quick" if certificate["quick"] else ""
    how += "" if certificate["target"] == "cpu" else f"; on {certificate['target']}"
    if every:
        shown, wrong = sum(e["shown"] for e in every), sum(bool(e["wrong"]) for e in every)
        verdict += f"; for every input: {shown} of {len(every)} passes at their shapes" + f", {wrong} WRONG" * bool(
            wrong
        )
    lines += ["", f"{verdict} ({certificate['seconds']:.0f} s{how}; {machine['processor']}, {versions})"]
    return lines


def remarks(certificate: dict[str, Any]) -> list[str]:
    """Describe what the reader must know about how the result was found."""
    said = [QUICK] if certificate["quick"] else []
    if any(not row["large_shapes"] for row in certificate["rows"]):
        said.append("Large shapes were left out: the kernel is plain Python, which is too slow for them.")
    where = [WHERE[certificate["target"]]] if certificate["target"] in WHERE else []
    return [*said, *describe_others(certificate), *describe_lines(certificate), CANNOT_SEE, *where]


def describe_others(certificate: dict[str, Any]) -> list[str]:
    """Name the properties that were checked and have no column in the table."""
    held = {name for row in certificate["rows"] for name in row["problems"]}
    said = [certificate["properties"][p] for p in BESIDE_THE_TABLE if p in held]
    return ["Also checked: " + "; ".join(said) + "."] if said else []


def describe_lines(certificate: dict[str, Any]) -> list[str]:
    """Say which lines of the compiled kernels the problems reach, and name those that none reaches."""
    counted, others = certificate["lines"], certificate["lines_not_counted"]
    said = [f"FAILED: no problem reaches {line}" for c in counted for line in c["unreached"]]
    whole = sum(not c["unreached"] for c in counted)
    if counted:
        excused = sum(len(c["cannot_be_reached"]) for c in counted)
        but = f" but for {excused} that only other operations reach" if excused else ""
        said.append(
            f"Lines: without --quick, problems reach every line that the compiled kernels have{but}, in {whole} of "
            f"{len(counted)} operations (counted once, for this source: {paths_kept.COMMAND})."
        )
    if others:
        said.append(
            f"Lines not counted since the source changed: {', '.join(others)}. "
            f"To count: {paths_kept.COMMAND} {' '.join(f'--op {name}' for name in others)}"
        )
    return said


def describe_failure(row: dict[str, Any], failure: dict[str, Any]) -> list[str]:
    """Describe a failure: the property, the numbers, and the call that shows it."""
    lines = [
        f"FAILED {row['operation']} {row['pass']}, {row['variant']}, {row['dtype']}: {failure['property']}",
        f"  {failure['message']}",
    ]
    case = failure.get("counterexample")
    if case is None:
        return lines
    lines += ["  the smallest call found that shows it:"]
    for name, shape in case["shapes"].items():
        values = f" = {short(case['arrays'][name])}" if name in case["arrays"] else ""
        lines.append(f"    {name} {tuple(shape)}{values}")
    lines += [f"    {name} = {value}" for name, value in case["settings"].items()]
    return [*lines, f"  the formula: {plain(row['formula'])}, {row['source']}"]


def short(values: Any) -> str:
    """Return nested lists of numbers as text, without the .0 of integers."""
    if isinstance(values, list):
        return "[" + ", ".join(map(short, values)) + "]"
    return f"{values:.9g}"
