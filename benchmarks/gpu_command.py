"""`gpu`: verify every CUDA variant on the device, then time each pass beside its peers and beside what was predicted.

With --emulated the same code goes its way on the emulator, on tiny arrays: it shows that the command works, and its
seconds are the emulator's.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import figures_of_merit as merit
from benchmarks import gpu_check, gpu_clock, gpu_peers, gpu_tasks, peaks, results, roofline_command, sampling
from benchmarks.errors import ImpossibleError
from benchmarks.gpu_tasks import Timed
from benchmarks.gpus import GPUS, Gpu, of_device
from benchmarks.static_report import Codes, Prediction, predict
from benchmarks.static_report import run as emulate
from benchmarks.tables import Table, machine_line, seconds, tell
from kernels import registry
from kernels.emulator import machine_code

ONCE = sampling.Effort(rounds=1, sample=0.0, settle=0.0, attempts=1)
CLOCKS = {"events": gpu_clock.events, "wall": gpu_clock.wall}


class Wishes(NamedTuple):
    """target; only: cases with this in their name; out: where the roofline is drawn; json: where the document goes.

    sanitizer: seconds for each of compute-sanitizer's tools, 0 to leave them out.
    """

    target: str
    only: str | None = None
    out: Path | None = None
    json: Path | None = None
    sanitizer: float = 0.0


def run(wishes: Wishes, effort: sampling.Effort, options: dict[str, Any]) -> tuple[dict[str, Any], list[Table]]:
    """The document and its tables; RuntimeError without a GPU, WrongResultError where a kernel is wrong.

    The document is written after every pass: what was measured before an end that comes early is kept.
    """
    target, only, out = wishes.target, wishes.only, wishes.out
    device, real = gpu_check.driver(target), target == "cuda"
    operations = list(dict.fromkeys(op for op, _, _ in gpu_tasks.chosen(only)))
    checked = gpu_check.verified(operations, target, options["quick"] or not real)
    limit = wishes.sanitizer if real else 0
    sanitized = gpu_check.sanitized(operations, limit) if limit else {}
    gpu = of_device(device) if real else GPUS[0]
    predicted = predictor(gpu)
    peers = gpu_peers.load_torch(target), gpu_peers.load_cupy(target)
    document = results.document("gpu", [], {**options, "target": target}, with_peak=False)
    document["machine"]["gpu"] = device | {"verified": checked, "sanitizer": sanitized}
    document["options"]["complete"] = False
    if gpu:
        document["peak"] = {"gflops": gpu.peak, "bandwidths": {str(1 << 30): gpu.memory}, "model": gpu.name}
    for t in gpu_tasks.timed(only, tiny=not real):
        tell(f"{t.label}, {t.case}")
        entries = measure(t, target, peers, effort if real else ONCE)
        entries[-1] |= {"predicted": predicted(t), "geometry": t.geometry, "times": t.times}
        for entry in entries if gpu else ():
            check_possible(entry, gpu)
        document["records"] += entries
        if wishes.json:
            results.write(wishes.json, document)
    document["options"]["complete"] = True
    tables = [table(document)]
    drawn = [
        {**e, "case": e["case"].removeprefix("conv2d, ")}
        for e in document["records"]
        if e["case"].startswith("conv2d") and e["pass"] == "forward" and e["variant"] != "cpu"
    ]
    if out and gpu and drawn:
        roofline_command.draw(document["peak"], drawn, device["name"], out)
        tables[0].notes.append(f"Drawn: {out.with_suffix('.png')} and {out.with_suffix('.svg')}")
    return document, tables


def measure(t: Timed, target: str, peers: tuple, effort: sampling.Effort) -> list[dict[str, Any]]:
    """Records of the pass: PyTorch and CuPy where they have it, the CPU, and our variants, the default last."""
    rungs = {v: gpu_tasks.task(t, v, target) for v in registry.general(t.operation.name, target)}
    ours, transfers = rungs["cuda"]
    found = [*gpu_peers.pytorch(peers[0], t, ours), *gpu_peers.cupy(peers[1], t, ours)]
    cpu = gpu_tasks.task(t, "cpu", "cpu")[0]
    every = {f"{task.variant} {i}": task for i, task in enumerate([*found, cpu, *(task for task, _ in rungs.values())])}
    firsts = {name: sampling.first_call(task.run) for name, task in every.items()}
    for task in every.values():
        task.verify("before")
    on_device = {name: task.run for name, task in every.items() if task is not cpu}
    samples = {name: sampling.interleave(on_device, effort, clock(target)) for name, clock in CLOCKS.items()}
    there = sampling.interleave({"": transfers}, effort, gpu_clock.wall(target))[""]
    alone = sampling.samples_of(cpu.run, effort)
    for task in every.values():
        task.verify("after")
    entries = []
    for name, task in every.items():
        both = {how: alone if task is cpu else taken[name] for how, taken in samples.items()}
        more = {"transfers": there} if task is ours else {}
        entries.append(results.record(task, both["events"], wall=both["wall"], first_call=firsts[name], **more))
    return fastest_layout(entries)


def fastest_layout(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of PyTorch's layouts the one that takes least."""
    layouts = [e for e in entries if e["variant"] == "PyTorch"]
    best = min(layouts, key=lambda e: merit.median(e["samples"]), default=None)
    return [e for e in entries if e["variant"] != "PyTorch" or e is best]


