"""`static`: registers, spills, occupancy, the hot loop, conflicts, sectors and a predicted time, without a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import machine, results
from benchmarks.gpus import GPUS, Gpu
from benchmarks.static_report import (
    Codes,
    Pass,
    executed_share,
    key,
    least_wavefronts,
    multiply_adds,
    passes,
    predict,
    products,
    resident,
)
from benchmarks.tables import Table, seconds, tell

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


def run(gpus: tuple[Gpu, ...], only: str | None, options: dict[str, Any]) -> tuple[dict[str, Any], list[Table]]:
    """Emulate, assemble, predict: the document, and a table of kernels and one of passes."""
    codes, done = Codes(), []
    for p in passes(only):
        tell(f"{p.label}, {p.variant}: {p.case}")
        done.append(p)
    if not done:
        raise ValueError(f"--only {only}: no pass of a CUDA variant has this in its name")
    codes.prepare((r.launch for p in done for r in p.reports), gpus)
    records = [_record(p, gpus, codes) for p in done]
    document = {
        "schema": results.STATIC, "command": "static", "machine": machine.describe(), "records": records,
        "options": {**options, "gpus": [g._asdict() for g in gpus], "assumptions": ASSUMPTIONS, "times": TIMES},
    }  # fmt: skip
    return document, [_kernels(done, gpus, codes), _passes(records, gpus)]


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
            "sectors": r.sectors, "bytes": r.bytes, "code": {},
        }  # fmt: skip
        for gpu in gpus:
            code = codes.of(r.launch, gpu)
            held = resident(r.launch, code, gpu)
            entry["code"][gpu.name] = {
                "registers": code.registers, "spilled": code.spilled, "local": code.local, "shared": code.shared,
                "hot": dict(code.hot.kinds), "blocks": held.blocks, "warps": held.warps, "limit": held.limit,
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


def _each(values: list[Any]) -> str:
    """One value where all are the same, else all of them."""
    return str(values[0]) if len(set(values)) == 1 else " / ".join(map(str, values))


def _kernels(done: list[Pass], gpus: tuple[Gpu, ...], codes: Codes) -> Table:
    """A row for each kernel, by the first pass that launched it."""
    names = " / ".join(g.name for g in gpus)
    table = Table(
        f"Kernels on {names}",
        ["kernel", "first launched by", "registers", "spilled", "shared", "warps held", "limited by", "hot loop",
         "FFMA in it", "FFMA executed", "wavefronts / least", "sectors used"],
        words=2,
    )  # fmt: skip
    seen = set()
    for p in done:
        for r in p.reports:
            assert r.launch is not None
            if key(r.launch) in seen:
                continue
            seen.add(key(r.launch))
            found = [codes.of(r.launch, g) for g in gpus]
            held = [resident(r.launch, c, g) for c, g in zip(found, gpus, strict=True)]
            fmas = multiply_adds(r)
            table.add(
                r.kernel, f"{p.label} ({p.variant}), {p.case}", _each([c.registers for c in found]),
                _each([c.spilled for c in found]), _each([c.shared for c in found]),
                _each([f"{h.warps} of {h.most}" for h in held]), _each([h.limit for h in held]),
                _each([c.hot.instructions or "none" for c in found]),
                _each([f"{c.hot.share('FFMA', 'HMMA'):.1%}" for c in found]) if fmas else "",
                f"{executed_share(r):.1%}" if fmas else "",
                f"{r.wavefronts / least_wavefronts(r):.2f}" if r.wavefronts else "",
                f"{r.efficiency:.0%}",
            )  # fmt: skip
    ccs = " ".join(f"{g.cc[0]}.{g.cc[1]}" for g in gpus)
    table.notes += [
        f"Made by `python -m benchmarks static --cc {ccs} --markdown FILE`.",
        "spilled: bytes of registers kept in memory, and shared: bytes a block. hot loop: machine instructions in the "
        "innermost loop with the most multiply-adds (FFMA, or HMMA of tensor cores); FFMA executed: their share of the "
        "PTX instructions that ran in it. sectors used: bytes asked for of those moved; above 100 % where threads "
        "share what they read.",
    ]
    return table


def _passes(records: list[dict[str, Any]], gpus: tuple[Gpu, ...]) -> Table:
    """A row for each pass of the variants with predictions: bytes, operations, predicted times."""
    table = Table(
        f"Predicted times of the default variants and of tensor cores, for {TIMES} times the case's images",
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
    table.notes += list(ASSUMPTIONS)
    return table
