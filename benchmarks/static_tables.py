"""The tables of the static report, from its records: one of kernels, one of passes."""

from __future__ import annotations

from typing import Any

from benchmarks.gpus import Gpu
from benchmarks.tables import Table, seconds


def _each(values: list[Any]) -> str:
    """One value where all are the same, else all of them."""
    return str(values[0]) if len(set(values)) == 1 else " / ".join(map(str, values))


def kernels_table(records: list[dict[str, Any]], gpus: tuple[Gpu, ...]) -> Table:
    """A row for each kernel, by the first pass that launched it."""
    names = " / ".join(g.name for g in gpus)
    table = Table(
        f"Kernels on {names}",
        ["kernel", "first launched by", "registers", "stack", "shared", "warps held", "limited by", "hot loop",
         "FFMA in it", "FFMA executed", "wavefronts / least", "sectors used"],
        words=2,
    )  # fmt: skip
    seen = set()
    for record in records:
        for launch in record["launches"]:
            if launch["key"] in seen:
                continue
            seen.add(launch["key"])
            found = [launch["code"][g.name] for g in gpus]
            fmas, waves, sectors = launch["multiply_adds"], launch["wavefronts"], launch["sectors"]
            table.add(
                launch["kernel"], f"{record['pass']} ({record['variant']}), {record['case']}",
                *(_each([c[what] for c in found]) for what in ("registers", "stack", "shared")),
                _each([f"{c['warps']} of {c['most']}" for c in found]), _each([c["limit"] for c in found]),
                _each([c["loop"] or "none" for c in found]),
                _each([f"{c['multiply_adds']:.1%}" for c in found]) if fmas else "",
                f"{launch['executed']:.1%}" if fmas else "",
                f"{waves / launch['least_wavefronts']:.2f}" if waves else "",
                f"{launch['bytes'] / (32 * sectors):.0%}" if sectors else "",
            )  # fmt: skip
    ccs = " ".join(f"{g.cc[0]}.{g.cc[1]}" for g in gpus)
    table.notes += [
        f"Made by `python -m benchmarks static --cc {ccs} --markdown FILE`.",
        "stack: bytes of a thread's variables that found no register and lie in memory; shared: bytes a block.",
        "hot loop: machine instructions in the innermost loop with the most multiply-adds (FFMA, or HMMA of tensor "
        "cores); FFMA executed: their share of the PTX instructions that ran in it. sectors used: bytes asked for of "
        "those moved; above 100 % where threads share what they read.",
    ]
    return table


def passes_table(records: list[dict[str, Any]], gpus: tuple[Gpu, ...], times: int, notes: tuple[str, ...]) -> Table:
    """A row for each pass of the variants with predictions: bytes, operations, predicted times."""
    table = Table(
        f"Predicted times of the default variants and of tensor cores, for {times} times the case's images",
        ["pass", "case", "launches", "MB", "GFLOP", *(f"{g.name}" for g in gpus), "of the fp32 peak", "limited by"],
        words=2,
    )
    for e in records:
        if not e["predicted"]:
            continue
        of_fp32 = e["variant"] == "cuda"
        name = e["pass"] if of_fp32 else f"{e['pass']} ({e['variant']})"
        found = [e["predicted"][g.name] for g in gpus]
        flops = e["large_flops"]
        peak = [f"{flops / (f['seconds'] * g.peak * 1e9):.0%}" for f, g in zip(found, gpus, strict=True)]
        table.add(
            name, e["case"], len(e["launches"]), f"{e['large_bytes'] / 1e6:.3g}", f"{flops / 1e9:.3g}",
            *(seconds(f["seconds"]) for f in found), " / ".join(peak) if flops and of_fp32 else "",
            _each([f["limit"] for f in found]),
        )  # fmt: skip
    table.notes += notes
    return table
