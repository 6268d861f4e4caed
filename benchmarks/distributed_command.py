"""`distributed`: a training step shared by processes, beside PyTorch's, and what a network of machines would give."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import figures_of_merit as merit
from benchmarks import results
from benchmarks.machine import ROOT
from benchmarks.tables import Table, disturbed, machine_line, seconds, tell

BATCH, STEPS, SHARDS = 128, 30, 8
NETWORKS = {"10 Gbit/s": (30e-6, 10e9 / 8), "100 Gbit/s": (5e-6, 100e9 / 8)}  # s a message, bytes/s: assumed
RANKS = (2, 4, 8, 16, 32, 64, 128, 256)
PARAMETERS = {"the listing": 225_034, "ResNet-18": 11_689_512}


def run(torch_python: str | None, out: Path | None, options: dict[str, Any]) -> tuple[dict, list[Table]]:
    """Measure one and two processes; draw the prediction to `out`."""
    steps = 3 if options["quick"] else STEPS
    found = {"one process": ours(1, steps, 0), f"one process, {SHARDS} shards": ours(1, steps, SHARDS)}
    found[f"two processes, {SHARDS} shards"] = two = ours(2, steps, SHARDS)
    if torch_python is not None:
        found["PyTorch DDP, one process"] = ddp(torch_python, 1, steps)
        found["PyTorch DDP, two processes"] = ddp(torch_python, 2, steps)
    records = [
        {"case": "training step", "pass": "train", "variant": name, "samples": one["seconds"], **one}
        for name, one in found.items()
    ]
    document = results.document("distributed", records, {**options, "batch": BATCH}, with_peak=False)
    compute = merit.median(found["one process"]["seconds"])
    document["reduction"] = fit(two["reduction"])
    document["predicted"] = predict(compute)
    if out is not None:
        draw(document["predicted"], out)
    return document, tables(document)


def ours(size: int, steps: int, shards: int) -> dict[str, Any]:
    """Return what the processes measured, each on its share of the processors."""
    tell(f"{size} processes, {shards} shards")
    threads = max(1, (os.cpu_count() or 1) // size)
    command = [sys.executable, "-m", "benchmarks.distributed_child", str(BATCH), str(steps), str(shards)]
    mpiexec = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if mpiexec is None and shards:
        raise RuntimeError("distributed: needs mpiexec and mpi4py: pip install 'formula-convnet[mpi]' mpich")
    return _last_line([str(mpiexec), "-n", str(size), *command] if shards else command, threads)


def ddp(python: str, size: int, steps: int) -> dict[str, Any]:
    """Return what PyTorch's processes measured; one that is not the first is started beside."""
    tell(f"PyTorch DDP, {size} processes")
    threads, others = max(1, (os.cpu_count() or 1) // size), []
    port = str(29500 + os.getpid() % 1000)
    for rank in reversed(range(size)):
        words = [python, str(ROOT / "benchmarks/distributed_torch.py"), *map(str, (rank, size, BATCH, steps, threads))]
        if rank == 0:
            found = _last_line(words, threads, port)
        else:
            others.append(subprocess.Popen(words, env=_environment(threads, port)))
    for other in others:
        other.wait(60)
    return found


def _environment(threads: int, port: str = "") -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OPENBLAS_", "OMP_", "MKL_"))}
    more = {"NUMBA_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads), "MASTER_PORT": port}
    return {**kept, **more, "MASTER_ADDR": "127.0.0.1", "PYTHONPATH": str(ROOT), "OMPI_ALLOW_RUN_AS_ROOT": "1"}


def _last_line(command: list[str], threads: int, port: str = "") -> dict[str, Any]:
    done = subprocess.run(command, env=_environment(threads, port), cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"distributed: {' '.join(command[:4])} ended: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def fit(measured: list[tuple[int, float]]) -> dict[str, float]:
    """Return seconds a reduction and bytes a second, by least squares of relative errors."""
    sizes, times = (np.array(column, float) for column in zip(*measured, strict=True))
    columns = np.stack([1 / times, 4 * sizes / times], 1)
    latency, per_byte = np.linalg.lstsq(columns, np.ones(len(times)), rcond=None)[0]
    return {"latency": float(latency), "bandwidth": float(1 / per_byte)}


def predict(compute: float) -> list[dict[str, Any]]:
    """Return the share of a step that R machines compute, for a batch of BATCH images on each.

    Each sends R-1 pieces and gets as many, twice: 2 (R-1) messages of latency, 2 (R-1)/R of the gradient's bytes.
    Nothing overlaps with computing. ResNet-18's step is taken as long as its multiply-adds are more than the listing's.
    """
    found = []
    for name, count in PARAMETERS.items():
        step = compute * (1.0 if name == "the listing" else 1.8e9 / 4.9e6)  # multiply-adds of an image
        for network, (latency, bandwidth) in NETWORKS.items():
            for ranks in RANKS:
                exchange = 2 * (ranks - 1) * latency + 2 * (ranks - 1) / ranks * 4 * count / bandwidth
                share = step / (step + exchange)
                found.append({"network": name, "wire": network, "ranks": ranks, "efficiency": share})
    return found


def draw(predicted: list[dict[str, Any]], out: Path) -> None:
    """Draw the efficiency over the number of machines."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name in PARAMETERS:
        for wire in NETWORKS:
            rows = [p for p in predicted if (p["network"], p["wire"]) == (name, wire)]
            style = "-" if name == "the listing" else "--"
            axes.plot(
                [p["ranks"] for p in rows], [p["efficiency"] for p in rows], style, marker="o", label=f"{name}, {wire}"
            )
    axes.set(
        xscale="log", xlabel="machines, 128 images on each", ylabel="share of a step spent computing", ylim=(0, 1.02)
    )
    axes.set_xscale("log", base=2)
    axes.set_xticks(RANKS, [str(ranks) for ranks in RANKS])
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    for kind in ("png", "svg"):
        figure.savefig(out.with_suffix(f".{kind}"), dpi=150)


def tables(document: dict[str, Any]) -> list[Table]:
    """One line a way to train, and the prediction."""
    made = Table(
        f"A training step of the listing, batch {BATCH}", ["who", "a step", "images/s", "exchanging", "memory"]
    )
    for e in document["records"]:
        step = merit.median(e["samples"])
        exchange = f"{merit.median(e['exchange']) / step:.1%}" if e.get("exchange") else ""
        memory = f"{e['memory'] / 2**20:.0f} MiB" if "memory" in e else ""
        made.add(e["variant"], seconds(step), f"{BATCH / step:.0f}", exchange, memory)
    reduction = document["reduction"]
    made.notes += [
        f"a sum over two processes here: {reduction['latency'] * 1e6:.0f} us and "
        f"{reduction['bandwidth'] / 1e9:.1f} GB/s",
        machine_line(document),
        *disturbed(document),
    ]
    later = Table("Predicted share of a step spent computing", ["network", "wire", *map(str, RANKS)], words=2)
    for name in PARAMETERS:
        for wire in NETWORKS:
            rows = [p for p in document["predicted"] if (p["network"], p["wire"]) == (name, wire)]
            later.add(name, wire, *(f"{p['efficiency']:.2f}" for p in rows))
    later.notes += ["assumed: 30 us a message at 10 Gbit/s, 5 us at 100 Gbit/s; 128 images on each machine"]
    return [made, later]