def predictor(gpu: Gpu | None) -> Callable[[Timed], dict[str, Any] | None]:
    """Seconds that the static report's roofline gives a pass on this GPU; None without NVIDIA's assembler."""
    try:
        machine_code.tool("ptxas"), machine_code.tool("nvdisasm")
    except RuntimeError as error:
        tell(f"no predictions: {error}")
        return lambda t: None
    if gpu is None:
        tell("no predictions: the driver tells neither clock nor memory of this GPU")
        return lambda t: None
    codes = Codes()

    def predicted(t: Timed) -> dict[str, Any]:
        p: Prediction = predict(emulate(t.operation, "cuda", t.name, t.case, t.geometry, True), gpu, codes, t.times)
        return {"seconds": p.seconds, "limit": p.limit, "terms": p.terms, "gpu": gpu._asdict()}

    return predicted


def check_possible(entry: dict[str, Any], gpu: Gpu) -> None:
    """ImpossibleError where one of ours does more operations than the GPU has room for."""
    ours = entry["variant"].startswith("cuda")
    if ours and results.gflops(entry) > peaks.MARGIN * gpu.peak:
        raise ImpossibleError(
            f"{entry['case']}, {entry['pass']}, {entry['variant']}: {results.gflops(entry):.0f} GFLOP/s are above "
            f"the {gpu.peak:.0f} of {gpu.name}: the measurement is wrong"
        )


def table(document: dict[str, Any]) -> Table:
    """A row for each of our variants; CPU, PyTorch and CuPy beside the default."""
    real, device = document["options"]["target"] == "cuda", document["machine"]["gpu"]
    title = f"Every CUDA pass on {device['name']}" if real else "EMULATED: no GPU was timed, the seconds are the CPU's"
    made = Table(
        title,
        ["pass", "case", "variant", "events", "wall", "with transfers", "GFLOP/s", "GB/s", "predicted",
         "measured / predicted", "CPU", "PyTorch", "CuPy"],
        words=3,
    )  # fmt: skip
    by = {(e["case"], e["pass"], e["variant"]): e for e in document["records"]}
    ratios = []
    for (case, name, variant), e in by.items():
        if not variant.startswith("cuda"):
            continue
        cells = {"predicted": "", "ratio": "", "transfers": "", "cpu": "", "PyTorch": "", "CuPy": ""}
        if variant == "cuda":
            others = {v: by.get((case, name, v)) for v in ("cpu", "PyTorch", "CuPy")}
            cells |= {v: seconds(merit.median(o["samples"])) for v, o in others.items() if o}
            cells["transfers"] = seconds(merit.median(e["transfers"]))
        if e.get("predicted"):
            ratios.append(merit.median(e["samples"]) / e["predicted"]["seconds"])
            cells |= {"predicted": seconds(e["predicted"]["seconds"]), "ratio": f"{ratios[-1]:.3g}"}
        operation, _, rest = case.partition(", ")
        rate = f"{results.gflops(e):.0f}" if e["flops"] else ""
        made.add(
            f"{operation} {name}", rest, variant, seconds(merit.median(e["samples"])), seconds(merit.median(e["wall"])),
            cells["transfers"], rate, f"{results.gigabytes(e):.0f}", cells["predicted"], cells["ratio"], cells["cpu"],
            cells["PyTorch"], cells["CuPy"],
        )  # fmt: skip
    made.notes += notes(document, ratios)
    return made


def notes(document: dict[str, Any], ratios: list[float]) -> list[str]:
    """What was verified, how far off the predictions were, and where all this comes from."""
    device, real = document["machine"]["gpu"], document["options"]["target"] == "cuda"
    checked = device["verified"]
    found = [f"Verified against the reference: {checked['passes']} passes of variants, {checked['problems']} checks."]
    if device["sanitizer"]:
        found.append("compute-sanitizer: " + ", ".join(f"{tool}: {said}" for tool, said in device["sanitizer"].items()))
    elif real:
        found.append("compute-sanitizer was not asked: it is not installed (the CUDA toolkit has it), or not wanted.")
    if ratios and real:
        found.append(
            f"Measured / predicted: median {merit.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}. "
            "The prediction is the static report's lower bound; below 1 the data came from a cache."
        )
    elif not real:
        found.append(
            f"Tiny arrays on the emulator: this shows that the command works. {GPUS[0].name} is assumed for the "
            "predictions; PyTorch, where it is installed, ran on the CPU."
        )
    found.append(machine_line(document))
    return found
