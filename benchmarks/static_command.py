"""`static`: registers, spills, occupancy, the hot loop, conflicts, sectors and a predicted time, without a GPU."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import machine, results
from benchmarks.gpus import GPUS, Gpu
from benchmarks.static_report import (
    Codes,
    Pass,
    executed_share,
    least_wavefronts,
    multiply_adds,
    planned,
    predict,
    products,
    resident,
)
from benchmarks.static_tables import kernels_table, passes_table
from benchmarks.tables import Table, tell

TIMES = 512  # the predicted pass has so many times the images of the emulated one
ASSUMPTIONS = (
    "Measured: nothing. Counted: what the compiled kernels did on the emulator (PTX, compute capability 8.0), and what "
    "NVIDIA's assembler made of them for each GPU.",
    "Assumed in the predicted times: boost clock; every multiprocessor busy to the end; latencies hidden by the warps "
    "that it holds; each array of a pass moved once between memory and the caches; launches cost nothing; shared "
    "memory delivers one wavefront a cycle, four for 16 bytes a thread even where threads ask for the same.",
    "Of tensor cores the data sheet's rate is assumed. An H100 and a B200 reach it by instructions of their own only, "
    "and by mma.sync, which is used here, a part of it.",
    "A lower bound, then: a GPU takes longer, and only a GPU can say how much.",
)


def run(
    gpus: tuple[Gpu, ...], only: str | None, options: dict[str, Any], path: Path | None = None, resume: bool = False
) -> tuple[dict[str, Any], list[Table]]:
    """Emulate, assemble, predict: the document, and a table of kernels and one of passes.

    path: where the document is written after every pass. resume: with the passes that stand there already.
    """
    every = planned()
    options = {**options, "gpus": [g._asdict() for g in gpus], "assumptions": ASSUMPTIONS, "times": TIMES}
    records = _earlier(path, options) if resume else []
    document = {
        "schema": results.STATIC, "command": "static", "machine": machine.describe(), "records": records,
        "options": options,
    }  # fmt: skip
    wanted = [p for p in every if only is None or only in f"{p.label} {p.variant} {p.case}"]
    if not wanted:
        raise ValueError(f"--only {only}: no pass of a CUDA variant has this in its name")
    codes, done = Codes(), {_name(e) for e in records}
    for plan in wanted:
        if plan[:3] in done:
            continue
        tell(f"{plan.label}, {plan.variant}: {plan.case}")
        p = plan.run()
        codes.prepare((r.launch for r in p.reports), gpus)
        records.append(_record(p, gpus, codes))
        if path:
            results.write(path, document)
    order = [plan[:3] for plan in every]
    records.sort(key=lambda e: order.index(_name(e)))
    return document, [kernels_table(records, gpus), passes_table(records, gpus, TIMES, ASSUMPTIONS)]


def _name(entry: dict[str, Any]) -> tuple[str, str, str]:
    """What tells a pass from the others."""
    return entry["pass"], entry["variant"], entry["case"]


def _earlier(path: Path | None, options: dict[str, Any]) -> list[dict[str, Any]]:
    """The records of an earlier run; ValueError if it had another commit or other options than --only."""
    if path is None:
        raise ValueError("--resume: name the file of the earlier run with --json")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        there = {**found["options"], "only": None}, found["machine"]["commit"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"--resume: {path} is no earlier run's file: {error!r}; run once without --resume") from None
    here = {**json.loads(json.dumps(options)), "only": None}, machine.commit()
    for what, theirs, ours in zip(("options", "commit"), there, here, strict=True):
        if theirs != ours:
            raise ValueError(f"--resume: {path} was made with the {what} {theirs}, not {ours}: run without --resume")
    return found["records"]


def parse(ccs: list[str] | None) -> tuple[Gpu, ...]:
    """The GPUs of compute capabilities like "9.0"; all that are known if none is named."""
    from benchmarks.gpus import of

    if not ccs:
        return GPUS
    try:
        pairs = [tuple(map(int, cc.split("."))) for cc in ccs]
    except ValueError:
        pairs = [()]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"--cc: compute capabilities like 8.0 9.0 are wanted, got {' '.join(ccs)}")
    return tuple(of((pair[0], pair[1])) for pair in pairs)


def _record(p: Pass, gpus: tuple[Gpu, ...], codes: Codes) -> dict[str, Any]:
    """All figures of one pass."""
    launches = []
    for r in p.reports:
        assert r.launch is not None
        entry: dict[str, Any] = {
            "kernel": r.kernel, "grid": r.launch.grid, "block": r.launch.block, "instructions": r.instructions,
            "multiply_adds": multiply_adds(r), "wavefronts": r.wavefronts, "least_wavefronts": least_wavefronts(r),
            "sectors": r.sectors, "bytes": r.bytes, "executed": executed_share(r), "key": codes.name(r.launch),
            "code": {},
        }  # fmt: skip
        for gpu in gpus:
            code = codes.of(r.launch, gpu)
            held = resident(r.launch, code, gpu)
            entry["code"][gpu.name] = {
                "registers": code.registers, "stack": code.stack, "local": code.local, "shared": code.shared,
                "hot": dict(code.hot.kinds), "blocks": held.blocks, "warps": held.warps, "most": held.most,
                "limit": held.limit, "loop": code.hot.instructions, "multiply_adds": code.hot.share("FFMA", "HMMA"),
            }  # fmt: skip
        launches.append(entry)
    predictions = {g.name: predict(p, g, codes, TIMES) for g in gpus if p.twice}
    return {
        "case": p.case, "pass": p.label, "variant": p.variant, "bytes": p.bytes, "launches": launches,
        "flops": _flops(p, 1), "large_flops": _flops(p, TIMES), "large_bytes": _grown(p, lambda q: q.bytes),
        "predicted": {n: {"seconds": v.seconds, "limit": v.limit, "terms": v.terms} for n, v in predictions.items()},
    }  # fmt: skip


def _grown(p: Pass, figure: Callable[[Pass], int], times: int = TIMES) -> int:
    """A figure of `times` as many images: what a second batch added is taken for every further one."""
    return figure(p) + (times - 1) * (figure(p.twice) - figure(p)) if p.twice else figure(p)


def _flops(p: Pass, times: int) -> int:
    """Operations of multiply-adds that run, those on the tiles' empty places included."""
    return _grown(p, lambda q: 2 * sum(products(r) for r in q.reports), times)
