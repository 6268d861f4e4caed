"""`roofline`: this machine's roof, measured, with every rung and (where installed) PyTorch under it, as PNG and SVG."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import kernels_command, peaks, results, sampling, tasks, torch_conv
from benchmarks.cases import CONV
from benchmarks.tables import Table, machine_line
from kernels import registry

CASES = tuple(c for c in CONV if c.name in ("listing conv1", "listing conv2", "depthwise 3x3", "ResNet-50 conv3 3x3"))
# Okabe and Ito's colours, with a marker each: to be told apart without colour too
STYLES = (("#999999", "v"), ("#e69f00", "s"), ("#56b4e9", "D"), ("#009e73", "^"), ("#0072b2", "o"))
PEER = ("#d55e00", "X")
LIMITS = (0.1, 400)  # FLOP/byte
ROOM = 3  # below the slowest point, for the columns' names


def run(out: Path, effort: sampling.Effort, options: dict[str, Any]) -> tuple[dict, list[Table]]:
    """Measure conv2d's forward pass by every rung on a few cases, and draw."""
    peaks.fma()
    # where it is missing the picture has no such points, and its legend no such name
    torch = torch_conv.load() if find_spec("torch") else None
    records = []
    for case in CASES:
        problem = tasks.ConvProblem(case)
        rungs = [problem.task("forward", v) for v in registry.general("conv2d", "cpu")]
        rungs += [torch_conv.task(torch, problem, "forward")] if torch else []
        for task in rungs:
            entry = kernels_command.measure(task, effort)
            records.append(entry)
    document = results.document("roofline", records, options)
    machine = document["machine"]
    draw(document["peak"], records, f"{machine['model']}, {machine['threads']} threads", out)
    table = Table("Roofline", ["case", "variant", "FLOP/byte", "GFLOP/s"], words=2)
    for e in records:
        table.add(e["case"], e["variant"], f"{e['flops'] / e['bytes']:.2f}", f"{results.gflops(e):.1f}")
    table.notes += [machine_line(document), f"Drawn: {out.with_suffix('.png')} and {out.with_suffix('.svg')}"]
    return document, [table]


def draw(peak: dict[str, Any], records: list[dict[str, Any]], where: str, out: Path) -> None:
    """The picture of conv2d's forward passes, as PNG and SVG."""
    from convnet.output import drawing

    figure, axes = drawing.new(9.6, 5.4)
    ax = axes[0, 0]
    _roof(ax, peak)
    floor = min(results.gflops(e) for e in records) / ROOM
    _points(ax, records, floor)
    title = f"conv2d forward on {where}, float32"
    ax.set(xscale="log", yscale="log", xlabel="arithmetic intensity, FLOP/byte", ylabel="GFLOP/s", title=title)
    ax.grid(which="major", alpha=0.25)
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, frameon=False)
    ax.set(xlim=LIMITS, ylim=(floor, peak["gflops"] * 1.6))
    out.parent.mkdir(parents=True, exist_ok=True)
    for suffix in (".png", ".svg"):
        figure.savefig(out.with_suffix(suffix), dpi=150)


def _roof(ax: Any, peak: dict[str, Any]) -> None:
    top, sets = peak["gflops"], {int(k): v for k, v in peak["bandwidths"].items()}
    x = np.geomspace(*LIMITS, 400)
    ax.axhline(top, color="0.2", lw=1.4)
    ax.text(LIMITS[1] * 0.9, top * 1.08, f"multiply-adds from registers: {top:.0f} GFLOP/s", ha="right", fontsize=8)
    largest = max(sets)
    for size, style in ((largest, "-"), (2**21, "--"), (2**15, ":")):
        if size not in sets:  # a GPU's data sheet names one speed
            continue
        speed, where = sets[size], f"{size // 2**20} MiB in use" if size >= 2**20 else f"{size // 2**10} KiB in use"
        if len(sets) == 1:
            where = "its memory"
        below = x * speed <= top
        ax.plot(x[below], x[below] * speed, color="0.2", lw=1.4, ls=style, label=f"{speed:.0f} GB/s: {where}")


def _points(ax: Any, records: list[dict[str, Any]], floor: float) -> None:
    variants = list(dict.fromkeys(e["variant"] for e in records))
    ours = [v for v in variants if v != "PyTorch"]
    styles = dict(zip(ours, STYLES[-len(ours) :], strict=False)) | {"PyTorch": PEER}
    for variant in variants:
        found = [e for e in records if e["variant"] == variant]
        colour, marker = styles[variant]
        xs, ys = [e["flops"] / e["bytes"] for e in found], [results.gflops(e) for e in found]
        size = 70 if variant in ("cpu", "cuda", "PyTorch") else 36
        ax.scatter(xs, ys, c=colour, marker=marker, s=size, label=variant, zorder=3, edgecolors="white", lw=0.6)
    columns = sorted({(e["flops"] / e["bytes"], e["case"]) for e in records})
    for index, (x, case) in enumerate(columns):  # each name over its column, at two heights so that none meet
        ax.axvline(x, color="0.85", lw=0.8, zorder=1)
        ax.text(
            x, floor * (1.1 if index % 2 else 1.6), case, ha="center", fontsize=8, backgroundcolor="white", zorder=2
        )
