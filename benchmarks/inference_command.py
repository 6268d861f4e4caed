"""`inference`: the listing, trained, and its answers beside other engines', in turn in one run."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import figures_of_merit as merit
from benchmarks import listing_onnx, results, sampling
from benchmarks.child import Child
from benchmarks.errors import WrongResultError
from benchmarks.latencies import each, one_by_one
from benchmarks.tables import Table, disturbed, machine_line, seconds, tell

BATCHES = (1, 32, 512)
SINGLES = 10_000  # images, one at a time
CLOSE = 1e-5  # of a probability
ENGINES = {  # engine -> its contestants and their modules
    "ONNX Runtime": {"ONNX Runtime": "child_onnxruntime"},
    "OpenVINO": {"OpenVINO": "child_openvino"},
    "PyTorch": {"PyTorch": "child_pytorch", "torch.compile": "child_pytorch_compiled"},
    "JAX": {"JAX": "child_jax_inference"},
}
ALL_THREADS_ONLY = ("JAX",)  # it has no setting for their number


def run(pythons: dict[str, str], effort: sampling.Effort, options: dict[str, Any]) -> tuple[dict, list[Table]]:
    """pythons: engine -> an interpreter that has it."""
    import numba

    threads = numba.get_num_threads()
    counts = sorted({1, threads})
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        modules = [(name, python, m) for engine, python in pythons.items() for name, m in ENGINES[engine].items()]
        children = {name: stack.enter_context(Child(python, module, threads)) for name, python, module in modules}
        model = make_model(folder)
        records = [e for batch in BATCHES for e in measure(model, folder, batch, counts, children, effort)]
        records += measure_singles(model, folder, counts, children, 200 if options["quick"] else SINGLES)
        versions = {n: c.version for n, c in children.items()}
    document = results.document("inference", records, {**options, "peer_versions": versions}, with_peak=False)
    made = tables(document)
    made[0].notes += [f"{n} {v} in its own process" for n, v in versions.items()]
    return document, made


def make_model(folder: Path) -> Any:
    """Return the listing after a few steps, written as network.onnx too."""
    import convnet
    from benchmarks.keras_like import KerasLike

    peer = KerasLike(convnet)
    peer.train(32, 20)
    listing_onnx.write(peer.model, folder / "network.onnx")
    return peer.model


def contestants(
    model: Any, folder: Path, batch: int, counts: list[int], children: dict[str, Child]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return functions of a number of calls: seconds of one in the mean, and seconds of each. All outputs agree."""
    import numba

    x = np.random.default_rng(batch).random((batch, 28, 28, 1), np.float32)
    images = folder / f"{batch}.npy"
    np.save(images, x.transpose(0, 3, 1, 2))
    predict, expected = model.compile_inference(batch), model(x)

    def ours(how: Any, run: Any, threads: int, calls: int) -> Any:
        numba.set_num_threads(threads)
        try:
            return how(run, calls)
        finally:
            numba.set_num_threads(max(counts))

    mean: dict[str, Any] = {}
    single: dict[str, Any] = {}
    for threads in counts:
        for name, run in (("ours", lambda: model(x)), ("ours, compiled", lambda: predict(x))):
            mean[f"{name}, {threads}"] = partial(ours, each, run, threads)
            single[f"{name}, {threads}"] = partial(ours, one_by_one, run, threads)
        for name, child in children.items():
            if name in ALL_THREADS_ONLY and threads != max(counts):
                continue
            given = {"path": str(folder / "network.onnx"), "images": str(images), "threads": threads}
            error = np.abs(np.array(child.ask("outputs", **given)) - expected).max()
            if not error <= CLOSE:
                raise WrongResultError(f"{name}, {batch} images: probabilities differ by {error:.3g}")
            mean[f"{name}, {threads}"] = lambda calls, c=child, g=given: c.ask("predict", calls=calls, **g)
            single[f"{name}, {threads}"] = lambda calls, c=child, g=given: c.ask("latencies", calls=calls, **g)
    return mean, single


def measure(
    model: Any, folder: Path, batch: int, counts: list[int], children: dict[str, Child], effort: sampling.Effort
) -> list[dict[str, Any]]:
    """Return a record of every contestant; each runs once a round, about as long as the others."""
    runs, _ = contestants(model, folder, batch, counts, children)
    calls = {name: max(3, round(effort.sample * 10 / run(3))) for name, run in runs.items()}
    samples = sampling.take_turns(runs, calls, effort)
    case = f"{batch} image{'s' if batch > 1 else ''}"
    tell(case)
    return [{"case": case, "pass": "predict", "variant": n, "samples": s, "others": None} for n, s in samples.items()]


def measure_singles(
    model: Any, folder: Path, counts: list[int], children: dict[str, Child], calls: int
) -> list[dict[str, Any]]:
    """Return the seconds of many single images for every contestant."""
    _, runs = contestants(model, folder, 1, counts, children)
    tell(f"{calls} single images each")
    case = "single images"
    return [{"case": case, "pass": "latency", "variant": n, "samples": run(calls)} for n, run in runs.items()]


def tables(document: dict[str, Any]) -> list[Table]:
    """One line a contestant and number of images; then the times of single images."""
    records = [e for e in document["records"] if e["pass"] == "predict"]
    made = Table("The listing's answers; a ratio below 1 means that our compiled one is faster", _COLUMNS, words=2)
    for case in dict.fromkeys(e["case"] for e in records):
        found = {e["variant"]: e["samples"] for e in records if e["case"] == case}
        best = min((n for n in found if "compiled" in n), key=lambda n: merit.median(found[n]))
        for name, samples in found.items():
            value, low, high = merit.ratio(found[best], samples, paired=True)
            cells = ("", "") if name == best else (f"{value:.2f}", f"{low:.2f} - {high:.2f}")
            made.add(case, name, seconds(merit.median(samples)), *cells)
    late = Table("Single images", ["who, threads", "images", "median", "99th percentile", "ratio"], words=1)
    for e in document["records"]:
        if e["pass"] == "latency":
            half, most = np.percentile(e["samples"], [50, 99])
            late.add(e["variant"], len(e["samples"]), seconds(half), seconds(most), f"{most / half:.2f}")
    made.notes += [machine_line(document), *disturbed(document)]
    return [made, late]


_COLUMNS = ["images", "who, threads", "time", "ratio of ours, compiled", "95 %"]
