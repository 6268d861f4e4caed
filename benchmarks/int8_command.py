"""`int8`: the listing, trained, in 8 bits and in float32, beside ONNX Runtime's and OpenVINO's, in turn in one run.

A sample is the fastest of a round's calls: on a busy machine it is the one that nobody interrupted.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import figures_of_merit as merit
from benchmarks import inference_command, results, sampling
from benchmarks.child import Child
from benchmarks.errors import WrongResultError
from benchmarks.latencies import one_by_one
from benchmarks.tables import Table, disturbed, machine_line, seconds, tell

BATCHES = (1, 32)
IMAGES = 256  # to calibrate by
CLOSE = 0.05  # of a probability: 8 bits are not exact, a network that is another one is not close
OURS = "ours, int8"


def run(pythons: dict[str, str], effort: sampling.Effort, options: dict[str, Any]) -> tuple[dict, list[Table]]:
    """pythons: engine -> an interpreter that has it."""
    import numba

    threads = numba.get_num_threads()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        children = {
            n: stack.enter_context(Child(p, f"child_{n.lower().replace(' ', '')}", threads)) for n, p in pythons.items()
        }
        model = inference_command.make_model(folder)
        files = make_files(folder, children)
        made = quantized(model, folder)
        records = [
            entry
            for batch in BATCHES
            for entry in measure(contestants((model, made), folder, batch, files, children), batch, effort)
        ]
        versions = {n: c.version for n, c in children.items()}
    document = results.document("int8", records, {**options, "peer_versions": versions}, with_peak=False)
    table = tables(document)
    table.notes += [f"{n} {v} in its own process" for n, v in versions.items()]
    return document, [table]


def make_files(folder: Path, children: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return who computes which file, by name: each engine float32 and its own 8 bits, OpenVINO also ONNX Runtime's.

    Also writes the calibration images, channels first, to calibration.npy.
    """
    x = np.random.default_rng(7).random((IMAGES, 28, 28, 1), np.float32)
    np.save(folder / "calibration.npy", x.transpose(0, 3, 1, 2))
    network = str(folder / "network.onnx")
    files = {}
    for name, child in children.items():
        out = folder / ("network-int8.onnx" if name == "ONNX Runtime" else "network-int8.xml")
        files[f"{name}, float32"] = name, network
        given = {"path": network, "images": str(folder / "calibration.npy"), "out": str(out)}
        files[f"{name}, int8"] = name, child.ask("quantize", **given)
    if {"ONNX Runtime", "OpenVINO"} <= set(children):
        files["OpenVINO, int8 of ONNX Runtime's file"] = "OpenVINO", files["ONNX Runtime, int8"][1]
    return files


def quantized(model: Any, folder: Path) -> Any:
    """Return our model in 8 bits, calibrated by the same images."""
    from convnet.quantization import quantize

    return quantize(model, np.load(folder / "calibration.npy").transpose(0, 2, 3, 1))


def contestants(
    models: tuple[Any, Any], folder: Path, batch: int, files: dict[str, tuple[str, str]], children: dict[str, Any]
) -> dict[str, Any]:
    """Return functions of a number of calls, the seconds of the fastest of them; everybody's outputs are close."""
    import numba

    most = numba.get_num_threads()
    x = np.random.default_rng(batch).random((batch, 28, 28, 1), np.float32)
    images = folder / f"{batch}.npy"
    np.save(images, x.transpose(0, 3, 1, 2))
    expected = models[0].predict(x)
    compiled = {"ours, float32": models[0].compile_inference(batch), OURS: models[1].compile_inference(batch)}

    def ours(predict: Any, threads: int, calls: int) -> float:
        numba.set_num_threads(threads)
        try:
            return min(one_by_one(lambda: predict(x), calls))
        finally:
            numba.set_num_threads(most)

    runs: dict[str, Any] = {}
    for threads in sorted({1, most}):
        for name, predict in compiled.items():
            check(name, batch, predict(x), expected)
            runs[f"{name}, {threads}"] = partial(ours, predict, threads)
        for name, (engine, path) in files.items():
            given = {"path": path, "images": str(images), "threads": threads}
            check(name, batch, np.array(children[engine].ask("outputs", **given)), expected)
            runs[f"{name}, {threads}"] = lambda calls, e=engine, g=given: min(
                children[e].ask("latencies", calls=calls, **g)
            )
    return runs


def check(name: str, batch: int, found: np.ndarray, expected: np.ndarray) -> None:
    """Raise WrongResultError unless the probabilities are close to those in float32."""
    error = float(np.abs(found - expected).max())
    if not error <= CLOSE:
        raise WrongResultError(f"{name}, {batch} images: probabilities differ by {error:.3g}")


def measure(runs: dict[str, Any], batch: int, effort: sampling.Effort) -> list[dict[str, Any]]:
    """Return a record of every contestant; each runs once a round, about as long as the others."""
    calls = {name: max(5, round(effort.sample * 4 / run(3))) for name, run in runs.items()}
    samples = sampling.take_turns(runs, calls, effort)
    case = f"{batch} image{'s' if batch > 1 else ''}"
    tell(case)
    return [{"case": case, "pass": "predict", "variant": n, "samples": s, "others": None} for n, s in samples.items()]


def tables(document: dict[str, Any]) -> Table:
    """One line a contestant and number of images, with the ratio of our 8 bits on as many threads or fewer."""
    made = Table("The listing in 8 bits; a ratio below 1 means that ours is faster", _COLUMNS, words=2)
    for case in dict.fromkeys(e["case"] for e in document["records"]):
        found = {e["variant"]: e["samples"] for e in document["records"] if e["case"] == case}
        best = min((n for n in found if n.startswith(OURS)), key=lambda n: merit.median(found[n]))
        for name, samples in found.items():
            value, low, high = merit.ratio(found[best], samples, paired=True)
            cells = ("", "") if name == best else (f"{value:.2f}", f"{low:.2f} - {high:.2f}")
            made.add(case, name, seconds(merit.median(samples)), *cells)
    made.notes += [machine_line(document), *disturbed(document)]
    return made


_COLUMNS = ["images", "who, threads", "time", "ratio of ours, int8", "95 %"]
