"""`listing`: the document's network, one training step and one image, beside PyTorch, TensorFlow and JAX in turn."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from typing import Any

from benchmarks import figures_of_merit as merit
from benchmarks import quiet, results, sampling
from benchmarks.child import Child
from benchmarks.tables import Table, disturbed, machine_line, seconds, tell

BATCHES = (8, 32, 128, 512)
MEMORY_STEPS = 200


def run(pythons: dict[str, str], effort: sampling.Effort, options: dict[str, Any]) -> tuple[dict, list[Table]]:
    """pythons: TensorFlow, JAX -> an interpreter that has it. PyTorch runs here, if it is installed."""
    import numba

    import convnet
    from benchmarks.keras_like import KerasLike

    threads, records, notes = numba.get_num_threads(), [], []
    with ExitStack() as stack:
        children = {n: stack.enter_context(Child(p, f"child_{n.lower()}", threads)) for n, p in pythons.items()}
        for batch in options["batches"]:
            steps = max(5, min(100, 3200 // batch)) if effort.rounds > 3 else 3
            torch, peers = _torch(batch, steps), dict[str, Any]({"ours": KerasLike(convnet)})
            if torch:
                peers["PyTorch"] = torch
                notes.append(f"PyTorch at batch {batch}: {torch.name}")
            runs = {n: partial(p.train, batch, steps) for n, p in peers.items()}
            runs |= {n: partial(c.ask, "train", batch=batch, steps=steps) for n, c in children.items()}
            records += _rounds(f"training step, batch {batch}", "train", runs, effort)
        records += _one_image(peers, children, effort)
    records += _memory(pythons, threads, effort)
    versions = {n: c.version for n, c in children.items()}
    document = results.document("listing", records, {**options, "peer_versions": versions}, with_peak=False)
    made = tables(document)
    made[0].notes += [*notes, *(f"{n} {v} in its own process" for n, v in versions.items())]
    return document, made


def _torch(batch: int, steps: int) -> Any:
    from benchmarks import torch_conv
    from benchmarks.torch_listing import fastest

    if not find_spec("torch"):
        return None  # the table has no such column, and a note below it says why
    return fastest(torch_conv.load(), batch, steps)


def _one_image(peers: dict[str, Any], children: dict[str, Child], effort: sampling.Effort) -> list[dict[str, Any]]:
    calls = 200 if effort.rounds > 3 else 5
    runs = {n: lambda p=p: p.image(calls) for n, p in peers.items()}
    runs |= {n: lambda c=c: c.ask("image", calls=calls) for n, c in children.items()}
    found = _rounds("one image, model(x)", "image", runs, effort)
    runs = {"ours": lambda: peers["ours"].predict(calls)}
    if "TensorFlow" in children:
        runs["TensorFlow"] = lambda: children["TensorFlow"].ask("predict", calls=max(2, calls // 20))
    return found + _rounds("one image, predict(x)", "predict", runs, effort)


def _rounds(case: str, name: str, runs: dict[str, Any], effort: sampling.Effort) -> list[dict[str, Any]]:
    """Each peer once a round, which gives seconds per step; after one round to warm up."""

    def measure() -> dict[str, list[float]]:
        samples: dict[str, list[float]] = {n: [] for n in runs}
        for round_ in range(rounds):
            for n in list(runs) if round_ % 2 else reversed(runs):
                time.sleep(effort.settle)
                samples[n].append(runs[n]())
        return samples

    tell(case)
    rounds = 1
    measure()
    rounds = max(3, effort.rounds // 2)
    # children compute in processes of their own, which `quiet` would take for strangers
    samples, others = (measure(), None) if len(runs) > 2 else quiet.undisturbed(measure, effort.attempts)
    return [{"case": case, "pass": name, "variant": n, "samples": s, "others": others} for n, s in samples.items()]


def _memory(pythons: dict[str, str], threads: int, effort: sampling.Effort) -> list[dict[str, Any]]:
    """Most resident memory of a training run in a fresh process each, in bytes (as the one "sample")."""
    import sys

    steps = MEMORY_STEPS if effort.rounds > 3 else 3
    who = {"ours": (sys.executable, "child_convnet")}
    who |= {n: (p, f"child_{n.lower()}") for n, p in pythons.items()}
    records = []
    for name, (python, module) in who.items():
        with Child(python, module, threads) as child:
            child.ask("train", batch=32, steps=steps)
            most = child.ask("memory")
        records.append({"case": "memory of training, batch 32", "pass": "memory", "variant": name, "samples": [most]})
    return records


def tables(document: dict[str, Any]) -> list[Table]:
    """One line a case: median of each, and ours over theirs with its interval."""
    records = document["records"]
    names = list(dict.fromkeys(e["variant"] for e in records))
    columns = ["", *names, *(f"ours/{n}" for n in names[1:])]
    table = Table("The listing: 28x28x1 images, 10 classes", columns)
    for case in dict.fromkeys(e["case"] for e in records):
        found = {e["variant"]: e["samples"] for e in records if e["case"] == case}
        show = (lambda v: f"{v / 2**20:.0f} MiB") if case.startswith("memory") else seconds
        cells = [show(merit.median(found[n])) if n in found else "" for n in names]
        for n in names[1:]:
            value, low, high = merit.ratio(found["ours"], found[n], paired=True) if n in found else (0, 0, 0)
            interval = f"{value:.2f} ({low:.2f} - {high:.2f})" if len(found["ours"]) > 1 else f"{value:.2f}"
            cells.append(interval if n in found else "")
        table.add(case, *cells)
    missing = [n for n in ("PyTorch", "TensorFlow", "JAX") if n not in names]
    table.notes += [machine_line(document), *disturbed(document)]
    table.notes += [f"Not run, since not installed here and no --*-python given: {', '.join(missing)}"] * bool(missing)
    return [table]
